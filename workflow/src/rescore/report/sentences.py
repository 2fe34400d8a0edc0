"""The headline in words, for the page and the terminal."""

from collections.abc import Mapping

import polars as pl

from rescore.report.text import title
from rescore.tables import count

_ASKED = ("metric_makes_it", "skill_broke")


def sentences(cliffs: pl.DataFrame) -> tuple[str, str]:
    """Say of the table CLIFFS how many sudden rises there are and what makes them; and then the other answers.

    With several ladders a subtask counts once per ladder; the sentence gives both numbers.
    """
    if cliffs.is_empty():
        return "No subtask was tested.", ""
    rises = cliffs.filter(pl.col("cliff") == "yes")
    n, undecided = rises.height, int((cliffs["cliff"] == "open").sum())
    total, ladders = cliffs.select("task", "subtask").n_unique(), cliffs["ladder"].n_unique()
    tested = count(total, "subtask") + (f" on {ladders} ladders" if ladders > 1 else "")
    more = f" ({undecided} {'more ' if n else ''}{'is' if undecided == 1 else 'are'} open)" if undecided else ""
    if not n:
        # The hard metric that decides: exact match, or what stands in for it.
        under = [title(metric).lower() for metric in sorted(cliffs["hard_metric"].drop_nulls().unique())]
        return f"No sudden rise under {' or '.join(under) or 'exact match'} in {tested}{more}.", ""
    if ladders == 1:
        found = f"{n} of {tested} rise{'s' if n == 1 else ''} suddenly{more}."
    else:
        found = f"{count(n, 'sudden rise')} in {tested}{more}."
    unasked = rises["metric_makes_it"].null_count()
    if unasked == n:
        who = "It has no likelihood, so what makes it" if n == 1 else "None has a likelihood, so what makes them"
        return f"{found} {who} is not asked.", ""
    metric, skill = ({word: int((rises[name] == word).sum()) for word in ("yes", "no", "open")} for name in _ASKED)
    first = f"{found} {_causes(metric, skill, unasked)}"
    if n - unasked == 1:
        return first, ""
    told = {"The metric makes it": metric, "The skill broke": skill}
    return first, " ".join(
        f"{what}: {', '.join(f'{n} {word}' for word, n in of.items())}." for what, of in told.items()
    )


def _causes(metric: Mapping[str, int], skill: Mapping[str, int], unasked: int) -> str:
    """Say of how many cliffs the answers are yes; where none is, whether that is open. Cliffs not asked stand apart."""
    n = sum(metric.values())
    every = "the cliff" if n == 1 else f"{n} cliffs"
    if unasked:
        every += f" with a likelihood ({unasked} {'has' if unasked == 1 else 'have'} none)"
    if n == 1:
        does = "makes" if metric["yes"] else "adds little to"
        first = f"Whether the metric makes {every} is open" if metric["open"] else f"The metric {does} {every}"
        did = "broke" if skill["yes"] else "did not break"
        second = "whether the skill itself broke is open" if skill["open"] else f"the skill itself {did}"
        return f"{first}; {second}."
    at_least = ["at least " if each["open"] else "" for each in (metric, skill)]
    if metric["yes"] or not metric["open"]:
        first = f"The metric makes {at_least[0]}{metric['yes']} of {every}"
    else:
        some = "all" if metric["open"] == n else f"{metric['open']} of"
        first = f"Whether the metric makes them is open in {some} {every}"
    if skill["yes"] or not skill["open"]:
        second = f"the skill itself broke in {at_least[1]}{skill['yes']}"
    else:
        second = f"whether the skill itself broke is open in {'all' if skill['open'] == n else skill['open']}"
    return f"{first}; {second}."
