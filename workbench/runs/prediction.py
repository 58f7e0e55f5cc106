"""What a trained network says of points that it has not seen: from the weights of a run folder, in portions."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workbench.families import Ref, family_of, kind_of

from . import checkpoint
from .files import RunError
from .run import Run

if TYPE_CHECKING:
    import numpy as np
    import torch
    import xarray

Progress = Callable[[float, str], None]
PORTION = 50_000
"""Events at once: some 100 MB for 32 draws."""


def predict(run: Run, inputs: Any, draws: int | None = None, *, units: str = "auto", progress: Progress | None = None) -> xarray.Dataset:
    """See `Run.predict`."""
    import xarray as xr

    recipe = run.recipe
    _checked(draws)
    reader = kind_of(recipe).points
    points = _points(inputs, recipe.subject, units) if reader is None else reader.load()(inputs, recipe, units)
    oracle = _made(run, kind_of(recipe).predictor, draws)
    region = _region(run)
    parts = []
    for first in range(0, len(points), PORTION):
        portion = points[first : first + PORTION]
        said = oracle(portion)
        parts.append(said if region is None else said.assign(distance=region(portion)))
        if progress:
            done = min(first + PORTION, len(points))
            progress(done / len(points), f"predicted {done:,} of {len(points):,} points")
    found = xr.concat(parts, "event") if len(parts) > 1 else parts[0]
    return found.assign_attrs(run=run.id, recipe=recipe.to_json(), made=run.created, events=len(points))


def _points(inputs: Any, kind: str, units: str) -> np.ndarray:
    import numpy as np

    from workbench.data.files import checked_points, load_points

    if isinstance(inputs, (str, os.PathLike)):
        return load_points(inputs, kind, units)
    return checked_points(np.array(inputs, dtype=np.float64), kind)


def module(run: Run, draws: int | None = None) -> torch.nn.Module:
    """See `Run.module`."""
    _checked(draws)
    kind = kind_of(run.recipe)
    if kind.surrogate is None and kind.predictor is not None:
        raise RunError(f"Run {run.id} learns {family_of(run.recipe).learns}; a module for other programs is made of an amplitude.")
    return _made(run, kind.surrogate, draws)


def integrate(
    run: Run, events: int, draws: int | None = None, *, seed: int | None = None, progress: Progress | None = None
) -> xarray.Dataset:
    """See `Run.integrate`."""
    surrogate, integrator = module(run, draws), kind_of(run.recipe).integrator
    assert integrator is not None  # what has a module has a cross section
    found = integrator.load()(run.recipe, surrogate, events, seed, progress)
    return found.assign_attrs(run=run.id, recipe=run.recipe.to_json(), made=run.created)


def outside(found: xarray.Dataset) -> str:
    """How many points lie far from what was trained on, as a sentence; '' where that is not known."""
    if "distance" not in found:
        return ""
    far = float(found["distance"].attrs["far"])
    count, points = int((found["distance"] > far).sum()), found.sizes["event"]
    lie = "lies" if count == 1 else "lie"
    return f"{count:,} of {points:,} points {lie} further than {far:.2g} from what was trained on, as 1 in 100 training events does."


def written(found: xarray.Dataset, suffix: str) -> bytes:
    """A prediction as CSV, one row per point with its units in the header, numbered where one name has several, or as netCDF."""
    from . import netcdf

    if suffix == ".nc":
        return netcdf.encode({"/": found})
    columns: dict[str, np.ndarray] = {}
    for name, values in found.items():
        unit = f" [{values.attrs['units']}]" if "units" in values.attrs else ""
        table = values.transpose("event", ...).values.reshape(found.sizes["event"], -1)
        columns |= {f"{name}{f' {place}' if len(table.T) > 1 else ''}{unit}": column for place, column in enumerate(table.T)}
    portions = [",".join(columns) + "\n"]
    for first in range(0, found.sizes["event"], PORTION):
        rows = zip(*(column[first : first + PORTION].tolist() for column in columns.values()), strict=True)
        portions.append("".join(",".join(map(repr, row)) + "\n" for row in rows))
    return "".join(portions).encode()


def _region(run: Run) -> Callable[[np.ndarray], xarray.DataArray] | None:
    """What says how far points are from those that the newest weights were trained on; they are kept with the final prediction, before it
    the recipe's events are read again; None where that is not known. Raises: RunError."""
    recipe = run.recipe
    if (maker := kind_of(recipe).region) is None:
        return None
    weights = _weights(run)
    try:
        known = run.prediction("train")["momenta"].values
    except RunError:
        try:
            known = family_of(recipe).events.load()(recipe, progress=lambda fraction, text: None).train.momenta
        except (OSError, ValueError):  # a file of one's own may be gone
            return None
    return maker.load()(recipe, weights[2], known)


def _made(run: Run, maker: Ref | None, draws: int | None) -> Any:
    """What a family makes of the newest weights of a run. Raises: RunError."""
    if maker is None:
        what, instead = kind_of(run.recipe).product.load().title, "train one of its points alone" if run.recipe.axes else "train another"
        raise RunError(f"Run {run.id} is {what}; {instead} to predict with it.")
    found = _weights(run)
    try:
        factor = _temperature(run)
        return maker.load()(run.recipe, found[1], found[2], draws, factor)
    except ValueError as problem:
        raise RunError(f"The weights of run {run.id} cannot be used: {problem}") from problem


def _weights(run: Run) -> tuple[int, dict[str, torch.Tensor], dict[str, Any]]:
    """The newest checkpoint. Raises: RunError."""
    found = checkpoint.newest(run)
    if found is None:
        raise RunError(f"Run {run.id} has no weights to predict with; train its recipe anew: {run.recipe.as_command()}")
    return found


def _checked(draws: int | None) -> None:
    if draws is not None and (isinstance(draws, bool) or not 1 <= draws <= 10_000 or draws != int(draws)):
        raise ValueError(f"draws = {draws!r} is not possible: a whole number from 1 to 10,000 is needed.")


def _temperature(run: Run) -> float:
    """The factor T on σ_syst, as the final prediction or the newest snapshot has it; 1 where there is none."""
    try:
        known: Any = run.prediction("test")
    except RunError:
        known = run.latest_snapshot()
    return float(known["temperature"]) if known is not None and "temperature" in known.variables else 1.0
