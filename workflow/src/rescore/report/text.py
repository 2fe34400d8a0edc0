"""The words and numbers that the terminal, the page and the figure share."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import polars as pl

from rescore.tables import METRICS

KEY = ("ladder", "task", "subtask")
"""What names a subtask in every table of the report."""

NONE = "–"
"""Shown for a null."""

NOT_ASKED = "not asked"
"""Shown for the answer to a question that the one before it left without an object."""

LABELS = {
    "mirage": "the metric makes the cliff; the skill did not break",
    "both": "the metric makes a part of the cliff, and the skill broke",
    "real": "the skill broke; the metric adds little",
    "ordinary": "the metric adds little, and the skill did not break: the tail of a sigmoid",
    "open": "at least one of the three questions is open",
    "no likelihood": "a cliff, but no likelihood to compare it with",
    "no cliff": "rises by 10 points or more, but not suddenly",
    "flat": "rises by less than 10 points",
    "saturated": "at its top from the smallest sizes on",
    "inverse": "gets worse with size",
    "not judged": "too few sizes, too short a ladder, or no scores",
}
"""The labels of a subtask and what each means."""

_OPEN = {
    "mirage or both": "the metric makes the cliff; whether the skill broke too is open",
    "both or real": "the skill broke; the metric's part is open",
    "real or ordinary": "the metric adds little; whether the skill broke is open",
    "mirage or ordinary": "the skill did not break; the metric's part is open",
    "cause open": "a cliff; the metric's part and the skill are both open",
    "cliff open": "it is open whether the rise is sudden",
}
_DECIDED = {("yes", "no"): "mirage", ("yes", "yes"): "both", ("no", "yes"): "real", ("no", "no"): "ordinary"}

SHOWN = (*_DECIDED.values(), "no cliff")
"""The groups that a reader expects to see, even where no subtask is in one."""

GROUPS = {name: LABELS[name] for name in _DECIDED.values()} | _OPEN | LABELS
"""The groups of subtasks in their order, and what each means: the labels, with open ones by what is known."""

VERDICTS = {
    "cliff": "a floor and a late rise, or half of the rise in one step after the first",
    "smooth": "improves without a cliff",
    "flat": "hardly moves",
    "saturated": LABELS["saturated"],
    "inverse": LABELS["inverse"],
    "open": "not decided",
    "not judged": "too few sizes, or no error known",
}
"""The verdicts of a curve and what each means."""

QUESTIONS = {
    "cliff": "Is there a cliff?",
    "metric_makes_it": "Does the metric make it?",
    "skill_broke": "Did the skill break?",
}
"""The three questions of a subtask."""

LETTERS = {"cliff": "C", "smooth": "S", "flat": "F", "saturated": "T", "inverse": "I", "open": "?", "not judged": "·"}
"""One sign per verdict, for the matrix: T is for the top, where a saturated curve is from the start."""

FLAGS = {
    "saturation": "The larger models all score near the top",
    "inverse scaling": "A score gets worse with size",
    "contamination signature": "One jump stands out, as if test questions had leaked",
    "grader rejects right answers": "Exact match rejects answers that hold the right one",
    "no correct choice": "Some questions have no correct choice",
}
"""What each flag says, in plain words."""

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
    """Format a number with `digits` significant digits, as the page's script does.

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


def times(factor: float | None) -> str:
    """Print a factor; what is over twenty times is only said to be that.

    >>> times(4.432), times(1000.0), times(None)
    ('4.4x', '>20x', '–')
    """
    return NONE if factor is None else ">20x" if factor > 20 else f"{number(factor, 2)}x"


def size(value: float) -> str:
    """Format a number of parameters with three digits and its thousands as a letter.

    >>> size(252), size(618_880), size(1.4e9)
    ('252', '619k', '1.4B')
    """
    for letter, scale in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if scale <= value < 1000 * scale:
            return f"{number(value / scale)}{letter}"
    return number(value)


def percent(share: float | None) -> str:
    """Format a share as whole percent; a null is a dash.

    >>> percent(0.666), percent(None)
    ('67%', '–')
    """
    return NONE if share is None else f"{share:.0%}"


