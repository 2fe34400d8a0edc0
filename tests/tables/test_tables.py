"""The parquet contracts: what is written can be read, and nothing else."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rescore import __version__
from rescore.tables import EXAMPLES, METRICS, SCORES, InputError, Table, provenance, read, write, write_text
from rescore.tables.metrics import HARD_METRICS, REFERENCE_METRIC, SOFT_METRICS

TINY = Table(
    "tiny",
    {"n": pl.Int64, "x": pl.Float64, "names": pl.List(pl.String), "values": pl.List(pl.Float64)},
    frozenset({"x", "names"}),
)


def tiny(**changes: Any) -> pl.DataFrame:
    rows = {"n": [1, 2], "x": [0.5, None], "names": [["a"], None], "values": [[1.0], []]} | changes
    return pl.DataFrame(rows, schema=dict(TINY.columns))


def test_what_is_written_is_read_again_in_the_tables_order(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "tiny.parquet"
    write(tiny().select("values", "x", "names", "n"), path, TINY, {"model": "m"})
    assert read(path, TINY).equals(tiny())
    assert read(path, TINY).columns == list(TINY.columns)
    assert provenance(path) == {"schema": "tiny", "schema_version": 1, "code_version": __version__, "model": "m"}
    assert path.stat().st_mode & 0o777 == 0o644
    assert [p.name for p in path.parent.iterdir()] == ["tiny.parquet"]


BROKEN = {
    "missing": (tiny().drop("x"), "column 'x' is missing"),
    "surplus": (tiny().with_columns(y=1), "unknown column 'y'"),
    "type": (tiny().with_columns(pl.col("n").cast(pl.Int32)), "column 'n' is Int32, expected Int64"),
    "null": (tiny(n=[1, None]), "column 'n' is null in row 1"),
    "null list": (tiny(values=[[1.0], None]), "column 'values' is null in row 1"),
    "null in a list": (tiny(values=[[1.0], [2.0, None]]), "column 'values' holds a null in row 1"),
    "null in a nullable list": (tiny(names=[["a", None], None]), "column 'names' holds a null in row 0"),
    "nan": (tiny(x=[0.5, float("nan")]), "column 'x' is not a number in row 1"),
    "nan in a list": (tiny(values=[[], [1.0, float("nan")]]), "column 'values' is not a number in row 1"),
}


@pytest.mark.parametrize(("frame", "message"), BROKEN.values(), ids=list(BROKEN))
def test_a_frame_that_breaks_the_contract_is_neither_written_nor_read(
    tmp_path: Path, frame: pl.DataFrame, message: str
) -> None:
    path = tmp_path / "tiny.parquet"
    with pytest.raises(ValueError, match=f"tiny: {message}"):
        write(frame, path, TINY, {})
    assert not list(tmp_path.iterdir())
    frame.write_parquet(path)
    with pytest.raises(InputError, match=f"{path}: {message}"):
        read(path, TINY)


def test_a_table_without_rows_is_fine(tmp_path: Path) -> None:
    for table in (TINY, EXAMPLES, SCORES):
        write(table.empty(), tmp_path / "empty.parquet", table, {})
        assert read(tmp_path / "empty.parquet", table).equals(table.empty())


def test_anybodys_parquet_file_with_the_right_columns_is_read(tmp_path: Path) -> None:
    tiny().write_parquet(tmp_path / "own.parquet")
    assert read(tmp_path / "own.parquet", TINY).equals(tiny())
    assert provenance(tmp_path / "own.parquet") == {}


def test_files_that_are_not_the_table(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    with pytest.raises(InputError, match=f"^{path}: no such file$"):
        read(path, TINY)
    with pytest.raises(InputError, match=f"^{tmp_path}: not a parquet file"):
        read(tmp_path, TINY)
    write(tiny(), path, TINY, {})
    with pytest.raises(InputError, match=f"^{path}: holds the table 'tiny', expected 'scores'$"):
        read(path, SCORES)
    content = path.read_bytes()
    for cut in (b"", b"text", content[: len(content) // 2]):
        path.write_bytes(cut)
        with pytest.raises(InputError, match=f"^{path}: not a parquet file"):
            read(path, TINY)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (
            json.dumps({"schema": "tiny", "schema_version": 2}),
            "schema version 2, this code reads 1; make the file anew",
        ),
        ("{}", "its metadata 'rescore' was not written by Rescore; make the file anew"),
        ("no JSON", "its metadata 'rescore' was not written by Rescore; make the file anew"),
    ],
)
def test_metadata_that_this_code_does_not_know(tmp_path: Path, metadata: str, message: str) -> None:
    path = tmp_path / "f.parquet"
    tiny().write_parquet(path, metadata={"rescore": metadata})
    with pytest.raises(InputError, match=f"^{path}: {message}$"):
        read(path, TINY)


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "f.txt"
    write_text("before\n", path)
    with pytest.raises(UnicodeEncodeError):
        write_text("after \ud800", path)
    assert path.read_text() == "before\n"
    assert list(tmp_path.iterdir()) == [path]


def test_the_table_of_metrics_is_whole() -> None:
    assert all(name == metric.name and metric.low < metric.high for name, metric in METRICS.items())
    assert all(METRICS[m].discontinuous and METRICS[m].link == "logit" for m in HARD_METRICS)
    assert all(not METRICS[m].discontinuous and METRICS[m].link for m in SOFT_METRICS)
    assert SOFT_METRICS[0] == REFERENCE_METRIC
    bounded = {name for name, m in METRICS.items() if (m.low, m.high) in {(0.0, 1.0), (0.0, 2.0)}}
    assert bounded == {name for name, m in METRICS.items() if m.link == "logit"}
