"""The words and numbers that the terminal, the page and the figure share."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import polars as pl

from rescore.tables import METRICS

KEY = ("ladder", "task", "subtask")
"""What names a subtask in every table of the report."""

NONE = "–"
"""Shown for a null."""

LABELS = {
    "mirage": "the metric makes the cliff; the skill grew all along",
    "both": "the metric makes part of the cliff, and the skill broke as well",
    "real": "the skill broke; the metric adds little",
    "ordinary": "a cliff that neither the metric nor a break makes: a sigmoid's own tail",
    "open": "something cannot be told; the subtask's section says what",
    "no likelihood": "a cliff, and no likelihood to hold it against",
    "no cliff": "the hard metric rises without a cliff",
    "flat": "the hard metric hardly moves",
    "saturated": "the hard metric is at its top from the start",
    "inverse": "the hard metric gets worse",
    "not judged": "too few sizes, too short a ladder, or no scores",
}
"""The labels of a subtask and what each means, in the order in which subtasks are listed."""

VERDICTS = {
    "cliff": "a floor and a late rise, or half of the rise in one gap",
    "smooth": "rises without a cliff",
    "flat": "hardly moves",
    "saturated": "at its top from the first sizes on",
    "inverse": "gets worse with size",
    "open": "cannot be told",
    "not judged": "too few sizes or no error known",
}
"""The verdicts of a curve and what each means."""

FATES = ("disappears", "survives", "open")
"""What becomes of the hard metric's cliff under a soft metric."""

QUESTIONS = {
    "cliff": "Is there a cliff?",
    "metric_makes_it": "Does the metric make it?",
    "skill_broke": "Did the skill break?",
}
"""The three questions of a subtask."""

LETTERS = {"cliff": "C", "smooth": "S", "flat": "F", "saturated": "T", "inverse": "I", "open": "?", "not judged": "·"}
"""One sign per verdict, for the matrix: T is for the top, where a saturated curve is from the start."""

_ASKED = ("metric_makes_it", "skill_broke")
_LONGEST = 500

# Control characters break terminals and XML; the bidirectional overrides reorder the text around them.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Subtask(NamedTuple):
    """The key of a subtask."""

    ladder: str
    task: str
    subtask: str


def plain(text: str) -> str:
    r"""Return `text` with U+FFFD for each control or bidirectional formatting character; a very long one is cut.

    >>> plain("a\x00b\nc"), len(plain("a" * 10_000_000))
    ('a\ufffdb\ufffdc', 500)
    """
    shown = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return _UNPRINTABLE.sub("\ufffd", shown)


def number(value: float | None, digits: int = 3) -> str:
    """Format a number with `digits` significant digits, as the page's script does; a null is a dash.

    >>> number(0.12345), number(412), number(6592.0), number(2.5e19), number(1e-5), number(None)
    ('0.123', '412', '6590', '2.5e19', '1e-5', '–')
    """
    if value is None:
        return NONE
    if not math.isfinite(value):
        return "∞" if value > 0 else "-∞"
    short = float(f"{value:.{digits}g}")
    if short and not 1e-4 <= abs(short) < 1e5:
        mantissa, _, power = f"{short:.{digits - 1}e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(power)}" if power else mantissa
    return f"{short:.12g}"


def percent(share: float | None) -> str:
    """Format a share as whole percent; a null is a dash.

    >>> percent(0.666), percent(None)
    ('67%', '–')
    """
    return NONE if share is None else f"{share:.0%}"


def interval(row: Mapping[str, Any], name: str, show: Callable[[float | None], str] | None = None) -> str:
    """Format a number of a row with its interval.

    >>> interval({"x": 0.5, "x_low": 0.25, "x_high": 0.75}, "x", percent)
    '50% (25% to 75%)'
    """
    shown = show or number
    if row[name] is None:
        return NONE
    return f"{shown(row[name])} ({shown(row[f'{name}_low'])} to {shown(row[f'{name}_high'])})"


def title(metric: str) -> str:
    """Return a metric's name for readers; BIG-bench's own metrics keep theirs."""
    return METRICS[metric].title if metric in METRICS else metric


