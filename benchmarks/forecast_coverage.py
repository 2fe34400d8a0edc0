"""How good forecasts are, and how often their 90% intervals hold, on planted curves and on a run's own.

    python benchmarks/forecast_coverage.py calibrate --curves 1500     # the constants EXTRAPOLATION
    python benchmarks/forecast_coverage.py cover --curves 1500         # coverage on curves of other seeds
    python benchmarks/forecast_coverage.py cover --results results     # on those of a run

Curves are planted by `rescore.simulate`: five shapes of skill with parameters from wide ranges, on ladders of sizes and
of checkpoints. A break may lie above the fitted part, where nobody can foresee it.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import polars as pl
import typer

from rescore.discontinuity.conventions import CONVENTIONS
from rescore.planning import forecast_counts, forecasts
from rescore.planning.forecasts import EXTRAPOLATION, LEVEL, MEAN, fitted_curves
from rescore.simulate import Spread, Truth, simulated_items
from rescore.tables import CURVES, VERDICTS, read

SHAPES = {"chain": 0.35, "power": 0.3, "step": 0.15, "hinge": 0.15, "flat": 0.05}
METRICS = ("exact_match", "nll_nats_per_token", "token_accuracy")
CALIBRATION_SEED, COVERAGE_SEED = 1, 2

app = typer.Typer(add_completion=False)


def truth(shape: str, rng: np.random.Generator) -> Truth:
    """Draw how skill grows."""
    low, high = float(rng.uniform(0.1, 0.5)), float(rng.uniform(0.8, 0.99))
    return Truth(
        shape=shape,  # type: ignore[arg-type]
        tokens=int(rng.integers(1, 11)),
        logits_per_decade=float(rng.uniform(1, 4) if shape == "hinge" else rng.uniform(0.5, 2.5)),
        top_logit=float(rng.uniform(1, 6)),
        low=low,
        high=high,
        at=float(rng.uniform(0.2, 0.8)),
        width=float(rng.uniform(0, 0.3)),
        exponent=float(rng.uniform(0.1, 0.7)),
        top_nll_nats=float(np.exp(rng.uniform(np.log(0.01), 0))),
    )


def planted(n: int, seed: int) -> pl.DataFrame:
    """Plant `n` subtasks, each on a ladder of its own: the table CURVES, the task being the shape."""
    rng, frames = np.random.default_rng(seed), []
    for i in range(n):
        shape = str(rng.choice(list(SHAPES), p=list(SHAPES.values())))
        in_training = bool(rng.random() < 0.5)
        rungs = int(rng.integers(9, 18) if in_training else rng.integers(8, 16))
        decades = float(rng.uniform(2, 3) if in_training else rng.uniform(2.5, 5))
        x, items = np.linspace(18 - decades, 18, rungs), int(rng.choice([100, 200, 500]))
        spread = Spread(model=float(rng.choice([0.1, 0.2, 0.3])))
        scores = simulated_items(truth(shape, rng), x, n_items=items, rng=rng, spread=spread)
        where = {
            "ladder": f"{i:05d}",
            "model": [f"m{r:02d}" for r in range(rungs)],
            "compute_flops": 10**x,
            "n_params": np.full(rungs, 1e6) if in_training else 10 ** (x / 2),
            "pretraining_loss_nats": None,
            "task": shape,
            "subtask": shape,
        }
        for metric in METRICS:
            s = scores[metric]
            found = {"mean": s.mean(1), "standard_error": s.std(1, ddof=1) / np.sqrt(items), "n": items}
            frames.append(pl.DataFrame(where | {"metric": metric} | found, schema=dict(CURVES.columns)))
    return pl.concat(frames)


@app.command()
def calibrate(curves: int = 1500, seed: int = CALIBRATION_SEED) -> None:
    """Print the errors of extrapolation with which 5% of planted tops lie beyond either end of the interval."""
    of: dict[tuple[str, bool], list[tuple[float, np.ndarray, float]]] = {key: [] for key in EXTRAPOLATION}
    for one in fitted_curves(planted(curves, seed), None, CONVENTIONS, 0):
        if isinstance(one.told, str):
            continue
        decades = float(one.curve.x[-1] - one.curve.x[one.fitted - 1])
        key = "nats" if one.curve.in_nats else "bounded", bool(one.above_elbow)
        of[key].append((one.told.seen, one.told.mean().drawn[0], decades))
    normal = np.random.default_rng(0).standard_normal(CONVENTIONS.draws)
    for (kind, above), told in of.items():
        needed = [
            next(sd for sd in np.arange(0, 9, 0.05) if _beyond(side, sd, told, normal) <= 0.05) for side in (-1, 1)
        ]
        at = f"{kind}, {'above' if above else 'below'} the elbow, {len(told)} curves"
        print(f"{at}: worse {needed[0]:.2f}, better {needed[1]:.2f}; in use {EXTRAPOLATION[kind, above]}")


def _beyond(side: int, sd: float, told: list[tuple[float, np.ndarray, float]], normal: np.ndarray) -> float:
    """Share of tops beyond the worse (-1) or better (1) end of the interval, with half a normal of `sd` per decade."""
    half = np.maximum(side * normal, 0.0) * side * sd
    ends = [np.quantile(drawn + decades * half, 0.5 + side * LEVEL / 2) for _, drawn, decades in told]
    return float(np.mean([(seen - end) * side > 0 for (seen, *_), end in zip(told, ends, strict=True)]))


@app.command()
def cover(
    curves: int = 1500,
    seed: int = COVERAGE_SEED,
    results: Annotated[Path | None, typer.Option(help="a run's folder, in place of planted curves")] = None,
) -> None:
    """Print how many forecasts came out, by side of the elbow, metric and form, and by planted shape."""
    if results:
        frame = forecasts(read(results / "curves.parquet", CURVES), read(results / "verdicts.parquet", VERDICTS))
    else:
        frame = forecasts(planted(curves, seed))
    inside = pl.col("inside_interval")
    with pl.Config(
        tbl_rows=-1, tbl_formatting="MARKDOWN", tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True
    ):
        mean = frame.filter(form=MEAN)
        print(forecast_counts(frame))
        for by in (["along", "metric"], ["above_elbow", "metric"], ["task", "metric"])[: 2 if results else 3]:
            print(mean.group_by(by).agg(curves=pl.len(), inside=inside.mean().round(3)).sort(by))
    print(f"of all {mean.height} curves, {mean.select(inside.mean()).item():.1%} of the intervals hold")


if __name__ == "__main__":
    app()
