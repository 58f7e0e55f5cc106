"""A story: one plot of a talk, from the trainings it needs to a verdict. It reads like a slide and runs like a recipe.

story = wb.story("plateau")
scan = story.train()                  # trains what is not trained yet, and waits
story.figure("plateau", scan)         # a plotly figure
print(story.judge(scan))              # our numbers beside the talk's
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from workbench.families import Part, family_of, kind_of, parts, product_named
from workbench.families.amplitudes.product import SCAN
from workbench.figures import FIGURES, REPORTS, Entry
from workbench.results import scan as results
from workbench.results.product import product_of
from workbench.runs.cluster import Cluster
from workbench.runs.files import RunError
from workbench.runs.run import Run
from workbench.runs.store import RunStore
from workbench.runs.sweep import begin, begin_all, gathered, outcome, submitted
from workbench.stories.verdict import Row, Verdict
from workbench.training.recipe import Recipe, checked_axes

KEPT = Path(__file__).parent / "kept"
OF_EVENTS = ("noise_peaks", "sweep_pulls")  # figures of a scan that draw values per event
Trainings = Sequence[tuple[Mapping[str, Any], Run]]
"""Runs of a story, each with the options in which it differs from the others."""


def at(scan: xr.Dataset, name: str, **place: Any) -> float:
    """One number of a scan; NaN where it is not there."""
    if name not in scan:
        return float("nan")
    return float(scan[name].sel(place))


def ratio(above: float, below: float) -> float:
    """NaN where it is not known."""
    return above / below if below > 0 else float("nan")


def ratio_of(scan: xr.Dataset, above: str, below: str, **place: Any) -> float:
    """Of two numbers of a point; NaN where they are not known."""
    return ratio(at(scan, above, **place), at(scan, below, **place))


def over_seeds(scan: xr.Dataset, name: str, **place: Any) -> tuple[float, float]:
    """Mean of a number over the seeds, and its statistical error."""
    values = scan[name].sel(place).values if name in scan else np.array([np.nan])
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size)) if values.size > 1 else np.nan


def quotient(above: tuple[float, float], below: tuple[float, float]) -> tuple[float, float]:
    """Two numbers with their errors, divided."""
    value = ratio(above[0], below[0])
    return value, abs(value) * float(np.hypot(above[1] / above[0], below[1] / below[0])) if np.isfinite(value) and above[0] else np.nan


@dataclass(frozen=True)
class Panel:
    """A figure of `workbench.figures.FIGURES` in a story, with its options."""

    figure: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return FIGURES[self.figure].title

    @property
    def name(self) -> str:
        """What tells it from the other panels of its story."""
        told = (self.options.get("observable"), self.options.get("draws"), *(self.options.get("select") or {}).values())
        shown = [str(value) for value in told if value]
        return "-".join([self.figure, *("".join(c if c.isalnum() or c in "_." else "_" for c in one) for one in shown)])

    @property
    def passed(self) -> dict[str, Any]:
        """The options that the figure itself takes: points of a sweep that are drawn as single trainings are selected before."""
        swept = FIGURES[self.figure].takes == SCAN.name
        return {name: value for name, value in self.options.items() if swept or name != "select"}


@dataclass(frozen=True)
class Story:
    """What a lecturer tells and shows, and the trainings behind it.

    `axes` are the dims of its scan and `runs` its trainings, each with the options in which it differs from the others; `rows` are the
    numbers of the scan beside what is expected of them. `talk` says what was found there, `seconds` about how long the trainings take on
    two cores. `measured` are numbers, or (dims, numbers), that only this story wants of the prediction of each training, by name; they
    stand in the scan.
    """

    name: str
    title: str
    formula: str
    look_at: str
    talk: str
    panels: tuple[Panel, ...]
    axes: Mapping[str, Sequence[Any]]
    runs: tuple[Part, ...]
    rows: Callable[[xr.Dataset], Sequence[Row]]
    seconds: int
    measured: Callable[[xr.Dataset], Mapping[str, Any]] | None = None

    def judge(self, scan: xr.Dataset) -> Verdict:
        """Our numbers beside what is expected of them, and what they say together."""
        return Verdict(tuple(self.rows(scan)))

    def found(self, runs: RunStore | Path | str | None = None) -> Trainings:
        """Its trainings that exist, finished or not, each with its options."""
        store = runs if isinstance(runs, RunStore) else RunStore(runs)
        there = [(options, store.find(recipe) or next(iter(store.alike(recipe)), None)) for options, recipe in self.runs]
        return [(options, run) for options, run in there if run is not None]

    def begin(
        self,
        runs: RunStore | Path | str | None = None,
        *,
        begin: Callable[..., Run] = begin,
        wait: bool = False,
        progress: bool = True,
        on: Cluster | str | None = None,
    ) -> Trainings:
        """Start what has not been trained yet, in the background, or as jobs `on` a cluster; finished trainings are taken as they are.

        `begin` starts each, by default `workbench.runs.sweep.begin`. With `wait` they are followed to their ends, with a bar, and Ctrl+C
        stops them; then it raises RunError when one does not finish.
        """
        store, where = runs if isinstance(runs, RunStore) else RunStore(runs), {"on": on} if on else {}

        def submit() -> list[Run]:
            return submitted([(f"{self.title}{_label(options)}", recipe) for options, recipe in self.runs], runs=store, on=on)

        def start(options: Mapping[str, Any], recipe: Recipe) -> Run:
            return begin(recipe, runs=store, title=f"{self.title}{_label(options)}", **where)

        return begin_all(self.runs, start, together=submit, wait=wait, progress=progress)

    def train(self, runs: RunStore | Path | str | None = None, *, progress: bool = True, on: Cluster | str | None = None) -> xr.Dataset:
        """Train what is missing, wait, and return the scan. Raises: RunError when a training fails."""
        return self.scan(self.begin(runs, wait=True, progress=progress, on=on))

    def scan(self, runs: Trainings) -> xr.Dataset:
        """What its trainings have come to so far, over `axes`; NaN where nothing is known yet."""
        recipe = self.runs[0][1]
        about = {"recipe": recipe.to_json(), "process": getattr(recipe, "process", ""), "story": self.name, "trained": self.trained}
        if runs:
            devices = dict.fromkeys(run.status.device.split(",")[0] for _, run in runs)
            about |= {
                "made": max(run.created for _, run in runs),
                "device": ", ".join(devices),
                "runs": " ".join(run.id for _, run in runs),
            }
        return self._completed(gathered(runs, self.axes, recipe), self._finished(runs)).assign_attrs(about)

    def _finished(self, runs: Trainings) -> Iterator[tuple[Mapping[str, Any], xr.Dataset]]:
        """The predictions of trainings that have finished."""
        for options, run in runs if self.measured else ():
            with contextlib.suppress(RunError):
                yield options, run.prediction("test")

    def _completed(self, scan: xr.Dataset, predictions: Iterable[tuple[Mapping[str, Any], xr.Dataset]]) -> xr.Dataset:
        """A scan with what only this story measures; NaN where there is nothing to measure, as in draws that all agree."""
        if self.measured is None:
            return scan
        points = []
        for options, prediction in predictions:
            with contextlib.suppress(ValueError):
                numbers = self.measured(prediction).items()
                points.append((options, xr.Dataset({name: value if isinstance(value, tuple) else ((), value) for name, value in numbers})))
        found = results.scan(self.axes, points, known={})
        return scan.assign({name: array for name, array in found.data_vars.items() if name not in scan})

    @property
    def trained(self) -> str:
        """What tells its trainings from those of another size or version."""
        return " ".join(recipe.hash for _, recipe in self.runs)

    @property
    def kept(self) -> xr.Dataset | None:
        """The scan that ships with the package, with its date and device in the attributes; None where there is none of these trainings.

        Of amplitudes the numbers of each point are kept, and 1,000 events where a figure needs them.
        """
        groups = self._kept
        there = zip((options for options, _ in self.runs), _trainings(groups), strict=False)
        return self._completed(groups["/"], there) if groups else None

    @property
    def _kept(self) -> dict[str, xr.Dataset]:
        """What ships, by group: the scan, and what each training has come to, as far as figures draw it."""
        from workbench.runs import files, netcdf

        try:
            groups = netcdf.decode(files.read(KEPT / f"{self.name}.nc"), f"{self.name}.nc")
        except OSError:
            return {}
        if trainings := _trainings(groups):
            # a recipe may have got options since then
            same = [Recipe.from_json(dataset.attrs["recipe"]).hash for dataset in trainings] == [recipe.hash for _, recipe in self.runs]
        else:
            former = " ".join(recipe.former_hash for _, recipe in self.runs)
            same = groups["/"].attrs.get("trained") in (self.trained, former)
        return groups if same else {}

    def keep(self, runs: Trainings) -> Path:
        """Keep what finished trainings have come to, for the package to ship. Raises: RunError, OSError."""
        from workbench.runs import files, netcdf

        scan = self.scan(runs)
        takes = {FIGURES[panel.figure].takes for panel in self.panels}
        events = 1_000 if any(panel.figure in OF_EVENTS for panel in self.panels) else 0
        groups = {"/": scan.isel(event=slice(events), missing_dims="ignore")}
        for place, (_, run) in enumerate(runs if takes - {SCAN.name} else ()):
            groups[f"/training/{place:02}"] = self._drawn_part(run.prediction("test"))
        path = KEPT / f"{self.name}.nc"
        files.replace(path, netcdf.encode(groups))
        return path

    def _drawn_part(self, prediction: xr.Dataset) -> xr.Dataset:
        """What the story's figures draw of a prediction; of amplitudes 1,000 events, or fewer with the draws that a figure shows."""
        observables = [str(panel.options.get("observable", "")) for panel in self.panels]
        maps, draws = any("map" in panel.figure for panel in self.panels), any(FIGURES[panel.figure].finished for panel in self.panels)
        return product_named(product_of(prediction)).part(prediction, observables, maps, draws)

    def drawn_from(self, panel: Panel, runs: Trainings) -> Any:
        """What a panel draws: the scan, or (label, Dataset) pairs of its trainings.

        Raises: ValueError in one sentence where nothing is there to draw yet.
        """
        takes = FIGURES[panel.figure].takes
        if takes == SCAN.name:
            kept = None if runs else self.kept
            return self.scan(runs) if kept is None else kept
        pairs = []
        if takes != REPORTS and not runs:
            there = zip(self.runs, _trainings(self._kept), strict=False)
            pairs = [(_named(options), dataset) for (options, _), dataset in there if _selected(options, panel)]
        for options, run in runs:
            if not family_of(run.recipe).shared and not _selected(options, panel):
                continue
            with contextlib.suppress(RunError):
                pairs += _pairs(FIGURES[panel.figure], options, run, panel.options.get("select"))
        if not pairs:
            told = " Only their numbers come with the package: train this story to see it." if not runs and self.kept is not None else ""
            raise ValueError(f"Appears when the first training has finished.{told}")
        return pairs

    def figure(self, panel: Panel, runs: Trainings, theme: str = "light") -> Any:
        """A panel as a plotly Figure. Raises: ValueError where nothing is there to draw yet."""
        return FIGURES[panel.figure].function(self.drawn_from(panel, runs), theme, **panel.passed)

    def write(self, folder: Path, runs: Trainings) -> Path:
        """Figures (HTML with all they need), their data (CSV), the scan (netCDF) and the verdict, in a folder. Raises: OSError."""
        from workbench.figures import csv_of
        from workbench.figures.drawing import config
        from workbench.runs import files, netcdf

        folder.mkdir(parents=True, exist_ok=True)
        scan = self.scan(runs)
        pages: dict[str, bytes] = {"scan.nc": netcdf.encode({"/": scan})}
        for panel in self.panels:
            figure = self.figure(panel, runs).update_layout(height=None)  # as high as the window
            pages[f"{panel.name}.html"] = figure.to_html(config=config(panel.name), include_plotlyjs=True, full_html=True).encode()
            pages[f"{panel.name}.csv"] = csv_of(figure).encode()
        trained = [f"{run.id} made {run.created} on {run.status.device}" for _, run in runs]
        pages["verdict.txt"] = "\n".join([self.title, self.talk, "", str(self.judge(scan)), "", *trained, ""]).encode()
        for name, data in pages.items():
            files.replace(folder / name, data)
        return folder

    @property
    def python(self) -> str:
        """The same from Python."""
        return f'import workbench as wb\n\nstory = wb.story("{self.name}")\nscan = story.train()\nprint(story.judge(scan))'