def metrics(verdicts: pl.DataFrame) -> list[str]:
    """Return the metrics with a verdict: ours in their order, then BIG-bench's own by name."""
    present = set(verdicts["metric"])
    return [name for name in METRICS if name in present] + sorted(present - METRICS.keys())


def metric_rank() -> pl.Expr:
    """Return the place of a row's metric in the order of `metrics`: ours before all others."""
    rank = {name: place for place, name in enumerate(METRICS)}
    return pl.col("metric").replace_strict(rank, default=len(rank), return_dtype=pl.Int64)


def display_name(subtask: Subtask, *, with_ladder: bool) -> str:
    """Return a subtask's name for readers, the task said once.

    >>> display_name(Subtask("nano", "arithmetic", "arithmetic:3_digit_addition"), with_ladder=False)
    'arithmetic:3_digit_addition'
    >>> display_name(Subtask("nano", "arithmetic", "3_digit_addition"), with_ladder=True)
    'arithmetic:3_digit_addition (nano)'
    """
    ladder, task, name = subtask
    full = name if name == task or name.startswith(f"{task}:") else f"{task}:{name}"
    return plain(f"{full} ({ladder})" if with_ladder else full)


def in_order(subtasks: pl.DataFrame) -> pl.DataFrame:
    """Sort rows with the columns `label` and KEY: by label in the order of LABELS, then by name."""
    rank = {label: place for place, label in enumerate(LABELS)}
    by_label = pl.col("label").replace_strict(rank, default=len(rank), return_dtype=pl.Int64)
    return subtasks.sort(by_label, "task", "subtask", "ladder")


def sentence(cliffs: pl.DataFrame) -> str:
    """Say in a sentence or two how many subtasks show a cliff, and what makes it."""
    found = cliffs.filter(pl.col("cliff") == "yes")
    n, total = found.height, cliffs.height
    if total == 0:
        return "No subtask was tested."
    subtasks = f"{total} subtask{'' if total == 1 else 's'}"
    undecided = int((cliffs["cliff"] == "open").sum())
    rest = f" In {undecided} it cannot be told." if undecided else ""
    if n == 0:
        return f"No cliff under {_hard_metrics(cliffs)} in {subtasks}.{rest}"
    first = f"{n} of {subtasks} {'shows' if n == 1 else 'show'} a cliff under {_hard_metrics(cliffs)}.{rest}"
    metric, skill = ({word: int((found[name] == word).sum()) for word in ("yes", "no", "open")} for name in _ASKED)
    return (
        f"{first} The metric makes {metric['yes']} of them, does not make {metric['no']}, and {metric['open']} are "
        "open. "
        f"The skill itself broke in {skill['yes']}, did not in {skill['no']}, and {skill['open']} are open."
    )


def concentrated(concentration: pl.DataFrame) -> str:
    """Say in a sentence which share of the tasks called emergent prefers a hard metric, and how that compares.

    Parameters
    ----------
    concentration
        The table CONCENTRATION: the row "emergent", then the row "other".
    """
    emergent, other = concentration.to_dicts()
    first = (
        f"{emergent['hard_preferred']} of the {emergent['tasks']} tasks listed as emergent "
        f"({percent(emergent['share'])}, 95% interval {percent(emergent['share_low'])} to "
        f"{percent(emergent['share_high'])}) have exact match or multiple-choice grade as their preferred metric"
    )
    if emergent["p_fisher"] is None:
        return f"{first}."
    ratio = "" if emergent["odds_ratio"] is None else f"odds ratio {number(emergent['odds_ratio'], 2)}, "
    return (
        f"{first}, against {other['hard_preferred']} of BIG-Bench's {other['tasks']} other JSON tasks "
        f"({percent(other['share'])}; {ratio}Fisher's exact test p = {number(emergent['p_fisher'], 2)})."
    )


def _hard_metrics(cliffs: pl.DataFrame) -> str:
    """Name the hard metrics that decide: exact match alone, or with its stand-in."""
    names = [title(metric).lower() for metric in sorted(cliffs["hard_metric"].drop_nulls().unique())]
    return " or ".join(names) or title("exact_match").lower()
