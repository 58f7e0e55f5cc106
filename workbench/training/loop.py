"""Training as a generator: it yields reports and knows nothing of screens, files or what comes after.

    for report in train(state, batch, check): ...             # stop = stop asking

Everything random is a function of (seed, step), so training that stopped anywhere continues as if it had not: bitwise on a processor, up to
rounding on a GPU.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.data.scaling import Batch, DensityBatch
from workbench.methods.base import Method
from workbench.threads import one_thread
from workbench.training.optimiser import Optimiser, Soap
from workbench.training.recording import Recording
from workbench.training.report import Report

BLOCKS = 400
"""Reports in one training: enough for a smooth curve, few enough to keep."""
LONGEST_BLOCK = 0.1
"""About the longest time between two reports [s], so that long trainings can be paused and watched as well as short ones."""
SECONDS = {"cpu": (5e-4, 2.5e-10), "cuda": (1e-4, 2e-13)}
"""A step of one core, or of a GPU, takes about so long, and so much longer for each weight and event."""

UNRECORDED = 3
"""Steps of a phase that are done one by one before they are recorded, so that everything they need has its memory."""

Schedule = Callable[[float], float]
"""Learning rate, relative to the largest, as a function of the fraction of training done."""

SCHEDULES: dict[str, Schedule] = {
    "cosine": lambda t: 0.5 * (1.0 + math.cos(math.pi * t)),
    "one_cycle": lambda t: (0.04 + 0.96 * t / 0.3) if t < 0.3 else 0.5 * (1.0 + math.cos(math.pi * (t - 0.3) / 0.7)),
    "constant": lambda t: 1.0,
}


@dataclass
class State:
    """A training in progress: what a checkpoint must hold."""

    method: Method
    optimiser: Optimiser | Soap
    steps: int
    batch_size: int
    learning_rate: float
    schedule: Schedule
    seed: int
    step: int = 0
    seconds: float = 0.0
    _order: dict[int, Tensor] = field(default_factory=dict)

    def indices(self, events: int, device: torch.device | str = "cpu") -> Tensor:
        """The events of this step's batch: consecutive places in an endless row of shuffled epochs, which stands on the device."""
        size = min(self.batch_size, events)
        start = self.step * size
        epochs = range(start // events, (start + size - 1) // events + 1)
        self._order = {epoch: self._order[epoch] if epoch in self._order else self._shuffled(epoch, events).to(device) for epoch in epochs}
        row = torch.cat([self._order[epoch] for epoch in epochs]) if len(epochs) > 1 else self._order[epochs[0]]
        offset = start - epochs[0] * events
        return row[offset : offset + size]

    def _shuffled(self, epoch: int, events: int) -> Tensor:
        return torch.randperm(events, generator=torch.Generator().manual_seed(self.seed * 1_000_003 + epoch))


def train(
    state: State,
    batch: Batch | DensityBatch,
    check: Callable[[], dict[str, float]],
    *,
    between: Callable[[State], None] | None = None,
    block: int | None = None,
) -> Iterator[Report]:
    """Train to `state.steps`, with a report after each block of steps; continues where `state` stands.

    Losses are means over the points that still have one: a point of a sweep may be lost without harm to the others.

    Arguments: `check` returns what the validation says, now and then; `between` is called before each block (boosting chooses its
    events there); `block` is the number of steps between two reports, by default that of `block_size`.

    Raises: FloatingPointError when no point's loss is a number any more.
    """
    block, steps = block or block_size(state), Steps(state, batch)
    while state.step < state.steps:
        started = time.perf_counter()
        with one_thread():
            if between is not None:
                between(state)
            losses, checks = _to_next_report(steps, block, check)
        state.seconds += time.perf_counter() - started
        yield Report(state.step, state.steps, state.seconds, losses, checks)


def _to_next_report(steps: Steps, block: int, check: Callable[[], dict[str, float]]) -> tuple[dict[str, float], dict[str, float]]:
    """Losses of the steps up to the next report, and, now and then, what the validation says."""
    state, values = steps.state, []
    end = min(state.steps, (state.step // block + 1) * block)
    while state.step < end:
        values.append(steps.next())
    likelihoods, penalties = torch.stack(values).mean(0), state.method.penalty()
    sound = torch.isfinite(likelihoods + penalties)
    if not sound.any():
        raise FloatingPointError(
            f"The loss is no longer a number between steps {end - len(values)} and {end}; "
            f"a smaller learning rate (now {state.learning_rate:g}) usually helps."
        )
    likelihood, penalty = float(likelihoods[sound].mean()), float(penalties[sound].mean())
    validated = end % (4 * block) == 0 or end == state.steps
    return {"loss": likelihood + penalty, "likelihood": likelihood, "kl": penalty}, check() if validated else {}


def block_size(state: State) -> int:
    """Steps between two reports; from the size of the networks, not from a clock, so that equal recipes report at equal steps."""
    network, rows = state.method.network, state.method.rows
    once, each = SECONDS[state.optimiser.parameters[0].device.type]
    seconds_per_step = once + each * network.work * network.parameters * rows * state.batch_size
    return max(1, min(math.ceil(state.steps / BLOCKS), int(LONGEST_BLOCK / seconds_per_step)))


class Steps:
    """One step of a training after the other; on a GPU as a recording, where the method allows it."""

    def __init__(self, state: State, batch: Batch | DensityBatch):
        self.state, self.batch = state, batch
        self.device = batch.features.device
        self.phase: Hashable = None
        self.alike = 0
        self.recording: Recording | None = None

    @torch.inference_mode()
    def next(self) -> Float[Tensor, " point"]:
        """Do a step and return the likelihood before it."""
        state, method, optimiser = self.state, self.state.method, self.state.optimiser
        fraction = state.step / state.steps
        before = method.phase
        method.advance(fraction)
        if method.phase != before:
            method.begin(self.batch, state.step)
        index, rate = state.indices(len(self.batch), self.device), state.learning_rate * state.schedule(fraction)
        recording = self._recorded(index) if self.device.type == "cuda" else None
        if recording is not None:
            method.prepare(state.step)
            optimiser.prepare(rate)
            likelihood = recording.play(index)
        else:
            likelihood = method.differentiate(self.batch.select(index), state.step)
            optimiser.step(rate)
        state.step += 1
        return likelihood

    def _recorded(self, index: Tensor) -> Recording | None:
        """The recording of the present phase, made after some steps that were not recorded; None where there is none."""
        phase = self.state.method.phase if self.state.method.network.recordable else None
        if phase != self.phase:
            self.phase, self.alike, self.recording = phase, 0, None
        self.alike += 1
        if self.recording is None and phase is not None and self.alike > UNRECORDED:
            state = self.state

            def step(index: Tensor) -> Tensor:
                likelihood = state.method.differentiate(self.batch.select(index), state.step)
                state.optimiser.move()
                return likelihood

            self.recording = Recording(step, index)
        return self.recording


@torch.no_grad()
def validate(method: Method, validation: Batch) -> tuple[Float[Tensor, " point"], Float[Tensor, " point"]]:
    """What the objective says of the validation events, and their median |y − t|, of standardised log-amplitudes, with event weights."""
    outputs = method.objective.predict(method.central(), validation.features)
    target = validation.target.expand(len(outputs), -1).unsqueeze(1).expand(outputs.shape[:-1])
    weight = validation.weight.expand(len(outputs), -1)
    likelihood, _ = method.objective.loss(outputs, Batch(validation.features, target, weight.unsqueeze(1).expand_as(target)))
    residual = outputs[..., 0].mean(1) - target[:, 0]
    return likelihood.mean((1, 2)), weighted_median(residual.abs(), weight)


def weighted_median(values: Float[Tensor, "*point event"], weight: Float[Tensor, "*point event"]) -> Float[Tensor, "*point"]:
    """The smallest value at which half of the weight is reached."""
    ordered, order = values.sort(-1)
    reached = weight.double().gather(-1, order).cumsum(-1)
    return ordered.gather(-1, torch.searchsorted(reached, reached[..., -1:] / 2).clamp(max=values.shape[-1] - 1)).squeeze(-1)
