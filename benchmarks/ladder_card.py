"""Tables of the shipped ladder's model card, from a run of the default workflow.

python benchmarks/ladder_card.py [--results results] [--ladder config/ladders/nano.tsv] > tables.md
"""

import json
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from rescore.config.inputs import read_ladders
from rescore.tables import CLIFFS, CURVES, FAMILIES, read

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
    curves = read(results / "curves.parquet", CURVES).filter(pl.col("ladder") == ladder.stem)
    curves = curves.join(models.select("model", "size", "seed"), on="model")
    for metric, (title, factor) in METRICS.items():
        print(f"\n{title}: mean over seeds, and their range.\n")
        print(*_results(curves.filter(pl.col("metric") == metric), factor), sep="\n")
    print("\nlog10 of the training compute where exact match has made half of its rise, by answer length k:\n")
    tables = (read(results / f"{table.name}.parquet", table) for table in (CLIFFS, FAMILIES))
    print(*_elbows(*(table.filter(pl.col("ladder") == ladder.stem) for table in tables)), sep="\n")


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


def _elbows(cliffs: pl.DataFrame, families: pl.DataFrame) -> list[str]:
    lines = ["| task | " + " | ".join(f"k = {k}" for k in range(3, 9)) + " | slope on log10 k (90% interval) |"]
    lines.append("| --- |" + " --: |" * 7)
    halves = dict(cliffs.select("subtask", "half_log10_x").iter_rows())
    slope = "half_slope_decades_per_decade"
    slopes = {task: values for task, *values in families.select("task", slope, f"{slope}_low", f"{slope}_high").rows()}
    for task, name in SWEPT.items():
        found = [halves.get(f"{task}:length_{k}") for k in range(3, 9)]
        cells = " | ".join("–" if half is None else f"{half:.2f}" for half in found)
        fit = slopes.get(task, [None])
        told = "–" if fit[0] is None else f"{fit[0]:.2f} ({fit[1]:.2f} to {fit[2]:.2f})"
        lines.append(f"| {name} | {cells} | {told} |")
    return lines


if __name__ == "__main__":
    typer.run(main)
