"""A small real training for the tests of runs: a torch MLP learns a function of one variable, with the interface of Job."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import torch
import xarray as xr

from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.training.recipe import Recipe
from workbench.training.report import Report

EVENTS = 200
FREEZES, DIVERGES, TOO_LARGE, WITHOUT_DATA = 666, 13, 7, 404
"""Seeds for which something goes wrong at step 100: never comes back from C, loss is NaN, no memory; or before the first step."""
LOADS, SEALS = 30, 31
"""Seeds for which something takes half a minute: another process makes the data, or the prediction at the end is made."""


class ToyJob:
    """Learns sin(3x) from noisy values, drawn anew in every step, so that only a whole checkpoint continues it bitwise."""

    device = "cpu"

    def __init__(self, recipe: Recipe, progress: Callable[[float, str], None] | None = None):
        if progress:
            progress(0.5, "Making toy data")
        if recipe.seed == WITHOUT_DATA:
            raise ValueError("The toy data are not there: put them back.")
        if recipe.seed == LOADS:
            subprocess.run(["sleep", "30"])
        self.recipe, self.steps, self.step, self.seconds = recipe, recipe.steps, 0, 0.0
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.x = torch.linspace(-1, 1, EVENTS)[:, None]
        self.y = torch.sin(3 * self.x)
        widths = [1, *recipe.hidden, 1]
        self.weights = [torch.randn(a, b, generator=self.generator) / math.sqrt(a) for a, b in pairwise(widths)]
        for weight in self.weights:
            weight.requires_grad_()
        self.optimiser = torch.optim.Adam(self.weights, lr=recipe.learning_rate)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for weight in self.weights[:-1]:
            x = torch.tanh(x @ weight)
        return x @ self.weights[-1]

    def train(self) -> Iterator[Report]:
        while self.step < self.steps:
            start = time.perf_counter()
            for _ in range(min(10, self.steps - self.step)):
                self.optimiser.zero_grad()
                noise = 0.01 * torch.randn(self.y.shape, generator=self.generator)
                loss = (self.forward(self.x) - self.y - noise).square().mean()
                loss.backward()
                self.optimiser.step()
                self.step += 1
            time.sleep(float(os.environ.get("TOY_SECONDS", "0.002")))
            self.misbehave()
            self.seconds += time.perf_counter() - start
            validation = {"likelihood": loss.item(), "delta": 0.1} if self.step % 50 == 0 else {}
            yield Report(self.step, self.steps, self.seconds, {"loss": loss.item(), "likelihood": loss.item(), "kl": 0.0}, validation)

    def misbehave(self) -> None:
        if self.recipe.seed == FREEZES and self.step >= 100:
            _ = 3**300_000_000  # a minute in C: no Python code runs, no signal handler
        if self.recipe.seed == DIVERGES and self.step >= 100:
            raise FloatingPointError(f"The loss is no longer a number at step {self.step}: try a smaller learning rate.")
        if self.recipe.seed == TOO_LARGE and self.step >= 100:
            raise MemoryError

    def snapshot(self) -> xr.Dataset:
        with torch.no_grad():
            mean = self.forward(self.x)[:, 0].numpy()
        truth = self.y[:, 0].numpy()
        values = {
            "mean": mean,
            "sigma_syst": abs(mean - truth) + 0.1,
            "sigma_stat": 0 * mean,
            "amplitude_true": truth,
            "amplitude_train": truth,
        }
        data = {name: ("event", value.astype("f4"), {"units": "GeV^-2", "long_name": name}) for name, value in values.items()}
        return xr.Dataset({**data, "temperature": 1.0}, coords={"step": self.step, "seconds": self.seconds})

    def prediction(self, split: str) -> xr.Dataset:
        if self.recipe.seed == SEALS:
            time.sleep(30)
        summary = self.snapshot().drop_vars(["sigma_stat", "step", "seconds"])
        drawn = {name: summary[name].expand_dims(draw=2) for name in ("mean", "sigma_syst")}
        return summary.assign(drawn).assign_attrs(process="toy", recipe=self.recipe.to_json())

    def checkpoint(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        tensors = {f"weight.{i}": weight for i, weight in enumerate(self.weights)} | {"generator": self.generator.get_state()}
        moments = self.optimiser.state_dict()["state"]
        tensors |= {f"adam.{i}.{name}": value for i, state in moments.items() for name, value in state.items()}
        return tensors, {"step": self.step, "seconds": self.seconds}

    def resume(self, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
        self.step, self.seconds = state["step"], state["seconds"]
        self.generator.set_state(tensors["generator"])
        with torch.no_grad():
            for i, weight in enumerate(self.weights):
                weight.copy_(tensors[f"weight.{i}"])
        states = {
            i: {name: tensors[f"adam.{i}.{name}"] for name in ("step", "exp_avg", "exp_avg_sq")}
            for i in range(len(self.weights))
            if f"adam.{i}.step" in tensors
        }
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": states})


def toy(**changes: Any) -> AmplitudeRecipe:
    return AmplitudeRecipe(**{"hidden": [16, 16], "steps": 1_000, **changes})


if __name__ == "__main__":  # a forker whose workers train toys
    from workbench.runs import forker, worker

    worker.CHECKPOINT_SECONDS = 0.1
    forker.preload = lambda: __import__("torch._dynamo") and __import__("h5py") and __import__("safetensors.torch")
    forker.main(ToyJob)
    sys.exit()
