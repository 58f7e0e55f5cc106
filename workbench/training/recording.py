"""Operations on a GPU, recorded once and played again and again.

A step of these networks is some fifty kernels of a few microseconds each, and Python takes longer to ask for one than the GPU to compute
it. A CUDA graph asks for all of them at once. The recorded kernels read and write the same places every time, so what differs from time to
time has to be copied there first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import torch
from torch import Tensor

_one_at_a_time = threading.Lock()
"""Making a recording waits for the whole GPU, which must not be recording anything else."""


class Recording:
    """What `operations` does with some tensors, to be played with other numbers in them; nothing is computed while it is recorded.

    Arguments: `operations` must have run before with the same shapes, and must not wait for the GPU.
    """

    def __init__(self, operations: Callable[..., Tensor], *arguments: Tensor):
        self.arguments, self.graph = [argument.clone() for argument in arguments], torch.cuda.CUDAGraph()
        with _one_at_a_time, torch.cuda.graph(self.graph, capture_error_mode="thread_local"):
            self.result = operations(*self.arguments)

    def play(self, *arguments: Tensor) -> Tensor:
        """The result for other arguments of the same shapes."""
        for own, argument in zip(self.arguments, arguments, strict=True):
            own.copy_(argument)
        self.graph.replay()
        return self.result.clone()
