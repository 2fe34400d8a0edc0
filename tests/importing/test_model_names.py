"""Which row of a ladder a model of a results file is."""

from pathlib import Path

import polars as pl
import pytest

from rescore.config.inputs import read_ladders
from rescore.importing.model_names import match
from rescore.tables import InputError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LADDER = pl.DataFrame(
    [
        ("a-s1", "o/a", "step1", None),
        ("a", "o/a", "step2", True),
        ("b", "o/B", "main", None),
        ("c", "data/c", "-", None),
        ("d-small", "o/D-Base", "stage1", None),
        ("e", "o/E", COMMIT, None),
    ],
    schema={"model": pl.String, "source": pl.String, "revision": pl.String, "is_main": pl.Boolean},
    orient="row",
)


@pytest.mark.parametrize(
    ("found", "model"),
    [
        ("o/a@step1", "a-s1"),
        ("o/a", "a"),  # step2 is main
        ("O/A@step2", "a"),
        ("o/B", "b"),
        ("b", "b"),
        ("B", "b"),
        ("/elsewhere/B/", "b"),
        ("/elsewhere/c/", "c"),
        ("a-s1", "a-s1"),  # as the row itself is called
        ("/runs/a/step1", "a-s1"),
        ("/runs/a/main", "a"),
        ("/runs/a/final/", "a"),
        ("/runs/a/checkpoint-1", "a-s1"),
        ("/runs/a/global_step001", "a-s1"),
        (f"/hub/models--o--E/snapshots/{COMMIT}", "e"),
        ("o/E@0123456", "e"),
        ("/hub/models--o--B", "b"),
        ("/hub/models--o--B/snapshots/0123456", "b"),
        ("D-SMALL", "d-small"),
        # not the row's revision
        ("o/a@step3", "a-step3"),
        ("o/B@other", "B-other"),
        ("o/D-Base", "D-Base"),
        ("D-Base", "D-Base"),
        ("/runs/a/step7", "a-step7"),
        ("o/E", "E"),
        ("o/new", "new"),
    ],
)
def test_a_model_is_the_row_of_its_name_and_revision(found: str, model: str) -> None:
    twice = pl.concat([LADDER, LADDER])  # a model of two ladders
    assert match([found], twice).names == {found: model}


def test_a_row_of_another_revision_is_named_in_one_line() -> None:
    [note] = match(["o/D-Base"], LADDER).notes
    assert note == (
        "'o/D-Base' is revision main, the ladder has another (d-small: stage1): not matched; if they are the same, say "
        "is_main in the row, or name the row with --rename"
    )
    assert not match(["o/a", "o/B", "o/new"], LADDER).notes


def test_a_snapshot_of_the_hubs_cache_is_taken_for_main_and_told() -> None:
    assert match(["/hub/models--o--B/snapshots/0123456"], LADDER).notes == [
        "'/hub/models--o--B/snapshots/0123456' was taken for 'b', as if its commit were that of main"
    ]
    assert not match([f"/hub/models--o--E/snapshots/{COMMIT}"], LADDER).notes


def test_a_model_of_another_organisation_is_told() -> None:
    matched = match(["mine/B"], LADDER)
    assert (matched.names, matched.notes) == (
        {"mine/B": "b"},
        ["'mine/B' was taken for 'b', whose source is o/B"],
    )


def test_spellings_of_one_model_are_one_model() -> None:
    assert set(match(["o/B", "/data/B", "b"], LADDER).names.values()) == {"b"}
    assert set(match(["o/x", "/data/x", "x"], None).names.values()) == {"x"}


def test_two_models_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match=r"^models 'o/x' and 'p/x' would both be 'x'; tell them apart with --rename"):
        match(["o/x", "p/x"], None)
    with pytest.raises(InputError, match=r"^models '/r/1/x' and '/r/2/x' would both be 'x'"):
        match(["/r/1/x", "/r/2/x"], None)
    assert match(["/r/1/final", "/r/2/final"], None).names == {"/r/1/final": "1", "/r/2/final": "2"}


def test_names_of_the_hub_and_of_folders_find_a_shipped_ladders_rows() -> None:
    ladder = read_ladders([Path("config/ladders/cerebras-gpt.tsv")])
    names = ("Cerebras-GPT-111M", "/data/models/Cerebras-GPT-590M", "cerebras/Cerebras-GPT-1.3B", "cerebras-gpt-2.7b")
    assert match(names, ladder).names == {
        "Cerebras-GPT-111M": "cerebras-gpt-111m",
        "/data/models/Cerebras-GPT-590M": "cerebras-gpt-590m",
        "cerebras/Cerebras-GPT-1.3B": "cerebras-gpt-1.3b",
        "cerebras-gpt-2.7b": "cerebras-gpt-2.7b",
    }
