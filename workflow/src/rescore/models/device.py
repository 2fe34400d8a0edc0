"""Which GPU a model runs on, where several extractions share a machine: one that no other of them has."""

import fcntl
import os
import sys
import tempfile
import time
from pathlib import Path

import torch

_WAIT_S = 0.5
# File descriptors, open until the process ends, however it ends: the kernel lets a dead one's locks go.
_held: dict[int, int] = {}


def claim(*, every: bool = False) -> list[int]:
    """Lock GPUs for this process, waiting for one that other extractions of this user have.

    Parameters
    ----------
    every
        All that the process sees, for a model that is spread over them; else one, whichever is free.

    Returns
    -------
    list of int
        Their numbers, as torch counts them; none where there is no GPU.
    """
    n = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if every:
        return [_one([k]) for k in range(n)]  # in order, so that two that want all do not wait for each other
    return [_one(list(range(n)))] if n else []


def _one(devices: list[int]) -> int:
    """Lock the first of the devices that is free, once one is."""
    said = False
    while True:
        for device in sorted(devices, key=lambda device: device not in _held):
            if _lock(device):
                return device
        if not said:
            print("waiting for a GPU: other extractions have all of them", file=sys.stderr)  # noqa: T201 - progress
            said = True
        time.sleep(_WAIT_S)


def _lock(device: int) -> bool:
    if device in _held:  # by the model before, in the same job
        return True
    name = f"rescore-{os.getuid()}-gpu-{torch.cuda.get_device_properties(device).uuid}.lock"
    file = os.open(Path(tempfile.gettempdir()) / name, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return False
    _held[device] = file
    return True
