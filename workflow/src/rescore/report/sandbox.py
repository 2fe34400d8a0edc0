"""The sandbox: a page on which a reader makes a cliff with a metric, and takes it away again.

Its charts compute the chain model themselves from parameters that the page sets. A model answers a token rightly with
probability p(x) = 1 / (1 + exp(-steepness (x - midpoint))), and an answer of k tokens, all of them, with p^k
(Schaeffer, Miranda and Koyejo 2023). x is log10 of training compute, or of size.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl

from rescore.report.charts import GREEN, GREY, RED, bare
from rescore.report.document import document

WALKTHROUGH = {"midpoint": 22.0, "steepness": 1.5}
"""The chain model of the walkthrough, as `rescore simulate` has it."""

SCALES = (20.0, 21.0, 22.0, 22.5, 23.0, 23.5, 24.0, 25.0)
"""log10 FLOPs of the walkthrough."""

LENGTHS = (4, 20)
"""Answer lengths of the walkthrough, in tokens."""

_SAID = Path(__file__).with_name("sandbox_answers.tsv")

SLIDERS: Mapping[str, Mapping[str, float]] = {
    "tokens": {"min": 1, "max": 20, "step": 1, "value": 4},
    "midpoint": {"min": 19, "max": 25, "step": 0.1, "value": 22},
    "steepness": {"min": 0.5, "max": 5, "step": 0.1, "value": 1.5},
}
"""The parameters of the chain model's charts, with the reach of their sliders."""

STEP = (0.3, 0.95)
"""Token probability before and after a step, which replaces the smooth growth."""

SCALE: Mapping[str, float] = {"min": 8, "max": 11, "step": 0.05, "value": 9}
"""log10 parameters of the scale scrubber: 100M to 100B, from 1B on."""


CAPABILITIES: list[dict[str, Any]] = [
    {"capability": "3-digit addition", "tokens": 5, "midpoint": 8.5, "steepness": 1.5},
    {"capability": "chain of thought", "tokens": 20, "midpoint": 9.3, "steepness": 2.5},
    {"capability": "reliable tool calling", "tokens": 30, "midpoint": 9.6, "steepness": 3.0},
]
"""Chain models over log10 parameters; invented, so that at 1B addition is under way and the others are nowhere yet."""

_TOKEN, _EXACT = "token probability", "exact match"
_X = (18.0, 26.0)
_HEIGHT = 240


def render_sandbox() -> str:
    """Return the sandbox as one self-contained HTML page, a `document` with a link to the report beside it.

    What the three questions say of a setting was computed before, on a grid (benchmarks/sandbox_answers.py).
    """
    return document(
        "sandbox.html.j2",
        ["sandbox.js"],
        specs=specs(),
        sliders=SLIDERS,
        scale=SCALE,
        step=STEP,
        walkthrough=[(x, token_probability(x, **WALKTHROUGH)) for x in SCALES],
        lengths=LENGTHS,
        capabilities=CAPABILITIES,
        data={"capabilities": CAPABILITIES, "said": pl.read_csv(_SAID, separator="\t").to_dicts()},
    )


def token_probability(x: float, *, midpoint: float, steepness: float) -> float:
    """Probability of a right token, 1 / (1 + exp(-steepness (x - midpoint))).

    >>> token_probability(22.0, midpoint=22.0, steepness=1.5)
    0.5
    """
    return 1 / (1 + math.exp(-steepness * (x - midpoint)))


def specs() -> dict[str, dict[str, Any]]:
    """Return the Vega-Lite specifications of the sandbox's charts by name.

    Those of the chain model have the parameters of SLIDERS, `stepped` (a step at the midpoint instead of smooth growth)
    and the signal half_metric, where p^k is one half; those of the capabilities have the parameter `scale`.
    """
    made = {
        "exact_match": _chain(_EXACT, "pow(datum.p, tokens)", "datum.p", "Probability", (0, 1)),
        "log_likelihood": _chain("token log-likelihood", "log(datum.p)", "log(datum.p)", "Nats per token", (-8, 0)),
        "capability_exact_match": _capability("pow(datum.p, datum.tokens)", "Exact match", (0, 1), RED),
        "capability_log_probability": _capability(
            "-log(-log(datum.p)) / LN10 / 2", "Log-probability", (-0.4, 1), GREEN
        ),
    }
    return {name: bare(chart) for name, chart in made.items()}


