"""What the method is held to, counted: rates with Wilson 95% intervals, and whether each goal is met."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Self

import polars as pl
from calibration_kinds import BROKEN, CHAINS, SMOOTH
from statsmodels.stats.proportion import proportion_confint

ROUNDING = 0.01  # an interval that misses the truth by less covers it
MIN_TASKS = 10  # a cell with fewer is no worst cell


@dataclass(frozen=True)
class Rate:
    """Hits of trials, which count as independent."""

    hits: int
    trials: int

    @classmethod
    def of(cls, trials: pl.DataFrame, hit: pl.Expr) -> Self:
        """Count the rows in which `hit` is true; null is a miss."""
        return cls(int(trials.select(hit.fill_null(value=False).sum()).item()), trials.height)

    @property
    def percent(self) -> float:
        """Hits of a hundred trials."""
        return 100 * self.hits / self.trials

    def interval(self) -> tuple[float, float]:
        """Wilson 95% interval, in per cent."""
        low, high = proportion_confint(self.hits, self.trials, method="wilson")
        return 100 * float(low), 100 * float(high)

    def __str__(self) -> str:
        """Give hits, trials, per cent and interval.

        >>> str(Rate(215, 240)), str(Rate(0, 0))
        ('215 of 240, 89.6 (85.1–92.8)', '–')
        """
        if not self.trials:
            return "–"
        low, high = self.interval()
        return f"{self.hits} of {self.trials}, {self.percent:.1f} ({low:.1f}–{high:.1f})"

    def met(self, goal: float, *, most: bool) -> str:
        """Say whether a goal in per cent is met, and whether the interval leaves it open.

        >>> Rate(0, 1000).met(1, most=True), Rate(8, 1000).met(1, most=True), Rate(85, 100).met(90, most=False)
        ('yes', 'yes, within error', 'no, within error')
        """
        if not self.trials:
            return "–"
        good = self.percent <= goal if most else self.percent >= goal
        low, high = self.interval()
        return ("yes" if good else "**no**" if not low < goal < high else "no") + (
            ", within error" if low < goal < high else ""
        )


def of(*kinds: str) -> pl.Expr:
    """Whether a task is of one of these kinds."""
    return pl.col("kind").is_in(kinds)


def says(question: str, answer: str) -> pl.Expr:
    """Whether a question has this answer."""
    return pl.col(question) == answer


THERE = pl.col("true_cliff")
FOUND = says("cliff", "yes")
NEVER_BROKEN = of("items one by one", "flat", "lucky inner size", "lucky last size", "unlucky size")
IN_WINDOW = (pl.min_horizontal("true_acceleration", "true_acceleration_low") >= 0.5) & ~NEVER_BROKEN
IS_BROKEN = (IN_WINDOW | (pl.col("true_break") >= 0.6)) & ~NEVER_BROKEN
BY_METRIC = (pl.col("true_metric_share") >= 0.25) & (pl.col("true_chain_share") >= 0.1)
AMPLE = (pl.col("n_items") >= 500) & (pl.col("rungs") >= 8)


def covers(number: str) -> pl.Expr:
    """Whether the 90% interval of a number covers its truth."""
    low, high, true = pl.col(f"{number}_low"), pl.col(f"{number}_high"), pl.col(f"true_{number}")
    return (low - ROUNDING <= true) & (true <= high + ROUNDING)


class Goal(NamedTuple):
    """A goal, what was counted, and the bound in per cent; `most` says that it is an upper one."""

    what: str
    rate: Rate
    bound: float
    most: bool = False


def goals(tasks: pl.DataFrame) -> list[Goal]:
    """Hold what was found against each goal."""
    found, ample = tasks.filter(FOUND), tasks.filter(AMPLE)
    whole = found.filter(~IS_BROKEN)
    cell, where = worst(whole, ["kind", "ladder", "n_items"], says("skill", "yes"))
    held = [
        Goal("no break, skill *yes*", Rate.of(whole, says("skill", "yes")), 1, True),
        Goal(f"no break, skill *yes*, worst cell ({where})", cell, 5, True),
        Goal("a break in the window, skill *no*", Rate.of(found.filter(IN_WINDOW), says("skill", "no")), 1, True),
    ]
    sharp = ("step", "step to near zero")
    wide = ("step at a size", "step over two gaps")
    for name, kinds, bound in (("steps", sharp, 95), ("steps over two gaps", wide, 85), ("hinges", ("hinge",), 80)):
        there = ample.filter(of(*kinds) & THERE & IS_BROKEN)
        held += [
            Goal(f"{name} there, skill *yes*", Rate.of(there, FOUND & says("skill", "yes")), bound),
            Goal(f"{name} found, skill *yes*", Rate.of(there.filter(FOUND), says("skill", "yes")), bound),
        ]
    drawn = tasks.filter(of("lottery") & (pl.col("mixed") >= 1) & (pl.col("models") >= 3))
    if drawn["seeds"].null_count() < drawn.height:
        others = tasks.filter(~of("lottery", "some items") & (pl.col("models") >= 3))
        held += [
            Goal("lotteries named", Rate.of(drawn, says("seeds", "lottery")), 85),
            Goal("others called a lottery", Rate.of(others, says("seeds", "lottery")), 1, True),
        ]
    late = found.filter(of(*CHAINS) & THERE & BY_METRIC)
    held += [
        Goal("late chains found, metric *yes*", Rate.of(late, says("metric", "yes")), 95),
        Goal("late chains there, found (n = 500, R ≥ 8)", Rate.of(ample.filter(of(*CHAINS) & THERE), FOUND), 70),
    ]
    for number, name in (("metric_share", "M"), ("acceleration", "alpha")):
        there = tasks.filter(THERE & pl.col(f"{number}_low").is_not_null())
        low, kind = worst(there, ["kind"], covers(number), lowest=True)
        held += [
            Goal(f"90% interval covers {name}, all kinds", Rate.of(there, covers(number)), 87),
            Goal(f"90% interval covers {name}, worst kind ({kind})", low, 87),
        ]
    return held


def worst(tasks: pl.DataFrame, key: list[str], hit: pl.Expr, *, lowest: bool = False) -> tuple[Rate, str]:
    """Return the cell with the largest share of hits, or the smallest, and its name."""
    cells = tasks.group_by(key).agg(hits=hit.fill_null(value=False).sum(), trials=pl.len())
    ample = cells.filter(pl.col("trials") >= MIN_TASKS)
    cells = ample if ample.height else cells
    if not cells.height:
        return Rate(0, 0), "none"
    share = pl.col("hits") / pl.col("trials")
    row = cells.sort(share, "trials", *key, descending=[not lowest, True] + [False] * len(key)).row(0, named=True)
    units = {"ladder": "R {}", "n_items": "n {}"}
    return Rate(row["hits"], row["trials"]), ", ".join(units.get(name, "{}").format(row[name]) for name in key)


def auc(scores: pl.Series, truth: pl.Series) -> float | None:
    """Chance that a true case has the larger score than a false one, ties half.

    >>> auc(pl.Series([1.0, 3.0, 2.0]), pl.Series([False, True, False]))
    1.0
    """
    ranks = scores.rank("average").to_numpy()
    yes, no = int(truth.sum()), int((~truth).sum())
    if not yes or not no:
        return None
    return float((ranks[truth.to_numpy()].sum() - yes * (yes + 1) / 2) / (yes * no))


def best_threshold(scores: pl.Series, truth: pl.Series) -> tuple[float, float]:
    """Return the threshold above which a case is best said to be true, and the mean of both shares said rightly."""
    bars = [-float("inf"), *sorted(set(scores.to_list()))]

    def balanced(bar: float) -> float:
        return (float((scores.filter(truth) > bar).mean() or 0) + float((scores.filter(~truth) <= bar).mean() or 0)) / 2  # type: ignore[arg-type]

    bar = max(bars, key=balanced)
    return bar, balanced(bar)


def in_order(kinds: Iterable[str]) -> list[str]:
    """Sort kinds as they are planted."""
    present = set(kinds)
    return [kind for kind in SMOOTH | BROKEN if kind in present]
