"""Candidates timed in turns, so that all of them meet the same machine."""

from __future__ import annotations

import datetime
import platform
import time
from collections.abc import Callable

import torch


def where(device: torch.device) -> str:
    """Date, versions and device, for the head of a table."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    what = "wall time, the GPU idle before and after" if device.type == "cuda" else "one thread, CPU time"
    return f"{datetime.date.today()}  torch {torch.__version__}  {name}  {what}"


def clock(device: torch.device) -> float:
    """Seconds: of this process's processor, or on the wall once the GPU has done all it was asked for."""
    if device.type == "cpu":
        return time.process_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()


def interleaved(
    candidates: dict[str, Callable[[], object]], device: torch.device, *, rounds: int, repeats: int, warm_up: int
) -> dict[str, list[float]]:
    """Seconds per call of every candidate, round by round."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for call in candidates.values():
        for _ in range(warm_up):
            call()
    for _ in range(rounds):
        for name, call in candidates.items():
            start = clock(device)
            for _ in range(repeats):
                call()
            times[name].append((clock(device) - start) / repeats)
    return times
