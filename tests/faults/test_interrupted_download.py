"""A download that breaks off in the middle, from a server on this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from index_standin import Index, serve
from test_fetch import sdist

from rescore.bigbench import download as fetch
from rescore.tables import InputError


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    with serve(sdist(), monkeypatch) as served:
        yield served


def test_a_download_that_breaks_off_leaves_nothing_and_says_so_in_one_line(index: Index, tmp_path: Path) -> None:
    index.breaks = 99
    with pytest.raises(InputError) as caught:
        fetch.fetch(["fruit"], tmp_path / "out", sha256=index.sha256)
    assert str(caught.value).startswith("bigbench==1.0.0: ")
    assert "\n" not in str(caught.value)
    assert not [path for path in tmp_path.rglob("*") if not path.is_dir()]


def test_the_next_try_after_a_broken_download_is_whole(index: Index, tmp_path: Path) -> None:
    index.breaks = 1
    try:
        fetch.fetch(["fruit"], tmp_path / "out", sha256=index.sha256)
    except InputError:  # a pip that does not go on by itself
        fetch.fetch(["fruit"], tmp_path / "out", sha256=index.sha256)
    assert (tmp_path / fetch.ARCHIVE).read_bytes() == index.content
