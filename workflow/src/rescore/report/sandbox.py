"""The sandbox: a page on which a reader makes a cliff with a metric, and takes it away again."""

import math
from dataclasses import asdict
from itertools import groupby
from typing import Any

import polars as pl

from rescore.report import sandbox_charts, text
from rescore.report.document import document
from rescore.report.text import KEY, Subtask
from rescore.report.token_chain import CAPABILITIES, LOG10_PARAMS, Fit, capability_curves, fit

_TABLE_P = (0.5, 0.8, 0.9, 0.95, 0.99)
_TABLE_TOKENS = (1, 2, 5, 10, 20)

# p = 80% and 95% at k = 20: exact match of 1% and 36%.
_ANSWERS = (
    (
        "An ability appeared between the two models.",
        "No. Every token had been right four times in five before; 0.8^20 is 1%, 0.95^20 is 36%.",
    ),
    (
        "Skill at a single token grew smoothly; exact match shows it late.",
        "Yes. 0.8^20 is 1% and 0.95^20 is 36%. Under token log-likelihood the same step is a small one: "
        "from -0.22 to -0.05 nats per token.",
    ),
    (
        "The larger model answers more briefly.",
        "No. Both answer with 20 tokens; a shorter answer would be another task, with another k.",
    ),
    (
        "Nothing: exact match is a noisy metric.",
        "No. Both numbers are right, and 36% is better than 1%. What misleads is to read the step as sudden.",
    ),
)


def render_sandbox(*, curves: pl.DataFrame, cliffs: pl.DataFrame) -> str:
    """Return the sandbox as one self-contained HTML page, a `document` with a link to the report beside it.

    Parameters
    ----------
    curves
        A table of the contract CURVES; the page offers each subtask whose models have both exact match and NLL.
        May be empty.
    cliffs
        A table of the contract CLIFFS, whose labels group the subtasks.
    """
    stops = capability_curves()
    runs = _runs(curves, cliffs)
    return document(
        "sandbox.html.j2",
        ["sandbox.js"],
        specs=sandbox_charts.specs(),
        sliders=sandbox_charts.SLIDERS,
        table_p=_TABLE_P,
        table_tokens=_TABLE_TOKENS,
        capabilities=CAPABILITIES,
        first_stop=sandbox_charts.FIRST_STOP,
        stops=[size(10**x) for x in LOG10_PARAMS],
        read_outs=stops.filter(stop=sandbox_charts.FIRST_STOP).to_dicts(),
        groups=[(label, list(group)) for label, group in groupby(runs, key=lambda run: run["label"])],
        answers=_ANSWERS,
        data={
            "capabilities": stops.to_dict(as_series=False),
            "stops": [size(10**x) for x in LOG10_PARAMS],
            "runs": runs,
        },
    )


def size(n_params: float) -> str:
    """Print a number of parameters.

    >>> size(1e8), size(1e9), size(3.16e10)
    ('100M', '1.0B', '32B')
    """
    if n_params < 0.9995e9:
        return f"{n_params / 1e6:.0f}M"
    billions = n_params / 1e9
    return f"{billions:.1f}B" if billions < 9.95 else f"{billions:.0f}B"


def _runs(curves: pl.DataFrame, cliffs: pl.DataFrame) -> list[dict[str, Any]]:
    """Gather the measured points of each subtask and the chain model fitted to them, in the order of `in_order`.

    A model counts that has a mean of both exact match and NLL.
    """
    pairs = (
        curves.filter(pl.col("metric").is_in(["exact_match", "nll_nats_per_token"]))
        .select(*KEY, "model", "metric", "mean", x=pl.col("compute_flops").log10())
        .pivot(on="metric", on_columns=["exact_match", "nll_nats_per_token"], index=[*KEY, "model", "x"], values="mean")
        .drop_nulls(["exact_match", "nll_nats_per_token", "x"])
        .sort("x", "model")
    )
    of_subtask = pairs.partition_by(KEY, as_dict=True)
    subtasks = text.in_order(pairs.select(KEY).unique().join(cliffs, on=KEY, how="left"))
    with_ladder = subtasks["ladder"].n_unique() > 1
    return [
        {
            "place": place,
            "name": text.display_name(Subtask(*(row[column] for column in KEY)), with_ladder=with_ladder),
            "label": row["label"],
            **_run(of_subtask[tuple(row[column] for column in KEY)]),
        }
        for place, row in enumerate(subtasks.iter_rows(named=True))
    ]


def _run(models: pl.DataFrame) -> dict[str, Any]:
    x, nll, exact = (models[column].to_list() for column in ("x", "nll_nats_per_token", "exact_match"))
    fitted = fit(x, nll, exact)
    points = {
        "model": [text.plain(name) for name in models["model"]],
        "x": x,
        "exact match": exact,
        "token probability": [math.exp(-value) for value in nll],
    }
    if isinstance(fitted, str):
        return {"points": points, "fitted": [], "says": f"No fit: {fitted}."}
    return {"points": points, "fitted": [asdict(fitted) | {"low": min(x), "high": max(x)}], "says": _says(fitted)}


def _says(fitted: Fit) -> str:
    return (
        f"k = {fitted.tokens:.2g} tokens; token probability: midpoint 10^{fitted.midpoint:.1f} FLOPs, steepness "
        f"{fitted.steepness:.2g} per decade. Exact match is {fitted.residual_rms:.2f} away from p^k (root mean square)."
    )