def swept(recipe: Recipe, **axes: Any) -> dict[str, Any]:
    """The trainings of a sweep, as `axes` and `runs` of a Story."""
    return {"axes": checked_axes(axes, type(recipe)), "runs": tuple(parts(recipe, axes))}


def listed(axis: str, recipes: Mapping[str, Recipe]) -> dict[str, Any]:
    """Trainings that differ in several options, by name, as `axes` and `runs` of a Story."""
    return {"axes": {axis: list(recipes)}, "runs": tuple(({axis: name}, recipe) for name, recipe in recipes.items())}


def _trainings(groups: Mapping[str, xr.Dataset]) -> list[xr.Dataset]:
    """What ships of the single trainings, in their order."""
    return [dataset for name, dataset in groups.items() if name.startswith("/training/")]


def _pairs(entry: Entry, options: Mapping[str, Any], run: Run, select: Mapping[str, Any] | None) -> list[tuple[str, xr.Dataset]]:
    """(label, Dataset) of one training; of a sweep all its points, or those selected. Raises: RunError while there is nothing yet."""
    from workbench.figures.axes import point_name
    from workbench.results.plateau import chosen, event_points

    if entry.takes == REPORTS:
        return [(_named(options), run.reports)]
    if kind_of(run.recipe).product.load() is SCAN:
        return [(point_name({**options, **own}), point) for own, point in event_points(chosen(run.prediction("test"), dict(select or {})))]
    found = run.prediction("test") if entry.finished else outcome(run)
    return [] if found is None else [(_named(options), found)]


def _selected(options: Mapping[str, Any], panel: Panel) -> bool:
    """Whether a panel draws this training: that is so unless it selects others."""
    wanted = panel.options.get("select") or {}
    return all(options.get(axis) in (values if isinstance(values, (list, tuple)) else [values]) for axis, values in wanted.items())


def _named(options: Mapping[str, Any]) -> str:
    """A training in the legend of a figure: 'N = 1,000', 'DiscFlow'."""
    from workbench.figures.axes import point_name
    from workbench.results.scan import as_coordinate

    return point_name({axis: as_coordinate(value) for axis, value in options.items()})


def _label(options: Mapping[str, Any]) -> str:
    from workbench.results.scan import as_coordinate

    return "".join(f" · {as_coordinate(value)}" for value in options.values())
