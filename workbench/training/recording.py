"""Operations on a GPU, recorded once and played again and again.

A step of these networks is some fifty kernels of a few microseconds each, and Python takes longer to ask for one than the GPU to compute
it. A CUDA graph asks for all of them at once. The recorded kernels read and write the same places every time, so what differs from step to
step has to be copied there first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import torch
from torch import Tensor

_one_at_a_time = threading.Lock()
"""Making a recording waits for the whole GPU, which must not be recording anything else."""


class Recording:
    """What `operations` does with a tensor, to be played with other numbers in it; nothing is computed while it is recorded.

    Arguments: `operations` must have run before with the same shapes, and must not wait for the GPU.
    """

    def __init__(self, operations: Callable[[Tensor], Tensor], argument: Tensor):
        self.argument, self.graph = argument.clone(), torch.cuda.CUDAGraph()
        with _one_at_a_time, torch.cuda.graph(self.graph, capture_error_mode="thread_local"):
            self.result = operations(self.argument)

    def play(self, argument: Tensor) -> Tensor:
        """The result for another argument of the same shape."""
        self.argument.copy_(argument)
        self.graph.replay()
        return self.result.clone()
