"""A run as people use it: they draw and follow it, ask it for events and predictions, and tell it what to do."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.families import family_of, is_product, kind_of, product_named

from .files import Damaged, RunError

if TYPE_CHECKING:
    import torch
    import xarray

from .folder import COMMANDS, Folder


class Run(Folder):
    """A run folder, seen from any process: a page, a notebook, a shell. Holds nothing that is not on disk."""

    def __repr__(self) -> str:
        status = self.status
        return f"<Run {self.id}: {status.state}, step {status.step:,} of {status.steps:,}, {self.path}>"

    def wait(self, timeout: float | None = None) -> Run:
        """This run, once it no longer lives. Raises: TimeoutError after `timeout` seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.status.live:
            if end is not None and time.monotonic() >= end:
                raise TimeoutError(f"Run {self.id} is still {self.status.state} after {timeout:g} s.")
            time.sleep(0.02)
        return self

    # What it shows and says

    def prediction(self, split: str = "test") -> xarray.Dataset:
        """The final prediction, draw by draw, on the "test" or a part of the "train" events.

        Raises: RunError when there is none yet, or it is damaged or none of ours.
        """
        found = super().prediction(split)
        if "product" in found.attrs and not is_product(name := str(found.attrs["product"])):
            raise Damaged(f"{self.id}/run.nc holds {name[:60]!r}, which no training of this workbench makes.")
        return found

    def drawable(self, name: str) -> str:
        """The name in `workbench.figures.FIGURES` of a figure that this kind of run fills; "pulls" and other words for it are understood.

        Raises: ValueError with the nearest name, or with those that fit.
        """
        from workbench.figures import FIGURES, REPORTS, named

        found, mine = named(name), kind_of(self.recipe).product.load()
        own = {"losses", *family_of(self.recipe).figures.load()}  # every training has losses
        fitting = [other for other, entry in FIGURES.items() if entry.takes == mine.name or (entry.takes == REPORTS and other in own)]
        if found not in fitting:
            takes = FIGURES[found].takes
            needed = "the steps of another kind of training" if takes == REPORTS else product_named(takes).title
            raise ValueError(
                f"The figure {found!r} draws {needed}, and run {self.id} is {mine.title}: one of {', '.join(fitting)} is needed."
            )
        return found

    def figure(self, name: str = "losses", theme: str = "light", **options: Any) -> Any:
        """A figure of this run by its name in `workbench.figures.FIGURES`, as a plotly Figure.

        Raises: ValueError for an unknown name, or one that this kind of run cannot fill; RunError when the run has not come so far.
        """
        from workbench.figures import FIGURES, REPORTS

        entry, dataset = FIGURES[self.drawable(name)], None
        if entry.takes == REPORTS:
            dataset = self.reports
        elif not entry.finished and self.read_status()["state"] != "finished":
            dataset = self.latest_snapshot()
        return entry.function(self.prediction("test") if dataset is None else dataset, theme, **options)

    def live(self, *names: str, theme: str = "auto", height: int | None = None) -> Any:
        """A figure in a notebook cell that follows this run to its end, with progress, time left, and buttons that pause and stop it.

        *Arguments*: names of figures as for `figure`, "losses" without any, several stand side by side; theme, "auto" for that of the
        notebook, else "light", "dark" or "projector"; height of a figure in pixels.
        *Raises*: ValueError for an unknown name, or one that this kind of run cannot fill.
        *Example*: wb.launch(recipe).live("losses", "pulls")
        """
        from workbench.studios.notebook.follow import LiveRun

        return LiveRun(self, *names, theme=theme, height=height)

    def sample(self, events: int, file: Path | str, progress: Any = None, *, nuisance: float = 0.0, seed: int = 1) -> Path:
        """New events of a generator, from the weights in this folder, as HDF5; at most 10 million, in portions.

        Arguments: `progress(fraction, text)`; `nuisance` is the a of a conditional generator; another `seed` gives other events.
        Raises: RunError where there are no weights; ValueError for numbers that are not possible.
        """
        from .new_events import write_events

        return write_events(self, events, file, progress, nuisance=nuisance, seed=seed)

    def predict(self, inputs: Any, draws: int | None = None, *, units: str = "auto", progress: Any = None) -> xarray.Dataset:
        """What the network says of other points, from its last checkpoint, also while it still trains.

        *Arguments*: inputs, momenta (event, particle, 4) in GeV or points (event, 2), or the path of a file that a recipe could read,
        with amplitudes or without; draws, of a Bayesian network, those of the recipe by default; `progress(fraction, text)`.
        *Returns*: per event mean ⟨A⟩, sigma_syst, sigma_stat and sigma_tot of an amplitude, and distance: how far it lies from what was
        trained on, in units of what training events are apart, 1 in 100 of which by more than its attribute `far`; log_density, ln p in
        the unit of the points averaged over the draws, and log_density_error, its spread, of a generator.
        *Raises*: RunError where there are no weights; ValueError in one sentence for points that cannot be looked at.
        *Example*: run.predict("points.h5")["mean"]
        """
        from .prediction import predict

        return predict(self, inputs, draws, units=units, progress=progress)

    def module(self, draws: int | None = None) -> torch.nn.Module:
        """The network of an amplitude as a plain module of torch, from its last checkpoint: momenta (event, particle, 4) in GeV, in
        64 bits, to ⟨A⟩, σ_syst and σ_stat (event), with order, scaling and weight draws inside. All draws see all events at once: some
        thousand events at a time are fast and take little memory.

        *Arguments*: draws, of a Bayesian network, those of the recipe by default.
        *Raises*: RunError where there are no weights, or no amplitude is learned.
        *Example*: mean, sigma_syst, sigma_stat = run.module()(torch.tensor(momenta))
        """
        from .prediction import module

        return module(self, draws)

    def export(self, file: Path | str, draws: int | None = None) -> Path:
        """The same as one file for other programs: `.onnx` for ONNX Runtime (C++, Python, …), `.pt2` for `torch.export.load`.

        *Raises*: RunError as `module`, and where the network or this computer cannot; ValueError for another end of the name.
        *Example*: run.export("surrogate.onnx")
        """
        from .export import export

        return export(self, file, draws)

    def integrate(self, events: int = 20_000, draws: int | None = None, *, seed: int | None = None, progress: Any = None) -> xarray.Dataset:
        """The total cross section inside the cuts, of the network and exact on the same flat points, in pb.

        *Arguments*: events, how many points, which the network has not seen; draws, of a Bayesian network, those of the recipe by default;
        seed of the points; `progress(fraction, text)` while they are made.
        *Returns*: exact, with exact_error as there are only so many points; value of the network, draws (draw), sigma_stat of draws that
        move all points together, sigma_stat_naive as if points were independent, sigma_syst_independent and sigma_syst_together, the ends
        of what σ_syst may mean for a sum.
        *Raises*: RunError where there are no weights, or no amplitude of beams of fixed energy is learned; ValueError for numbers that are
        not possible.
        *Example*: run.integrate()["value"]
        """
        from .prediction import integrate

        return integrate(self, events, draws, seed=seed, progress=progress)

    # What it is asked to do

    def control(self, command: str, steps: int = 1) -> None:
        """Ask the run to "run", "pause", "step" (that many blocks, then pause) or "stop"; it obeys within a block.

        Raises: RunError when nobody is there to obey.
        """
        if command not in COMMANDS:
            raise ValueError(f"{command!r} is not a command: run, pause, step or stop is needed.")
        if not self.alive():
            raise RunError(f"Run {self.id} is {self.status.state}; there is nobody to {command}.")
        self.write_control(command, max(1, steps))

    def pause(self) -> None:
        """Pause the training itself; the process then idles and its slot is free for others."""
        self.control("pause")

    def step(self, blocks: int = 1) -> None:
        """Train `blocks` more blocks of optimiser steps, then pause."""
        self.control("step", blocks)

    def change(self, **options: Any) -> None:
        """Train on with other values of options that may change while it trains, from the next block on; the steps are kept.

            run.change(learning_rate=1e-3)

        Its recipe is then no longer the one that was launched, so that launching that one trains anew. Raises: RecipeError for a value that
        cannot be; RunError for an option that stays as it is, and when nobody is there to obey.
        """
        recipe = self.recipe
        declared = recipe.options()
        recipe.replace(**options)
        if fixed := [name for name in options if not declared[name].live]:
            free = [name for name, option in declared.items() if option.live and recipe.matters(name)]
            said = f"; {', '.join(free)} can" if free else ""
            raise RunError(f"{', '.join(fixed)} cannot change while a run trains{said}.")
        if not self.alive():
            raise RunError(f"Run {self.id} is {self.status.state}; only a run that trains can be changed.")
        self.write_control(self.read_control()["command"], 0, options=options)

    def resume(self, *, on: Any = None) -> Run:
        """Go on: after a pause at once, after a stop or a death in a new process from the last checkpoint, where it was, or `on` a cluster
        or "here". Raises: RunError."""
        if self.alive() and self.status.live:
            self.control("run")
            return self
        from .launcher import has_gone, resume

        has_gone(self, 10.0)  # what has just ended as it says, and would not hear
        return resume(self, on=on)

    def stop(self) -> Run:
        """End the training process within 2.5 s, in good order if it can. What was learned stays and can be resumed."""
        from .launcher import stop

        return stop(self)
