"""What all trainings share that follow a gradient: where they stand, how they continue, the device and the memory they take."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from workbench.methods.base import Method
from workbench.training.loop import SCHEDULES, State
from workbench.training.memory import Needed, check, free_memory
from workbench.training.optimiser import Optimiser, optimiser
from workbench.training.recipe import Recipe, TrainingRecipe

Progress = Callable[[float, str], None]


def nothing(fraction: float, text: str) -> None:
    """The progress of somebody who does not look."""


def state(recipe: TrainingRecipe, trained: Method, by: Optimiser | None = None) -> State:
    """The training of a method as the recipe says, before its first step; with another optimiser than the recipe's where one is given."""
    return State(
        trained,
        by or optimiser(recipe.optimiser, trained),
        recipe.steps,
        recipe.batch_size,
        recipe.learning_rate,
        SCHEDULES[recipe.schedule],
        recipe.seed,
    )


def device_of(name: str) -> torch.device:
    """The device of a recipe. Raises: ValueError when a GPU is asked for and there is none."""
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device = 'cuda' needs a GPU that PyTorch can use, and there is none here; choose 'auto' or 'cpu'.")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def granted(need: Needed, device: torch.device, recipe: Recipe, also: Sequence[str] = ()) -> Needed:
    """The memory that a recipe needs, if it is there. Raises: ValueError in one sentence, with what would fit, where it is not."""
    check(need, free_memory(device), recipe, also)
    return need


class GradientJob:
    """What all share that descend the gradient of one method: where they stand, and everything needed to continue."""

    memory: Needed
    method: Method
    state: State
    _device: torch.device

    @property
    def device(self) -> str:
        """Where it trains, and with how much memory, in words."""
        return f"{in_words(self._device)}, {self.memory}"

    @property
    def step(self) -> int:
        return self.state.step

    @property
    def steps(self) -> int:
        return self.state.steps

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The tensors that the training changes, by name."""
        return kept(self.method, self.state)

    @property
    def numbers(self) -> dict[str, Any]:
        """The rest of what the training changes, for JSON."""
        return {"step": self.step, "seconds": self.state.seconds}

    def checkpoint(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything needed to continue: tensors, and plain numbers for JSON."""
        return copies(self.tensors), self.numbers

    def resume(self, tensors: dict[str, Tensor], saved: dict[str, Any]) -> None:
        """Continue from a checkpoint of the same recipe. Raises: ValueError when it does not fit."""
        restore(self.tensors, tensors)
        self.state.step, self.state.seconds = int(saved["step"]), float(saved["seconds"])
        self.method.advance(max(0, self.state.step - 1) / self.state.steps)


def kept(trained: Method, current: State) -> dict[str, Tensor]:
    """The tensors that a training changes, by name: parameters, and the memory of the optimiser."""
    parameters = {f"parameter.{name}": tensor for name, tensor in trained.parameters.items()}
    return parameters | {f"optimiser.{name}": tensor for name, tensor in current.optimiser.tensors.items()}


def restore(own: dict[str, Tensor], tensors: dict[str, Tensor]) -> None:
    """Fill tensors with those of a checkpoint. Raises: ValueError when they do not fit."""
    for name in own.keys() | tensors.keys():
        if name not in own or name not in tensors or own[name].shape != tensors[name].shape:
            raise ValueError(f"The checkpoint's {name} does not belong to this recipe; start the run anew.")
    for name, tensor in tensors.items():
        own[name].copy_(tensor)


def copies(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors as they are now, in main memory."""
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}


def provenance(recipe: Recipe, device: str, split: str) -> dict[str, str]:
    """Attributes of what a training yields: by which recipe, when and where it was made, and of which events."""
    made = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return {"recipe": recipe.to_json(), "made": made, "device": device, "split": split}


def in_words(device: torch.device) -> str:
    """The device's name."""
    return f"{device.type} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type
