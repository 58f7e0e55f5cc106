"""Candidates timed in turns, so that all of them meet the same machine; and what a script prints, kept with machine and date."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import io
import os
import platform
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    import torch

TABLES = Path(__file__).with_name("README.md")


def processor() -> str:
    """What the processor calls itself, and how many cores there are."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores"


def where(device: torch.device) -> str:
    """Date, versions and device, for the head of a table."""
    import torch

    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
    what = "wall time, the GPU idle before and after" if device.type == "cuda" else "one thread, CPU time"
    return f"{datetime.date.today()}  torch {torch.__version__}  {name}  {what}"


class Both(io.TextIOBase):
    """Text that is shown and kept."""

    def __init__(self, shown: TextIO):
        self.shown, self.kept = shown, io.StringIO()

    def write(self, text: str) -> int:
        self.kept.write(text)
        return self.shown.write(text)

    def flush(self) -> None:
        self.shown.flush()


def record_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--record", action="store_true", help="append what is printed, with machine and date, to README.md beside the scripts"
    )


@contextlib.contextmanager
def recorded(wanted: bool, tables: Path = TABLES) -> Iterator[None]:
    """Append what is printed meanwhile to the tables, if that is wanted and nothing fails."""
    if not wanted:
        yield
        return
    both = Both(sys.stdout)
    with contextlib.redirect_stdout(both):
        yield
    command = shlex.join([Path(sys.argv[0]).name, *(word for word in sys.argv[1:] if word != "--record")])
    head = f"`{command}`, {datetime.date.today()}, Python {platform.python_version()}, torch {version('torch')}, {processor()}"
    with tables.open("a") as file:
        file.write(f"\n{head}:\n\n```\n{both.kept.getvalue().strip()}\n```\n")


def clock(device: torch.device) -> float:
    """Seconds: of this process's processor, or on the wall once the GPU has done all it was asked for."""
    if device.type == "cpu":
        return time.process_time()
    import torch

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
