"""The digests that decide what is run again: they move with what a command imports, and with nothing else."""

import shutil
from pathlib import Path

import pytest

from rescore.tables.source import PACKAGE, code_digest, sources

FILES = {
    "__init__.py": "",
    "a/__init__.py": "",
    "a/x.py": "from pkg.b import y\nimport os\ndef late():\n    from pkg import c\n",
    "a/other.py": "from pkg.d import z\n",
    "b/__init__.py": "",
    "b/y.py": "import pkg.b.deep\n",
    "b/deep.py": "",
    "b/page.html": "<p>",
    "c/__init__.py": "from pkg.c.inner import name\n",
    "c/inner.py": "name = 1\n",
    "d/__init__.py": "",
    "d/z.py": "",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / "pkg" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pkg" / name).write_text(text)
    return tmp_path / "pkg"


def test_imports_are_followed_into_functions_and_packages_and_data_beside_them_count(package: Path) -> None:
    found = [str(path.relative_to(package)) for path in sources("pkg.a.x", package)]
    assert found == sorted(
        [
            "a/__init__.py",
            "a/x.py",
            "b/__init__.py",
            "b/y.py",
            "b/deep.py",
            "b/page.html",
            "c/__init__.py",
            "c/inner.py",
        ]
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy") / "rescore"
    shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.mark.parametrize(
    ("command", "file", "moves"),
    [
        ("prompts", "commands/prompts.py", True),
        ("prompts", "bigbench/fields.py", True),
        ("prompts", "tables/files.py", True),
        ("prompts", "scoring/edit.py", False),
        ("score", "scoring/edit.py", True),
        ("score", "bigbench/answers.py", True),
        ("score", "tables/columns.tsv", True),
        ("score", "discontinuity/progress.py", False),
        ("test", "discontinuity/progress.py", True),
        ("test", "planning/flags.py", True),
        ("test", "config/ladder.schema.yaml", True),
        ("test", "report/charts.py", False),
        ("report", "report/page.css", True),
        ("reproduce", "bigbench/bigbench-1.0.0.tsv", True),
        ("reproduce", "discontinuity/concentration.py", True),
        ("report", "models/forward.py", False),
    ],
)
def test_an_edit_moves_the_digests_of_the_commands_that_use_it(
    copy: Path, command: str, file: str, moves: bool
) -> None:
    def digest() -> str:
        return code_digest(f"rescore.commands.{command}", copy)

    before, content = digest(), (copy / file).read_bytes()
    assert before == code_digest(f"rescore.commands.{command}")
    (copy / file).write_bytes(content + b"\n# another line\n")
    after = digest()
    (copy / file).write_bytes(content)
    assert (after != before) is moves
