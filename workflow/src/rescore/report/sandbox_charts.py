"""The sandbox's charts; those of the chain model compute it themselves, from parameters that the page sets."""

from collections.abc import Mapping
from typing import Any

import altair as alt

from rescore.report.token_chain import CAPABILITIES, LOG10_PARAMS

SLIDERS: Mapping[str, Mapping[str, float]] = {
    "tokens": {"min": 1, "max": 20, "step": 1, "value": 5},
    "midpoint": {"min": 19, "max": 25, "step": 0.1, "value": 22},
    "steepness": {"min": 0.5, "max": 5, "step": 0.1, "value": 1.5},
}
"""The parameters of the chain model's charts, with the reach of their sliders."""

FIRST_STOP = LOG10_PARAMS.index(9.0)
"""Where the scale scrubber starts: 1B parameters."""

CAPABILITY_DATA, POINTS, FITTED = "capabilities", "points", "fitted"
"""Names under which the page gives the charts their rows: `chain.capability_curves`, measured points, a `chain.Fit`."""

_TOKEN, _EXACT = "token probability", "exact match"
_RED, _GREEN = "#d64541", "#1f9a6d"
_X = (18.0, 26.0)
_COMPUTE = "Training compute (log10 FLOPs)"
_HEIGHT = 240


def specs() -> dict[str, dict[str, Any]]:
    """Return the Vega-Lite specifications of the sandbox's charts by name.

    exact_match and log_likelihood are the chain model under either metric, with the parameters of SLIDERS and the
    signal half_metric, where p^k is one half; capability_exact_match and capability_log_probability have the
    parameter stop; run shows POINTS and FITTED.
    """
    made = {
        "exact_match": _chain(_EXACT, "pow(datum.p, tokens)", "datum.p", "Probability", (0, 1)),
        "log_likelihood": _chain("token log-likelihood", "log(datum.p)", "log(datum.p)", "Nats per token", (-8, 0)),
        "capability_exact_match": _capability("exact_match", "Exact match", (0, 1)),
        "capability_log_probability": _capability("log_probability", "Log-probability", (-0.4, 1)),
        "run": _run(),
    }
    # The schema's address and Altair's own look stay out: the page names no host and brings its themes.
    return {name: {k: v for k, v in s.to_dict().items() if k not in ("$schema", "config")} for name, s in made.items()}


def _token(of: str) -> str:
    """Return p(datum.x) as a Vega expression, with parameters (`of` is empty) or those of a row ("datum.")."""
    return f"1 / (1 + exp(-{of}steepness * (datum.x - {of}midpoint)))"


def _two_lines(metric: str) -> tuple[alt.Color, alt.StrokeDash]:
    """Draw the metric solid and red, the token probability dashed and green."""
    names, legend = (
        [metric, _TOKEN],
        alt.Legend(title=None, orient="top", symbolType="stroke", symbolStrokeWidth=3, symbolSize=400),
    )
    color = alt.Color("line:N").scale(domain=names, range=[_RED, _GREEN]).legend(legend)
    dash = alt.StrokeDash("line:N").scale(domain=names, range=[[1, 0], [7, 5]]).legend(legend)
    return color, dash


def _chain(metric: str, value: str, token: str, title: str, domain: tuple[float, float]) -> alt.LayerChart:
    """Draw the chain model over compute: `value` and `token` are expressions of datum.p."""
    color, dash = _two_lines(metric)
    x = alt.X("x:Q").scale(domain=_X, nice=False).axis(tickMinStep=1, grid=False).title(_COMPUTE)
    y = alt.Y("value:Q").scale(domain=domain, nice=False).title(title)
    lines = (
        alt.Chart(alt.sequence(_X[0], _X[1] + 0.025, 0.05, as_="x"))
        .transform_calculate(p=_token(""))
        .transform_calculate(**{metric: value, _TOKEN: token})
        .transform_fold([metric, _TOKEN], as_=["line", "value"])  # the metric first: the dashes lie over it
        .mark_line(strokeWidth=3, clip=True)
        .encode(x=x, y=y, color=color, strokeDash=dash)
    )
    parameters = [alt.param(name=name, value=slider["value"]) for name, slider in SLIDERS.items()]
    # p^k = 1/2 where the logit of p is -log(2^(1/k) - 1).
    half = alt.param(name="half_metric", expr="midpoint - log(pow(2, 1 / tokens) - 1) / steepness")
    return alt.LayerChart(layer=[lines], width="container", height=_HEIGHT).add_params(*parameters, half)


def _capability(column: str, title: str, domain: tuple[float, float]) -> alt.LayerChart:
    """Draw a column of the capabilities' curves over size, with the scrubber's stop."""
    x = (
        alt.X("n_params:Q")
        .scale(type="log", nice=False)
        .axis(values=[1e8, 1e9, 1e10, 1e11], format="~s", labelExpr="replace(datum.label, 'G', 'B')", grid=False)
        .title("Parameters")
    )
    y = alt.Y(f"{column}:Q").scale(domain=domain, nice=False).axis(format="%").title(title)
    color = (
        alt.Color("capability:N")
        .scale(domain=list(CAPABILITIES), range=["#2f7fc1", "#d9662b", "#b565a7"])
        .legend(title=None, orient="top", columns=1, symbolType="stroke", symbolStrokeWidth=3)
    )
    base = alt.Chart(alt.NamedData(CAPABILITY_DATA)).encode(x=x)
    here = base.transform_filter("datum.stop == stop")
    layers = [
        base.mark_line(strokeWidth=2.5).encode(y=y, color=color),
        here.mark_rule(strokeDash=[3, 3], color="#8a929c"),
        here.mark_point(filled=True, size=90, opacity=1).encode(y=y, color=color),
    ]
    return alt.LayerChart(layer=layers, width="container", height=_HEIGHT).add_params(
        alt.param(name="stop", value=FIRST_STOP)
    )


def _run() -> alt.LayerChart:
    """Draw a subtask's measured points and the chain model fitted to them."""
    color, dash = _two_lines(_EXACT)
    x = alt.X("x:Q").scale(zero=False, nice=False, padding=10).axis(tickCount=6, grid=False).title(_COMPUTE)
    y = alt.Y("value:Q").scale(domain=(-0.03, 1.03), nice=False).title("Probability")
    curve = (
        alt.Chart(alt.NamedData(FITTED))
        .transform_calculate(x="sequence(0, 81)")
        .transform_flatten(["x"])
        .transform_calculate(x="datum.low + (datum.high - datum.low) * datum.x / 80")
        .transform_calculate(p=_token("datum."))
        .transform_calculate(**{_EXACT: "pow(datum.p, datum.tokens)", _TOKEN: "datum.p"})
        .transform_fold([_EXACT, _TOKEN], as_=["line", "value"])
        .mark_line(strokeWidth=2.5)
        .encode(x=x, y=y, color=color, strokeDash=dash)
    )
    points = (
        alt.Chart(alt.NamedData(POINTS))
        .transform_fold([_EXACT, _TOKEN], as_=["line", "value"])
        .mark_point(filled=True, size=55, opacity=0.8)
        .encode(
            x=x,
            y=y,
            color=color,
            tooltip=[
                alt.Tooltip("model:N"),
                alt.Tooltip("line:N", title="of"),
                alt.Tooltip("value:Q", format=".3~g"),
            ],
        )
    )
    return alt.LayerChart(layer=[curve, points], width="container", height=_HEIGHT)
