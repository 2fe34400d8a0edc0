"""docs/calibration.md, from one row per planted task."""

import textwrap
from collections.abc import Iterable, Sequence

import calibration_text as text
import polars as pl
from calibration_goals import (
    BY_METRIC,
    FOUND,
    IN_WINDOW,
    IS_BROKEN,
    THERE,
    Rate,
    auc,
    best_threshold,
    covers,
    goals,
    in_order,
    of,
    says,
)
from calibration_kinds import BROKEN, CHAINS, ITEMS, LADDERS, SMOOTH

ANSWERS = ("yes", "open", "no")
SECOND = ("mirage", "real", "both", "ordinary")
FIRST = ("metric artefact", "survives", "no cliff", "unresolved")


def page(tasks: pl.DataFrame, *, command: str, run: str, commit: str = "") -> str:
    """Write the page.

    Parameters
    ----------
    tasks
        One row per task, as `calibration_judge.judge` gives them.
    command, run
        What was typed, and what it ran on and for how long.
    commit
        Of the first edition, where `tasks` has its labels.
    """
    blocks = [
        text.INTRODUCTION.format(command=command, run=run, tasks=f"{tasks.height:,}"),
        "## Goals",
        goals_table(tasks),
        goals_met(tasks),
        text.GOALS,
        "## By kind",
        by_kind(tasks),
        text.BY_KIND,
        "## Wrong answers",
        wrong(tasks),
        text.WRONG,
        "## Breaks found that stay open",
        why_open(tasks),
        text.WHY_OPEN,
        "## By sizes and items",
        by_ladder(tasks),
        text.BY_LADDER,
        "## What was tried to answer more",
        text.TRIED,
        "## The emergence score on the same tasks",
        emergence(tasks),
        text.EMERGENCE,
    ]
    if commit:
        blocks += [
            "## The first edition on the same tasks",
            text.FIRST.format(commit=commit),
            editions(tasks),
            beside(tasks),
            text.BESIDE,
        ]
    return "\n\n".join(blocks) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, words: int = 1) -> str:
    """Write a Markdown table; the first `words` columns hold words, the rest numbers."""
    lines = [head, ["---"] * words + ["--:"] * (len(head) - words), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def goals_table(tasks: pl.DataFrame) -> str:
    """Write each goal with what was measured."""
    rows = [
        (what, f"at {'most' if most else 'least'} {bound:g}", rate, rate.met(bound, most=most))
        for what, rate, bound, most in goals(tasks)
    ]
    return table(("what", "goal, %", "measured, %", "met"), rows)


def goals_met(tasks: pl.DataFrame) -> str:
    """Say in words how many goals are met, and which are not."""
    held = [goal for goal in goals(tasks) if goal.rate.trials]
    missed = [goal.what for goal in held if goal.rate.met(goal.bound, most=goal.most).strip("*").startswith("no")]
    met = f"**{len(held) - len(missed)} of {len(held)} goals are met.**"
    said = f"{met} Not met: {'; '.join(missed)}." if missed else met
    return textwrap.fill(said, 118, break_long_words=False, break_on_hyphens=False)


def counts(tasks: pl.DataFrame, question: str) -> str:
    """Count a question's answers: yes, open, no."""
    return " / ".join(str(tasks.filter(says(question, answer)).height) for answer in ANSWERS)


def share(tasks: pl.DataFrame, hit: pl.Expr) -> str:
    """Give a share of tasks with two digits.

    >>> share(pl.DataFrame({"a": [1, 2, 3]}), pl.col("a") > 1), share(pl.DataFrame({"a": []}), pl.col("a") > 1)
    ('.67', '–')
    """
    if not tasks.height:
        return "–"
    rate = Rate.of(tasks, hit)
    return f"{rate.hits / rate.trials:.2f}".removeprefix("0")


def by_kind(tasks: pl.DataFrame) -> str:
    """Answers and coverage of each kind."""
    rows = []
    for kind in in_order(tasks["kind"]):
        some = tasks.filter(of(kind))
        there, found = some.filter(THERE), some.filter(FOUND)
        broken = Rate.of(there, IS_BROKEN)
        rows.append(
            (
                kind,
                f"{there.filter(FOUND).height} of {there.height}",
                found.height - there.filter(FOUND).height,
                there.filter(says("cliff", "no")).height,
                f"{broken.hits} of {broken.trials}",
                counts(found, "skill"),
                counts(found, "metric"),
                share(there, covers("metric_share")),
                share(there, covers("acceleration")),
            )
        )
    head = ("kind", "cliffs found, of those there", "found, not there", "there, said to be none", "truly broken")
    return table(
        (*head, "skill broke: yes / open / no", "metric makes it: yes / open / no", "covers M", "covers alpha"), rows
    )


def wrong(tasks: pl.DataFrame) -> str:
    """Answers that the truth contradicts, among cliffs found."""
    found = tasks.filter(FOUND)
    asked = [
        ("cliff *yes*, none there", tasks.filter(~THERE), FOUND),
        ("cliff *no*, one there", tasks.filter(THERE), says("cliff", "no")),
        ("skill *yes*, no break", found.filter(~IS_BROKEN), says("skill", "yes")),
        ("skill *no*, a break in the window", found.filter(IN_WINDOW), says("skill", "no")),
        ("skill *no*, a break below the window", found.filter(IS_BROKEN & ~IN_WINDOW), says("skill", "no")),
        ("metric *yes*, under a share of 1/4 or of 1/10", found.filter(THERE & ~BY_METRIC), says("metric", "yes")),
        ("metric *no*, above both", found.filter(THERE & BY_METRIC), says("metric", "no")),
    ]
    return table(
        ("answer and truth", "%", "in which kinds"),
        [(name, Rate.of(some, hit), where(some.filter(hit))) for name, some, hit in asked],
    )


def where(tasks: pl.DataFrame) -> str:
    """Name the kinds of these tasks with their numbers, the commonest first."""
    counted = tasks["kind"].value_counts().sort("count", "kind", descending=[True, False])
    return ", ".join(f"{kind} {n}" for kind, n in counted.rows()) or "–"


def why_open(tasks: pl.DataFrame) -> str:
    """Count the reasons for which the skill's break stays open where there is one."""
    broken = tasks.filter(FOUND & IS_BROKEN & ~of("some items"))
    left = broken.filter(says("skill", "open"))
    numbers = r"^skill open: |\s*\([^)]*\)|[0-9.]+ times|over 20 times"
    plain = pl.col("reason").str.split("; ").list.last().str.replace_all(numbers, "")
    counted = left.group_by(plain.alias("why")).len().sort("len", "why", descending=[True, False])
    rows = [
        (
            why.replace("grew  as", "grew … times as")
            .replace("but  without", "but … times without")
            .replace("to  as", "to … times as"),
            Rate(n, broken.height),
        )
        for why, n in counted.rows()
    ]
    return table(("why", "of breaks found, %"), rows)


def by_ladder(tasks: pl.DataFrame) -> str:
    """Rates by number of sizes and of items."""
    rows = []
    for ladder in LADDERS:
        for n_items in ITEMS:
            some = tasks.filter((pl.col("ladder") == ladder) & (pl.col("n_items") == n_items))
            found, there = some.filter(FOUND), some.filter(THERE)
            planted = found.filter(of(*BROKEN) & IS_BROKEN & ~of("some items"))
            rows.append(
                (
                    ladder,
                    n_items,
                    Rate.of(there.filter(of(*CHAINS)), FOUND),
                    Rate.of(found.filter(of(*CHAINS) & BY_METRIC), says("metric", "yes")),
                    Rate.of(there.filter(of(*BROKEN)), FOUND),
                    Rate.of(planted, says("skill", "yes")),
                    Rate.of(found.filter(~IS_BROKEN), says("skill", "yes")),
                )
            )
    head = ("sizes", "items", "late chains there, found", "of these metric *yes*", "breaks there, found")
    return table((*head, "of these skill *yes*", "no break, skill *yes*"), rows, words=0)


def emergence(tasks: pl.DataFrame) -> str:
    """How well the emergence score tells a break from a cliff without one, beside the method's own answers."""
    there = tasks.filter(THERE & of(*SMOOTH, *BROKEN) & ~of("some items"))
    truth = there.select(IS_BROKEN.alias("t"))["t"]
    scores = {
        "E of the hard metric": there["emergence"],
        "E of minus NLL": there["emergence_nll"],
        "acceleration, point estimate": there["acceleration"],
    }
    rows = []
    for name, values in scores.items():
        finite = values.replace({float("inf"): 1e12, -float("inf"): -1e12}).fill_nan(0)
        area = auc(finite, truth)
        bar, right = best_threshold(finite, truth)
        rows.append((name, "–" if area is None else f"{area:.2f}", f"{bar:.3g}", f"{100 * right:.0f}"))
    return table(("score", "AUC", "best threshold", "right at it, % (mean of both sides)"), rows)


def editions(tasks: pl.DataFrame) -> str:
    """Right and wrong labels of both editions."""
    there = tasks.filter(THERE)
    mirage, broken = there.filter(BY_METRIC & ~IS_BROKEN), there.filter(IS_BROKEN)
    second_broke = pl.col("label").is_in(["real", "both"])
    asked = [
        ("the metric's alone, said to be", mirage, "metric artefact", says("label", "mirage")),
        ("the metric's alone, said to have broken", mirage, "survives", second_broke),
        ("broken, said to have broken", broken, "survives", second_broke),
        ("broken, said to be the metric's alone", broken, "metric artefact", says("label", "mirage")),
        ("no cliff, said to have broken", tasks.filter(~THERE), "survives", second_broke),
    ]
    rows = [
        (name, Rate.of(some, pl.col("first_label") == first), Rate.of(some, second))
        for name, some, first, second in asked
    ]
    return table(("truth and label", "first edition, %", "second edition, %"), rows)


def beside(tasks: pl.DataFrame) -> str:
    """Labels of the first edition beside the answers of the second."""
    rows = []
    for kind in in_order(tasks["kind"]):
        there = tasks.filter(of(kind) & THERE)
        first = " / ".join(str(there.filter(pl.col("first_label") == label).height) for label in FIRST)
        decided = there.filter(FOUND & ~says("skill", "open") & ~says("metric", "open"))
        second = " / ".join(str(there.filter(says("label", label)).height) for label in SECOND)
        rows.append((kind, there.height, first, second, share(there, FOUND), decided.height))
    head = ("kind", "cliffs there", "first: artefact / survives / none / unresolved")
    return table((*head, "second: mirage / real / both / ordinary", "second: found", "second: both answered"), rows)
