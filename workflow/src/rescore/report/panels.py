"""Small panels of two curves between 0 and 1, as plain SVG: a page holds a thousand of them, and prints them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from rescore.report.text import GROUPS, SHOWN, percent, times
from rescore.tables import METRICS

WIDTH, HEIGHT = 120, 48
"""Of a panel's view box; the page stretches it."""

_MARGIN = 2  # so that a line on 0 or 1 is drawn in full

CHOICES = {"brier_score": "partial", "multiple_choice_grade": "hard"}
"""The metrics of a question with choices, as a panel draws them."""

Points = Sequence[tuple[float, float]]


class Line(NamedTuple):
    """A curve of a panel: what it is of (hard, skill, partial or chance, as in page.css), and its points in SVG."""

    kind: str
    points: Markup


class Panel(NamedTuple):
    """A panel: where a click leads, what stands above and below it, its curves, and its warning if there is one."""

    anchor: str
    heading: str
    below_heading: str
    hint: str
    caption: str
    lines: Sequence[Line]
    flag: str = ""


class Group(NamedTuple):
    """The panels of one group of subtasks."""

    name: str
    meaning: str
    panels: Sequence[Panel]


def line(kind: str, points: Points, span: tuple[float, float], *, top: float = 1.0, falls: bool = False) -> Line:
    """Place a curve in a panel from x `span[0]` to `span[1]` and y 0 to `top`, upside down if it `falls`.

    >>> str(line("hard", [(1, 0.0), (2, 0.5), (3, 1.0)], (1, 3)).points)
    '2,46 60,24 118,2'
    """
    left, width = span[0], (span[1] - span[0]) or 1.0
    across, down = (WIDTH - 2 * _MARGIN) / width, HEIGHT - 2 * _MARGIN
    placed = ((_MARGIN + across * (x - left), _MARGIN + down * (y / top if falls else 1 - y / top)) for x, y in points)
    return Line(kind, Markup(" ".join(f"{x:.4g},{y:.4g}" for x, y in placed)))  # noqa: S704 - numbers alone


def curves(
    scores: Mapping[str, Points], span: tuple[float, float], kinds: Mapping[str, str], *, chances: Mapping[str, float]
) -> list[Line]:
    """Draw by `kinds` the curves of some metrics, better upwards, behind them the level of chance of one of them."""
    drawn = [line("chance", [(x, chances[metric]) for x in span], span) for metric in kinds if metric in chances][:1]
    for metric, kind in kinds.items():
        if metric in scores:
            told = METRICS[metric]
            drawn.append(line(kind, scores[metric], span, top=told.high, falls=not told.higher_is_better))
    return drawn


def grouped(panels: Iterable[tuple[str | None, Panel]]) -> list[Group]:
    """Collect the panels of each group in the order of GROUPS, those of SHOWN even without a panel."""
    of: dict[str, list[Panel]] = {}
    for name, panel in panels:
        of.setdefault(name or "no label", []).append(panel)
    order = {name: None for name in GROUPS if name in of or name in SHOWN} | dict.fromkeys(of)
    return [Group(name, GROUPS.get(name, ""), of.get(name, [])) for name in order]


def caption(cliff: Mapping[str, Any], scores: Points) -> str:
    """Say below a panel the numbers of a cliff, with ? where the answer is open, or else from where to where it goes.

    >>> caption({"label": "open", "cliff": "yes", "metric_makes_it": "yes", "skill_broke": "open",
    ...          "metric_share": 0.5, "acceleration_factor": 2.72}, [])
    'metric 50% skill 2.7x?'
    >>> caption({"label": "open", "cliff": "open"}, [])
    'cliff open'
    >>> caption({"label": "no cliff", "cliff": "no"}, [(9.0, 0.0), (10.0, 0.106), (12.0, 0.083)])
    '0% to 8%, top 11%'
    """
    if cliff["cliff"] == "open":
        return "cliff open"
    if cliff["cliff"] == "yes" and cliff["metric_share"] is not None and cliff["acceleration_factor"] is not None:
        share, factor = percent(cliff["metric_share"]), times(cliff["acceleration_factor"])
        doubt = {question: "?" if cliff[question] == "open" else "" for question in ("metric_makes_it", "skill_broke")}
        return f"metric {share}{doubt['metric_makes_it']} skill {factor}{doubt['skill_broke']}"
    if not scores:
        return ""
    first, last, top = (percent(y) for y in (scores[0][1], scores[-1][1], max(y for _, y in scores)))
    return f"{first} to {last}" + (f", top {top}" if top not in (first, last) else "")
