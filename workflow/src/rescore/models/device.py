"""Choose a GPU that no other extraction on this machine uses."""

import fcntl
import os
import sys
import tempfile
import time
from pathlib import Path

import torch

_WAIT_S = 0.5
# File descriptors, open until the process ends: the kernel then releases their locks, however it ended.
_held: dict[int, int] = {}


def claim(*, every: bool = False) -> list[int]:
    """Lock a free GPU for this process, or `every` GPU it sees; wait while other extractions of this user have them.

    Returns their numbers, as torch counts them; none without a GPU.
    """
    n = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not n and torch.backends.mps.is_available():
        print("Apple's GPU (MPS) is not used: the model runs on the processor", file=sys.stderr)  # noqa: T201
    if every:
        return [_one([k]) for k in range(n)]  # in order, so that two processes do not wait for each other
    return [_one(list(range(n)))] if n else []


def _one(devices: list[int]) -> int:
    """Lock the first free device, once there is one."""
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
    if device in _held:  # by an earlier model of the same job
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