def interval(row: Mapping[str, Any], name: str, show: Callable[[float | None], str] = number) -> str:
    """Format a number of a row with its interval, where it has one.

    >>> interval({"x": 0.5, "x_low": 0.25, "x_high": 0.75}, "x", percent)
    '50% (25% to 75%)'
    """
    if row[name] is None or row[f"{name}_low"] is None:
        return show(row[name])
    return f"{show(row[name])} ({show(row[f'{name}_low'])} to {show(row[f'{name}_high'])})"


def title(metric: str) -> str:
    """Return a metric's name for readers; BIG-bench's own metrics keep theirs."""
    return METRICS[metric].title if metric in METRICS else metric


def question(name: str) -> str:
    """Return a question of HEADLINE in words.

    >>> question("under_brier_score")
    'Does it disappear under Brier score?'
    """
    return QUESTIONS.get(name, f"Does it disappear under {title(name.removeprefix('under_'))}?")


def metrics(verdicts: pl.DataFrame) -> list[str]:
    """Return the metrics with a verdict: ours in their order, then BIG-bench's own by name."""
    return verdicts["metric"].unique().to_frame().sort(rank("metric", METRICS), "metric")["metric"].to_list()


def rank(column: str, order: Iterable[str]) -> pl.Expr:
    """Return the places of a column's values in an order; all others come last."""
    places = {name: place for place, name in enumerate(order)}
    return pl.col(column).replace_strict(places, default=len(places), return_dtype=pl.Int64)


def with_titles(words: str) -> str:
    """Put metrics' titles for their names in a sentence of a table.

    >>> with_titles("nll_nats_per_token gets worse")
    'NLL per token gets worse'
    """
    return re.sub("[a-z]+(?:_[a-z]+)+", lambda found: title(found.group()), words)


class Words(NamedTuple):
    """A subtask's name in words: its own, its task's where the task has several, and its ladder's where asked for."""

    own: str
    task: str
    ladder: str

    @property
    def full(self) -> str:
        """All of it in one line."""
        name = f"{self.task}: {self.own}" if self.task else self.own
        return f"{name} ({self.ladder})" if self.ladder else name


def words(subtask: Subtask, *, with_ladder: bool) -> Words:
    """Return a subtask's name in words.

    >>> words(Subtask("nano", "arithmetic", "arithmetic:3_digit_addition"), with_ladder=False).full
    'arithmetic: 3-digit addition'
    """
    ladder, task, name = subtask
    own = "" if name == task else _in_words(name.removeprefix(f"{task}:"))
    return Words(own or _in_words(task), _in_words(task) if own else "", plain(ladder) if with_ladder else "")


def _in_words(name: str) -> str:
    shots_apart = re.sub(r"@(?=\d+-shot$)", ", ", name)
    return plain(re.sub(r"(?<![A-Za-z])(\d+)_(?=[a-z])", r"\1-", shots_apart).replace("_", " "))


def group(cliff: Mapping[str, Any]) -> str | None:
    """Return the group of a row of CLIFFS, one of GROUPS: its label, or where that is open what it may still be."""
    if cliff["label"] != "open":
        return None if cliff["label"] is None else str(cliff["label"])
    if cliff["cliff"] == "open":
        return "cliff open"
    metric, skill = cliff["metric_makes_it"], cliff["skill_broke"]
    could = [name for (m, s), name in _DECIDED.items() if metric in (m, "open") and skill in (s, "open")]
    return " or ".join(could) if len(could) == 2 else "cause open"


def in_order(subtasks: pl.DataFrame) -> pl.DataFrame:
    """Sort rows of CLIFFS, and of what lacks a label: by group in the order of GROUPS, then by name."""
    places = {name: place for place, name in enumerate(GROUPS)}
    at = [places.get(group(row) or "", len(places)) for row in subtasks.iter_rows(named=True)]
    return subtasks.with_columns(_at=pl.Series(at, dtype=pl.Int64)).sort("_at", "task", "subtask", "ladder").drop("_at")
