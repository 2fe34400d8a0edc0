"""The CSV twins of the tables."""

from pathlib import Path

import polars as pl

from rescore.tables import to_csv, write_text


def test_csv_keeps_every_digit_and_null_from_empty(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "name": ["a,b", "", None, 'say "x"\nליל'],
            "value": [0.1 + 0.2, 1e-300, None, 123456789.123456789],
            "n": [1, 2, None, 4],
            "yes": [True, None, False, True],
        }
    )
    path = tmp_path / "new" / "table.csv"
    write_text(to_csv(frame), path)
    assert path.read_text(encoding="utf-8").splitlines()[:4] == [
        "name,value,n,yes",
        '"a,b",0.30000000000000004,1,true',
        '"",1e-300,2,',
        ",,,false",
    ]
    assert pl.read_csv(path).equals(frame)
