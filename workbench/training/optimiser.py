"""Steps downhill on a few flat tensors.

    Adam:  m ← β₁m + (1−β₁)g ,  v ← β₂v + (1−β₂)g² ,  θ ← θ − η m̂/(√v̂ + ε)      (arXiv:1412.6980)
    SGD:   m ← β m + g ,  θ ← θ − η m ,  with β = 0.9, or 0 without momentum

The arithmetic of Adam is torch's fused kernel, called directly: the bookkeeping of `torch.optim.Adam` costs twice as much as the kernel
when all weights are one tensor of this size.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim.adam import adam

from workbench.methods.base import Method
from workbench.training.soap import Soap


def optimiser(name: str, method: Method) -> Optimiser | Soap:
    """What moves the parameters of a method."""
    parameters = method.parameters.values()
    return Soap(parameters, method.linear) if name == "soap" else Optimiser(name, parameters)


class Optimiser:
    """Moves tensors along their `.grad`; `tensors` holds its memory by name, for checkpoints."""

    def __init__(self, name: str, parameters: Iterable[Tensor], momentum: float = 0.9):
        self.name, self.parameters, self.momentum = name, list(parameters), momentum
        self.first = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.second = [torch.zeros_like(parameter) for parameter in self.parameters] if name == "adam" else []
        self.steps = [torch.zeros((), device=parameter.device) for parameter in self.parameters]
        on_gpu = bool(self.steps) and self.steps[0].device.type == "cuda"
        self.rate: float | Tensor = torch.zeros_like(self.steps[0]) if on_gpu else 0.0

    def step(self, rate: float) -> None:
        """One step with learning rate η = `rate`."""
        self.prepare(rate)
        self.move()

    def prepare(self, rate: float) -> None:
        """Put η where `move` reads it: on a GPU always the same place, so that a recorded step finds it."""
        if isinstance(self.rate, Tensor):
            self.rate.fill_(rate)
        else:
            self.rate = rate

    def move(self) -> None:
        """One step with the learning rate that was prepared."""
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        if self.name == "sgd":
            for parameter, gradient, momentum in zip(self.parameters, gradients, self.first, strict=True):
                parameter.sub_(momentum.mul_(self.momentum).add_(gradient) * self.rate)
            return
        adam(
            self.parameters, gradients, self.first, self.second, [], self.steps,
            fused=True, amsgrad=False, beta1=0.9, beta2=0.999, lr=self.rate, weight_decay=0.0, eps=1e-8, maximize=False,
        )  # fmt: skip

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Moments and step counts, to be kept and to be filled."""
        kept = {"first": self.first, "second": self.second, "steps": self.steps}
        return {f"{name}.{number}": tensor for name, tensors in kept.items() for number, tensor in enumerate(tensors)}
