"""Modules of torch as networks: the weights of one are a row, and automatic differentiation gives the slope."""

from __future__ import annotations

from abc import abstractmethod
from math import prod
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import functional_call

from workbench.nets.network import Matrix, Network, beside

Tape = tuple[Tensor, Tensor]
"""The rows and the outputs, joined by the graph of automatic differentiation."""


class ModuleNetwork(Network):
    """A network whose layers are a module of torch, evaluated for one member after the other."""

    module: torch.nn.Module
    last_parts = 2
    """Parts of a row that belong to the last linear layer."""

    def _keep(self, module: torch.nn.Module) -> None:
        """Take a module and the shapes of its weights."""
        self.module = module
        self.shapes = {name: weight.shape for name, weight in live(module).items()}
        self.sizes = [prod(shape) for shape in self.shapes.values()]

    @abstractmethod
    def _fresh(self) -> torch.nn.Module:
        """The module with fresh weights."""

    @property
    def matrices(self) -> list[Matrix]:
        """Weights with more than one axis, from all others to the first."""
        shapes = self.shapes.values()
        return beside([(prod(s), [Matrix(0, s[0], prod(s[1:]))] if len(s) > 1 and min(s) > 0 else []) for s in shapes])

    @property
    def last_layer(self) -> slice:
        return slice(self.parameters - sum(self.sizes[-self.last_parts :]), self.parameters)

    def initial(self, members: int, generator: torch.Generator) -> Float[Tensor, "member parameter"]:
        """As modules choose them; they know the global random numbers only, which are borrowed and put back."""
        rows = []
        with torch.random.fork_rng(devices=[]):
            for seed in torch.randint(2**31, (members,), generator=generator).tolist():
                torch.manual_seed(seed)
                rows.append(torch.cat([weight.detach().flatten() for weight in live(self._fresh()).values()]))
        return torch.stack(rows)

    def call(self, row: Float[Tensor, " parameter"], *inputs: Tensor, **options: Any) -> Any:
        """What the module makes of inputs with the weights of a row."""
        weights = {name: part.view(shape) for (name, shape), part in zip(self.shapes.items(), row.split(self.sizes), strict=True)}
        return functional_call(self.module, weights, inputs, options)

    def forward(self, rows: Float[Tensor, "member parameter"], x: Float[Tensor, "member event feature"]) -> tuple[Tensor, Tape]:
        with torch.inference_mode(False), torch.enable_grad():
            leaf = rows.clone().requires_grad_()
            outputs = self(leaf, x.clone())
        return outputs.detach(), (leaf, outputs)

    def backward(self, tape: Tape, delta: Float[Tensor, "member event output"]) -> Float[Tensor, "member parameter"]:
        leaf, outputs = tape
        with torch.inference_mode(False):
            return torch.autograd.grad(outputs, leaf, delta.clone())[0]


def live(module: torch.nn.Module) -> dict[str, Tensor]:
    """The weights that have an effect: some packages freeze those whose outputs nobody reads."""
    return {name: weight for name, weight in module.named_parameters() if weight.requires_grad and weight.numel()}
