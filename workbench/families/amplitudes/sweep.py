"""A sweep as one training: points of equal shape are rows of one population, so that a step costs its products and little else.

Points with different kinds of uncertainty train side by side. On a processor they are dealt out in portions to its cores, one thread
each, because small products gain nothing from threads inside. A GPU takes all of a kind at once, and the kinds in streams side by side,
because one alone leaves most of it idle.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from itertools import groupby
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from workbench.families.amplitudes.job import ATTRIBUTES, KEPT_TRAINING_EVENTS, LIVE_DRAWS, Training, splits
from workbench.families.amplitudes.recipe import AmplitudeRecipe, SweepRecipe
from workbench.results.scan import numbers, per_event, scan
from workbench.training.job import Progress, copies, device_of, in_words, nothing
from workbench.training.loop import block_size
from workbench.training.memory import Needed
from workbench.training.report import Report

LIVE_EVENTS = 1_000
"""Test events that a snapshot looks at: a median known to some 4 %."""

TOGETHER = 12
"""Networks that one thread of a processor trains at once: enough to hide the interpreter, few enough to stay in its cache."""

Portions = list[list[int]]
"""Numbers of the points that train as one population, and in one thread."""


class SweepJob:
    """All points of a sweep, ready to run; what `training.job.Job` is for one recipe.

    Raises: ValueError or OSError with one sentence when data, file or device cannot be used.
    """

    def __init__(self, recipe: SweepRecipe, progress: Progress = nothing):
        self.recipe, self.points, self.seconds = recipe, recipe.recipes, 0.0
        self._device = device_of(recipe.device)
        self.streams: list[torch.cuda.Stream] = []
        self.events = splits(recipe, progress)
        self.threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
        self._deal(portions(self.points, most=math.inf if self._device.type == "cuda" else TOGETHER))

    def _deal(self, dealt: Portions) -> None:
        self.portions = dealt
        self.trainings = [Training([self.points[k] for k in portion], self.events, self._device) for portion in dealt]
        block = min(block_size(training.state) for training in self.trainings)
        for training in self.trainings:
            training.block = block
        if self._device.type == "cuda":
            self.threads = len(self.trainings)
            self.streams = [torch.cuda.Stream(self._device) for _ in self.trainings]
            torch.cuda.synchronize(self._device)

    @property
    def device(self) -> str:
        """Where it trains, and with how much memory, in words."""
        return f"{in_words(self._device)}, {sum((training.memory for training in self.trainings), Needed(0, 0))}"

    @property
    def step(self) -> int:
        return max(training.state.step for training in self.trainings)

    @property
    def steps(self) -> int:
        return self.recipe.steps

    def train(self) -> Iterator[Report]:
        """Reports with means over all points. Raises: FloatingPointError when the last point is lost."""
        going = [training.train() for training in self.trainings]
        with ThreadPoolExecutor(self.threads, thread_name_prefix="population") as pool:
            while True:
                started = time.perf_counter()
                met = list(pool.map(self._next, range(len(going)), going))
                reports = [report for report in met if isinstance(report, Report)]
                problems = [problem for problem in met if isinstance(problem, FloatingPointError)]
                if problems and not reports:
                    raise problems[0]
                if not reports:
                    return
                self.seconds += time.perf_counter() - started
                yield _mean(reports, self.seconds)

    def _next(self, number: int, going: Iterator[Report]) -> Report | FloatingPointError | None:
        """The next report of a training; None at its end. A population that is lost ends, and leaves the others alone."""
        try:
            with torch.cuda.stream(self.streams[number]) if self.streams else nullcontext():
                return next(going, None)
        except FloatingPointError as problem:
            return problem

    def snapshot(self) -> xr.Dataset:
        """The numbers of all points, from a fixed part of the test events."""
        now = self._scan("test", slice(0, LIVE_EVENTS), LIVE_DRAWS, events=False)
        scalars = {"step": self.step, "seconds": self.seconds}
        return now.assign({name: ((), value, ATTRIBUTES[name]) for name, value in scalars.items()})

    def prediction(self, split: str = "test") -> xr.Dataset:
        """The numbers of all points, and ⟨A⟩, σ_syst and σ_stat of their events, in physical units."""
        return self._scan(split, slice(0, KEPT_TRAINING_EVENTS if split == "train" else None), self.recipe.draws, events=True)

    def _scan(self, split: str, part: slice, draws: int, *, events: bool) -> xr.Dataset:
        options = self.recipe.options_of_points

        def look(number: int) -> list[tuple[dict[str, Any], xr.Dataset]]:
            looked = self.trainings[number].calibrated(split, part, draws)
            return [
                (options[k], numbers(prediction).merge(per_event(prediction)) if events else numbers(prediction))
                for k, prediction in zip(self.portions[number], looked, strict=True)
            ]

        with ThreadPoolExecutor(self.threads) as pool:
            points = [point for portion in pool.map(look, range(len(self.trainings))) for point in portion]
        about = {"recipe": self.recipe.to_json(), "process": self.events[split].process, "device": in_words(self._device), "split": split}
        return scan(self.recipe.axes, points).assign_attrs(about)

    def checkpoint(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything needed to continue: tensors, and plain numbers for JSON."""
        tensors = {f"{k}.{name}": tensor for k, training in enumerate(self.trainings) for name, tensor in training.tensors.items()}
        return copies(tensors), {
            "seconds": self.seconds,
            "portions": self.portions,
            "trainings": [training.numbers for training in self.trainings],
        }

    def resume(self, tensors: dict[str, Tensor], saved: dict[str, Any]) -> None:
        """Continue from a checkpoint of the same recipe, dealt out as it was there. Raises: ValueError when it does not fit."""
        if sorted(k for portion in saved["portions"] for k in portion) != list(range(len(self.points))):
            raise ValueError("The checkpoint's points do not belong to this recipe; start the run anew.")
        self.seconds = float(saved["seconds"])
        if saved["portions"] != self.portions:
            self._deal(saved["portions"])
        for k, (training, own) in enumerate(zip(self.trainings, saved["trainings"], strict=True)):
            prefix = f"{k}."
            training.resume({name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}, own)


def portions(points: list[AmplitudeRecipe], most: float) -> Portions:
    """The points dealt out: never two kinds of uncertainty together, and at most `most` networks where points can be parted."""
    cost = [point.members if point.uncertainty == "repulsive_ensemble" else 1 for point in points]
    kind = sorted(range(len(points)), key=lambda k: points[k].uncertainty)
    dealt: Portions = []
    for _, alike in groupby(kind, key=lambda k: points[k].uncertainty):
        numbers = list(alike)
        parts = min(len(numbers), math.ceil(sum(cost[k] for k in numbers) / most))
        dealt += [list(map(int, part)) for part in np.array_split(numbers, max(1, parts))]
    return sorted(dealt, key=lambda portion: -sum(cost[k] for k in portion))


def _mean(reports: list[Report], seconds: float) -> Report:
    def mean(parts: list[dict[str, float]]) -> dict[str, float]:
        return {name: float(np.mean([part[name] for part in parts if name in part])) for name in dict.fromkeys(n for p in parts for n in p)}

    losses, checks = mean([report.losses for report in reports]), mean([report.validation for report in reports])
    return Report(max(report.step for report in reports), reports[0].steps, seconds, losses, checks)
