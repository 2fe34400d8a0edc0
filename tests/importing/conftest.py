"""The fixture that imports files made by hand."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from imported_files import Import, Imported

from rescore.importing import collect
from rescore.importing.finish import Options


@pytest.fixture
def imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Import:
    """Write files, given by name, and import their folder."""

    def call(files: Mapping[str, Any], **options: Any) -> Imported:
        for name, content in files.items():
            path = tmp_path / "in" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
                path.write_text(text, encoding="utf-8")
        prefer = options.pop("prefer", None)
        out = tmp_path / "out"
        collect.results([tmp_path / "in"], Options(out=out, **options), prefer=prefer)
        return Imported(out, capsys.readouterr().err)

    return call
