"""GPUs of one machine among several extractions; the GPUs are none, the locks are real."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from rescore.models import device


@pytest.fixture(autouse=True)
def two_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda k: SimpleNamespace(uuid=f"GPU-{k}"))
    monkeypatch.setattr(device.tempfile, "gettempdir", lambda: str(tmp_path))
    held: dict[int, int] = {}
    monkeypatch.setattr(device, "_held", held)
    yield
    for file in held.values():
        os.close(file)


def elsewhere(folder, k: int) -> subprocess.Popen[str]:
    """Have another process hold a GPU until its input ends."""
    name = folder / f"rescore-{os.getuid()}-gpu-GPU-{k}.lock"
    code = (
        f"import fcntl; f = open({str(name)!r}, 'w'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); input()"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "held\n"
    return other


def test_each_takes_one_that_no_other_has(tmp_path) -> None:
    assert device.claim() == [0]
    assert device.claim() == [0]  # for the next model of the same job
    os.close(device._held.pop(0))
    with elsewhere(tmp_path, 0) as other:
        assert device.claim() == [1]
        other.kill()


def test_one_waits_for_a_gpu_and_gets_that_of_a_process_that_died(tmp_path, capsys, monkeypatch) -> None:
    others = [elsewhere(tmp_path, 0), elsewhere(tmp_path, 1)]
    monkeypatch.setattr(device.time, "sleep", lambda _: (others[1].kill(), others[1].wait()))
    assert device.claim() == [1]
    assert capsys.readouterr().err == "waiting for a GPU: other extractions have all of them\n"
    for other in others:
        other.kill()
        other.communicate()


def test_a_model_that_is_spread_takes_all_and_a_machine_without_a_gpu_gives_none(monkeypatch, capsys) -> None:
    assert device.claim(every=True) == [0, 1]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device.claim() == device.claim(every=True) == []
    assert not capsys.readouterr().err
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert device.claim() == []
    assert capsys.readouterr().err == "Apple's GPU (MPS) is not used: the model runs on the processor\n"
