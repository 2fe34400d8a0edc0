"""The terminal summary."""

import re
from types import SimpleNamespace

import polars as pl
import pytest
from report_tables import cliff_row

from rescore.report import summary
from rescore.report.sentences import sentences
from rescore.tables import CLIFFS, FORECAST_COUNTS


def printed(cliffs: pl.DataFrame, headline: pl.DataFrame, width: int | None = None) -> list[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width or 80))
        return summary(cliffs, headline).plain.splitlines()


def test_summary_shows_answers_numbers_and_counts(tables: SimpleNamespace) -> None:
    lines = [line.split() for line in printed(tables.cliffs, tables.headline)]
    assert ["words", "mirage", "yes", "yes", "no", "62%", "1.2x"] in lines
    assert lines.index(["choices"]) + 1 == lines.index(["age", "no", "cliff", "no*", "–", "–", "–", "–"])
    assert ["Is", "there", "a", "cliff?", "1", "1", "0", "0.1"] in lines
    assert ["Does", "it", "disappear", "under", "NLL", "per", "token?", "1", "0", "0", "0.0"] in lines
    text = " ".join(" ".join(line) for line in lines)
    assert "Token accuracy" not in text  # no cliff on a subtask that has it
    assert "* multiple-choice grade" in text
    assert sentences(tables.cliffs)[0] in text


def test_summary_fits_80_columns_and_is_plain(tables: SimpleNamespace) -> None:
    key = ("nano", "t" * 70, "[red]\x1b[31m" + "s" * 70)
    cliffs = cliff_row(
        key, "no likelihood", cliff="open", metric_makes_it="open", skill_broke="open", metric_share=-1.0
    )
    lines = printed(cliffs, tables.headline)
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in "".join(lines)
    wide = printed(cliffs, tables.headline, width=250)
    assert any("[red]\ufffd[31msss" in line for line in wide)  # markup of a name is text


def test_a_name_that_is_too_long_loses_its_middle_and_stays_on_a_line(tables: SimpleNamespace) -> None:
    cliffs = cliff_row(("nano", "long", f"long:{'a' * 40}{'z' * 40}"), "mirage")
    [line] = [line for line in printed(cliffs, tables.headline) if "mirage" in line]
    assert re.match(r"  a+…z+ ", line)
    assert len(line) <= 80


def test_summary_fits_40_lines_and_says_what_it_leaves_out(tables: SimpleNamespace) -> None:
    labels = ["no cliff"] * 32 + ["mirage", "open"]
    cliffs = pl.concat(cliff_row(("nano", f"t{i}", f"t{i}"), label) for i, label in enumerate(labels))
    lines = printed(cliffs, tables.headline)
    names = [line.split()[0] for line in lines if line.startswith("t")]
    assert len(lines) == 40
    assert names[:2] == ["t32", "t33"]  # mirages first
    assert f"and {34 - len(names)} more: {34 - len(names)} no cliff (rescore show cliffs)" in lines
    few = printed(cliffs.tail(3), tables.headline)
    assert sum(line.startswith("t") for line in few) == 3
    assert not any(line.startswith("and ") for line in few)


def test_an_open_subtask_is_listed_by_what_it_may_be(tables: SimpleNamespace) -> None:
    cliffs = cliff_row(("nano", "t", "t"), "open", cliff="yes", metric_makes_it="yes", skill_broke="open")
    [line] = [line for line in printed(cliffs, tables.headline) if line.startswith("t ")]
    assert line.split()[:5] == ["t", "mirage", "or", "both", "yes"]


def test_several_ladders_are_told_apart(tables: SimpleNamespace) -> None:
    keys = [("nano", "t", "t"), ("pythia", "t", "t"), ("pythia", "s", "s:one")]
    lines = printed(pl.concat(cliff_row(key, "mirage") for key in keys), tables.headline)
    heads = [line.split()[:2] for line in lines if line.startswith(("t (", "s (", "  t", "  one"))]
    assert sorted(heads) == sorted(
        [["t", "(nano)"], ["t", "mirage"], ["t", "(pythia)"], ["t", "mirage"], ["s", "(pythia)"], ["one", "mirage"]]
    )


def test_summary_of_nothing(tables: SimpleNamespace) -> None:
    assert printed(CLIFFS.empty(), tables.headline.clear()) == ["No subtask was tested."]


def test_summary_says_how_many_forecasts_came_out_on_either_side_of_the_elbow(tables: SimpleNamespace) -> None:
    base = {"along": "size", "form": "mean of the forms", "inside_interval": 0, "won": None}
    counts = pl.DataFrame(
        [
            base
            | {"metric": metric, "above_elbow": above, "within_5_percent": within}
            | {"with_relative_error": n, "forecasts": n + undefined}
            | more
            for metric, above, within, n, undefined, more in (
                ("exact_match", False, 1, 11, 3, {}),
                ("exact_match", True, 15, 23, 1, {}),
                ("multiple_choice_grade", True, 2, 4, 0, {}),
                ("multiple_choice_grade", None, 4, 4, 5, {}),
                ("exact_match", True, 20, 23, 7, {"form": "power law", "won": 3}),
                ("nll_nats_per_token", True, 9, 23, 7, {}),
            )
        ],
        schema_overrides={"won": pl.Int64},
    ).select(pl.lit(None, kind).alias(name) if name not in base and name not in
             ("metric", "above_elbow", "within_5_percent", "with_relative_error", "forecasts") else pl.col(name)
             for name, kind in FORECAST_COUNTS.columns.items())  # fmt: skip
    lines = summary(tables.cliffs, tables.headline, forecasts=counts).plain.splitlines()
    said = (
        "Forecasts within 5%: of exact match 15 of 23 above the elbow, 1 of 11 below the elbow; "
        "of multiple-choice grade 2 of 4 above the elbow."
    )
    assert f"{said} Not counted, as the realised value is 0: 4." in " ".join(lines)
    defined = counts.with_columns(forecasts="with_relative_error")
    assert "Not counted" not in summary(tables.cliffs, tables.headline, forecasts=defined).plain
    assert max(map(len, lines)) <= 80
    assert "Forecasts" not in summary(tables.cliffs, tables.headline, forecasts=FORECAST_COUNTS.empty()).plain
