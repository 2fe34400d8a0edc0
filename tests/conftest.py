"""Fixtures shared by the tests of the data side."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WriteTask = Callable[..., Path]

LONGEST = (
    "test_slurm.py",
    "test_workflow.py",
    "test_kill.py",
    "test_storage.py",
    "test_own_files.py",
    "test_slurm_nodes.py",
)
"""Files whose tests take minutes. They begin, so that the last worker does not end long after the others."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture
def write_task(tmp_path: Path) -> WriteTask:
    """Write a small valid task, changed by `fields` (a field of ... is left out), to TMP/tasks/{folder}."""

    def write(folder: str = "fruit", **fields: Any) -> Path:
        data = {
            "canary": "",
            "name": folder.rpartition("/")[2],
            "description": "Name the fruit.",
            "keywords": ["words"],
            "metrics": ["exact_str_match"],
            "preferred_score": "exact_str_match",
            "examples": [{"input": f"question {i}", "target": f"answer {i}"} for i in range(4)],
        }
        data = {k: v for k, v in (data | fields).items() if v is not ...}
        path = tmp_path / "tasks" / folder / "task.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def reference() -> Path:
    """Return the folder of reference values, or skip."""
    folder = os.environ.get("RESCORE_REFERENCE")
    if not folder:
        pytest.skip("RESCORE_REFERENCE names no folder of reference values")
    return Path(folder)
