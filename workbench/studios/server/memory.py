"""What pages leave free goes back to the system, while others stay open. Only the C library of Linux can do that."""

from __future__ import annotations

import contextlib
import ctypes

ARENA_MAX = -8  # M_ARENA_MAX of malloc.h


def keep_one_heap() -> None:
    """Have one heap for all threads, which take turns anyway: each heap of its own would keep what was once free in it."""
    with contextlib.suppress(OSError, TypeError, AttributeError):
        ctypes.CDLL(None).mallopt(ARENA_MAX, 1)


def give_back() -> None:
    """Hand back what is free between what is used, within milliseconds."""
    with contextlib.suppress(OSError, TypeError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