def _token(of: str) -> str:
    """Return p(datum.x) as a Vega expression, with parameters (`of` is empty) or those of a row ("datum.")."""
    return f"1 / (1 + exp(-{of}steepness * (datum.x - {of}midpoint)))"


def _chain(metric: str, value: str, token: str, title: str, domain: tuple[float, float]) -> alt.LayerChart:
    """Draw the chain model over compute, the metric solid and red, the token dashed and green, as expressions of p."""
    names = [metric, _TOKEN]
    legend = alt.Legend(title=None, orient="top", symbolType="stroke", symbolStrokeWidth=3, symbolSize=400)
    x = (
        alt.X("x:Q")
        .scale(domain=_X, nice=False)
        .axis(tickMinStep=1, grid=False)
        .title("Training compute (log10 FLOPs)")
    )
    y = alt.Y("value:Q").scale(domain=domain, nice=False).title(title)
    lines = (
        alt.Chart(alt.sequence(_X[0], _X[1] + 0.025, 0.05, as_="x"))
        .transform_calculate(p=f"stepped ? (datum.x > midpoint ? {STEP[1]} : {STEP[0]}) : {_token('')}")
        .transform_calculate(**{metric: value, _TOKEN: token})
        .transform_fold([metric, _TOKEN], as_=["line", "value"])  # the metric first: the dashes lie over it
        .mark_line(strokeWidth=3, clip=True)
        .encode(
            x=x,
            y=y,
            color=alt.Color("line:N").scale(domain=names, range=[RED, GREEN]).legend(legend),
            strokeDash=alt.StrokeDash("line:N").scale(domain=names, range=[[1, 0], [7, 5]]).legend(legend),
        )
    )
    parameters = [alt.param(name=name, value=slider["value"]) for name, slider in SLIDERS.items()]
    # p^k = 1/2 where the logit of p is -log(2^(1/k) - 1).
    half = alt.param(name="half_metric", expr="midpoint - log(pow(2, 1 / tokens) - 1) / steepness")
    stepped = alt.param(name="stepped", value=False)
    return alt.LayerChart(layer=[lines], width="container", height=_HEIGHT).add_params(*parameters, stepped, half)


def _capability(value: str, title: str, domain: tuple[float, float], colour: str) -> alt.LayerChart:
    """Draw `value`, an expression of datum.p, of each capability over size, with the scrubber's place."""
    names = [each["capability"] for each in CAPABILITIES]
    x = alt.X("x:Q").scale(domain=[SCALE["min"], SCALE["max"]], nice=False).title("Parameters")
    x = x.axis(values=[8, 9, 10, 11], labelExpr="['100M', '1B', '10B', '100B'][datum.value - 8]", grid=False)
    y = alt.Y("value:Q").scale(domain=domain, nice=False).axis(format="%").title(title)
    dash = (
        alt.StrokeDash("capability:N")
        .scale(domain=names, range=[[1, 0], [8, 4], [2, 3]])
        .legend(title=None, orient="top", columns=1, symbolType="stroke", symbolStrokeWidth=3, symbolSize=400)
    )
    rows = alt.Chart(alt.InlineData(values=CAPABILITIES))
    here = rows.transform_calculate(x="scale").transform_calculate(p=_token("datum.")).transform_calculate(value=value)
    curves = (
        rows.transform_calculate(x=f"sequence({SCALE['min']}, {SCALE['max'] + 0.025}, 0.05)")
        .transform_flatten(["x"])
        .transform_calculate(p=_token("datum."))
        .transform_calculate(value=value)
    )
    layers = [
        curves.mark_line(strokeWidth=2.5, color=colour, clip=True).encode(x=x, y=y, strokeDash=dash),
        here.mark_rule(strokeDash=[3, 3], color=GREY).encode(x=x),
        here.mark_point(filled=True, size=90, opacity=1, color=colour, clip=True).encode(x=x, y=y),
    ]
    scale = alt.param(name="scale", value=SCALE["value"])
    return alt.LayerChart(layer=layers, width="container", height=_HEIGHT).add_params(scale)
