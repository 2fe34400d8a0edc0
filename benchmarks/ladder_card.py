"""Tables of the shipped ladder's model card, from a run of the default workflow.

python benchmarks/ladder_card.py [--results results] [--ladder config/ladders/nano.tsv] > tables.md
"""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import polars as pl
import statsmodels.api as sm
import typer

from rescore import schema
from rescore.schema.inputs import read_ladders

METRICS = {
    "exact_match": ("Exact match, in per cent", 100.0),
    "nll_nats_per_token": ("Negative log-likelihood of the target, in nats per token", 1.0),
    "token_edit_distance": ("Token edit distance, normalised, in per cent", 100.0),
}
SWEPT = {"letter_sorting": "sorting", "letter_reversal": "reversal"}


def main(
    results: Path = Path("results"), ladder: Annotated[Path, typer.Option()] = Path("config/ladders/nano.tsv")
) -> None:
    """Print the models, the results by task and size, and the elbow against the length of the answer."""
    models = read_ladders([ladder]).with_columns(
        size=pl.col("model").str.extract("-(w.*)-s[0-9]+$"), seed=pl.col("model").str.extract("-s([0-9]+)$")
    )
    print(*_models(models), sep="\n")
    curves = schema.read(results / "curves.parquet", schema.CURVES).filter(pl.col("ladder") == ladder.stem)
    curves = curves.join(models.select("model", "size", "seed"), on="model")
    for metric, (title, factor) in METRICS.items():
        print(f"\n{title}: mean over seeds, and their range.\n")
        print(*_results(curves.filter(pl.col("metric") == metric), factor), sep="\n")
    print("\nlog10 of the training compute at which exact match reaches 50%, by the length k of the answer:\n")
    print(*_elbows(curves.filter(pl.col("metric") == "exact_match")), sep="\n")


def _models(models: pl.DataFrame) -> list[str]:
    lines = ["| size | width | layers | heads | peak rate | parameters | training FLOPs (6ND) | seconds, by seed |"]
    lines.append("| --- | --: | --: | --: | --: | --: | --: | --: |")
    for (size,), seeds in models.partition_by("size", as_dict=True, maintain_order=True).items():
        records = [json.loads((Path(source) / "training.json").read_text()) for source in seeds["source"]]
        shape = records[0]["size"]
        seconds = ", ".join(f"{record['seconds']:.0f}" for record in records)
        lines.append(
            f"| {size} | {shape['width']} | {shape['layers']} | {shape['heads']} | {shape['learning_rate']:g} "
            f"| {records[0]['n_params']:,} | {records[0]['compute_flops']:.3g} | {seconds} |"
        )
    return lines


def _results(curves: pl.DataFrame, factor: float) -> list[str]:
    sizes = curves.sort("compute_flops")["size"].unique(maintain_order=True).to_list()
    lines = [f"| task | {' | '.join(sizes)} |", f"| --- |{' --: |' * len(sizes)}"]
    for (subtask,), rows in sorted(curves.partition_by("subtask", as_dict=True).items()):
        cells = []
        for size in sizes:
            means = rows.filter(pl.col("size") == size)["mean"].drop_nulls().to_numpy() * factor
            low, high = (_short(value, factor) for value in (means.min(), means.max()))
            cells.append(_short(means.mean(), factor) + (f" ({low}–{high})" if low != high else ""))
        lines.append(f"| {subtask} | {' | '.join(cells)} |")
    return lines


def _short(value: float, factor: float) -> str:
    return f"{value:.0f}" if factor > 1 else f"{value:.2g}"


def _elbows(curves: pl.DataFrame) -> list[str]:
    """Interpolate the means of the sizes; fit log10 C against log10 k by least squares."""
    lines = ["| task | " + " | ".join(f"k = {k}" for k in range(3, 9)) + " | slope (95% interval) |"]
    lines.append("| --- |" + " --: |" * 7)
    for task, name in SWEPT.items():
        x50 = []
        for k in range(3, 9):
            rows = curves.filter(pl.col("subtask") == f"{task}:length_{k}")
            means = rows.group_by("compute_flops").agg(pl.col("mean").mean()).sort("compute_flops")
            x, y = means["compute_flops"].log10().to_numpy(), np.maximum.accumulate(means["mean"].to_numpy())
            above = int(np.argmax(y >= 0.5)) if y[-1] >= 0.5 else 0
            crossed = above > 0
            x50.append(np.interp(0.5, y[above - 1 : above + 1], x[above - 1 : above + 1]) if crossed else np.nan)
        known = np.isfinite(x50)
        fit = sm.OLS(np.array(x50)[known], sm.add_constant(np.log10(np.arange(3, 9)[known]))).fit()
        low, high = fit.conf_int()[1]
        cells = " | ".join("–" if np.isnan(value) else f"{value:.2f}" for value in x50)
        lines.append(f"| {name} | {cells} | {fit.params[1]:.2f} ({low:.2f} to {high:.2f}) |")
    return lines


if __name__ == "__main__":
    typer.run(main)
