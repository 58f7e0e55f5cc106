"""How many threads torch computes in: one, as its networks and amplitudes are small."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in the calling thread only.

    It would share a logarithm of 2,048 numbers between threads, which spin while they wait for each other: two programs of as many threads
    as there are cores, such as two notebooks on one server, then stand nearly still. To use several cores, call from several threads.
    """
    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
