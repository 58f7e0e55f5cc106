"""y = a x is learned by gradient descent on ⟨(a x − y)²⟩, with points drawn anew in every step."""

import time
from collections.abc import Iterator

import torch
import xarray as xr
from workbench.families.lines.product import LINE

from workbench.training.report import Report


def points(recipe, progress=None) -> torch.Tensor:
    """x of the test points."""
    return torch.linspace(-1.0, 1.0, 20)


class LineJob:
    device = "cpu"

    def __init__(self, recipe, progress=lambda fraction, text: None):
        self.recipe, self.steps, self.step, self.seconds = recipe, recipe.steps, 0, 0.0
        self.x = points(recipe, progress)
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.a = torch.randn((), generator=self.generator, dtype=torch.float64)

    def train(self) -> Iterator[Report]:
        while self.step < self.steps:
            began = time.perf_counter()
            for _ in range(min(10, self.steps - self.step)):
                x = torch.rand(self.recipe.batch_size, generator=self.generator, dtype=torch.float64)
                self.a = self.a - 2 * self.recipe.learning_rate * ((self.a - self.recipe.slope) * x.square()).mean()
                self.step += 1
            loss = float(((self.a - self.recipe.slope) * self.x).square().mean())
            self.seconds += time.perf_counter() - began
            yield Report(self.step, self.steps, self.seconds, {"loss": loss}, {"likelihood": loss})

    def snapshot(self) -> xr.Dataset:
        return self.prediction().assign(step=((), self.step), seconds=((), self.seconds, {"units": "s"}))

    def prediction(self, split: str = "test") -> xr.Dataset:
        columns = {"y": ("x", (self.a * self.x).numpy()), "y_true": ("x", (self.recipe.slope * self.x).numpy())}
        return LINE.named(xr.Dataset(columns, {"x": self.x.numpy()}, {"recipe": self.recipe.to_json()}))

    def checkpoint(self):
        return {"a": self.a.clone(), "random": self.generator.get_state()}, {"step": self.step, "seconds": self.seconds}

    def resume(self, tensors, saved) -> None:
        self.a, self.step, self.seconds = tensors["a"], saved["step"], saved["seconds"]
        self.generator.set_state(tensors["random"])
