"""The page of Schaeffer et al.'s figures 5 and 6 from published curves, with our three questions beside each."""

from collections.abc import Sequence

import altair as alt
import polars as pl

from rescore.report import charts, panels, text
from rescore.report.along import Along, ladder_lines, rung_means
from rescore.report.document import document
from rescore.report.grid import Column, Titles, of_table, rounded
from rescore.report.panels import CHOICES, Panel
from rescore.tables import EMERGENCE

_EMERGENCE: Titles = {
    "ladder": ("Ladder", "word"),
    "metric": ("Metric", "word"),
    "listed": ("Listed", "word"),
    "emergence_score": ("Emergence score", "number"),
    "brier_emergence_score": ("under Brier score", "number"),
    "cliff": ("Cliff", "word"),
    "metric_makes_it": ("Metric makes it", "word"),
    "skill_broke": ("Skill broke", "word"),
    "under_brier_score": ("Cliff under Brier", "word"),
}
_PANELS = 24
_GRADE = "multiple_choice_grade"


def render_reproduction(
    *,
    curves: pl.DataFrame,
    emergence: pl.DataFrame,
    preferred_metrics: pl.DataFrame,
    concentration: pl.DataFrame,
    axis: str,
    lines: float,
) -> str:
    """Return the page, a `document` with links to the tables' CSV files beside it.

    `axis` is what the curves run along, one of AXES; a curve shows emergence from `lines` times the score of a straight
    line on.
    """
    along = Along(axis)
    every, listed = (preferred_metrics.filter(group=group) for group in ("all", "listed"))
    both = emergence.filter((pl.col("metric") == _GRADE) & pl.col("brier_emergent").is_not_null())
    return document(
        "reproduction.html.j2",
        ["grid.js", "reproduction.js"],
        ladder_lines=ladder_lines(curves),
        axis=along,
        lines=lines,
        figures={"all": every.to_dicts(), "listed": listed.to_dicts()},
        n_preferred=every.height,
        n_emergent=every.filter(pl.col("emergent") > 0).height,
        n_finite=every.filter(pl.col("emergent") > pl.col("infinite")).height,
        n_listed_metrics=listed.height,
        concentration=concentration.to_dicts(),
        concentrated=concentrated(concentration),
        answered=_answers(emergence.filter("listed")),
        n_unjudged=both.filter((pl.col("cliff") == "yes") & pl.col("under_brier_score").is_null()).height,
        both={
            "curves": both.height,
            "grade": both["emergent"].sum(),
            "kept": both.filter("emergent")["brier_emergent"].sum(),
            "cliffs": both.filter(cliff="yes").height,
            **{word: both.filter(under_brier_score=word).height for word in ("disappears", "survives", "open")},
        },
        graded_answers=_answers(both),
        panels=_panels(curves, both, along),
        box=(panels.WIDTH, panels.HEIGHT),
        labels=text.LABELS,
        questions=text.QUESTIONS,
        table=of_table(
            EMERGENCE,
            "Every curve under the preferred metric",
            Column("Subtask", "name", emergence["subtask"].to_list()),
            emergence.fill_nan(None),
            _EMERGENCE,
        ),
        specs={"scores": charts.bare(_scores(emergence))},
        shared={"labels": {}, "letters": {}},
    )


def concentrated(concentration: pl.DataFrame) -> str:
    """Say from CONCENTRATION which share of the tasks called emergent prefers a hard metric, and how that compares."""
    emergent, other = concentration.to_dicts()
    share, low, high = (f"{100 * emergent[name]:.1f}%" for name in ("share", "share_low", "share_high"))
    ratio = "" if emergent["odds_ratio"] is None else f"odds ratio {text.number(emergent['odds_ratio'], 2)}, "
    return (
        f"{emergent['hard_preferred']} of the {emergent['tasks']} tasks on the list ({share}, 95% interval {low} to "
        f"{high}) have exact match or multiple-choice grade as their preferred metric, against "
        f"{other['hard_preferred']} of BIG-Bench's {other['tasks']} other JSON tasks ({text.percent(other['share'])}; "
        f"{ratio}Fisher's exact test p = {text.number(emergent['p_fisher'], 2)})."
    )


def _answers(rows: pl.DataFrame) -> list[tuple[str, list[int]]]:
    """Count yes, no and open of each question."""
    return [
        (question, [rows.filter(pl.col(name) == word).height for word in ("yes", "no", "open")])
        for name, question in text.QUESTIONS.items()
    ]


def _panels(curves: pl.DataFrame, both: pl.DataFrame, along: Along) -> Sequence[Panel]:
    """Draw grade and Brier score of the curves with a cliff, then of those that show emergence by their score."""
    shown = both.filter((pl.col("cliff") == "yes") | pl.col("emergent")).sort(
        pl.col("cliff") != "yes", *text.KEY, nulls_last=True
    )
    means = rung_means(curves.filter(pl.col("metric").is_in(list(CHOICES))), along)
    of = means.partition_by(text.KEY, as_dict=True)
    found: list[Panel] = []
    for row in shown.iter_rows(named=True):
        key = text.Subtask(*(row[column] for column in text.KEY))
        rows = of.get(tuple(key), means.clear())
        scores = {metric: rows.filter(metric=metric).select("x", "mean").rows() for metric in CHOICES}
        if len(found) < _PANELS and all(scores.values()):
            under, xs = row["under_brier_score"], rows["x"].to_list()
            said = f"cliff, {'open under Brier score' if under == 'open' else under or 'Brier score not judged'}"
            name = text.words(key, with_ladder=False).full
            caption = said if row["cliff"] == "yes" else "emergent by its score"
            lines = panels.curves(scores, (min(xs), max(xs)), CHOICES, chances={})
            found.append(Panel("emergence", text.plain(name), text.plain(key.ladder), caption, caption, lines))
    return found


def _scores(emergence: pl.DataFrame) -> alt.Chart:
    """Draw how many curves have which score, a row per metric; of finite scores above 1, to a tenth of a decade."""
    score = pl.col("emergence_score")
    kept = emergence.filter(score.is_finite() & (score >= 1))
    counted = kept.group_by("metric", score=10 ** score.log10().round(1)).agg(curves=pl.len()).sort("metric", "score")
    rows = [
        {"metric": text.title(metric), "score": rounded(score), "curves": curves}
        for metric, score, curves in counted.iter_rows()
    ]
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_circle(color=charts.RED, opacity=0.7)
        .encode(
            x=alt.X("score:Q").scale(type="log").axis(grid=False, tickCount=4).title("Emergence score"),
            y=alt.Y("metric:N").title(None).axis(labelLimit=260),
            size=alt.Size("curves:Q").title("curves"),
            tooltip=["metric:N", alt.Tooltip("score:Q", format=".3~g"), "curves:Q"],
        )
        .properties(width="container", height=24 * max(1, counted["metric"].n_unique()))
    )
    return chart if rows else charts.nothing()
