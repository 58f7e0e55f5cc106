"""Events: momenta and squared amplitudes of scattering events, checked at birth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.physics.amplitudes import PARTICLES, check_process, units

if TYPE_CHECKING:
    import xarray

COMPONENTS = ("E", "px", "py", "pz")
AMPLITUDES = (1e-30, 1e30)
"""Smallest and largest amplitude, in any unit: what is kept of a training has 32 bits, and error bars are smaller still."""
WEIGHT = {"units": "1", "long_name": "event weight; only ratios matter"}
UNWEIGHT = (
    "leave out events of weight 0, and cancel negative ones first by resampling events that lie near each other, so that all are positive"
)
"""What to do about weights that no density can have."""
HIT_OR_MISS = "hit-or-miss, keeping each with the probability w/w_max"
"""How to get rid of weights that cannot be used."""


@dataclass(frozen=True, eq=False)
class Events:
    """Momenta (event, particle, component) in GeV, incoming particles first, and amplitudes (event,) of one process; 64-bit, read-only.

    `weight` (event,) says how much each event counts; None: all the same.

    Raises: ValueError at birth when shapes do not fit, a number is not finite, a weight is not positive, or an amplitude is not positive
    (its logarithm is learned).
    """

    momenta: np.ndarray
    amplitude: np.ndarray
    process: str = "gg_yyg"
    weight: np.ndarray | None = None

    def __post_init__(self) -> None:
        momenta, amplitude = (np.asarray(array, dtype=np.float64).view() for array in (self.momenta, self.amplitude))
        particles = len(PARTICLES[check_process(self.process)])
        if momenta.ndim != 3 or momenta.shape[1:] != (particles, 4):
            raise ValueError(f"The momenta of {self.process} have the shape (event, {particles}, 4), not {momenta.shape}.")
        if amplitude.shape != momenta.shape[:1]:
            raise ValueError(f"{len(momenta):,} events need amplitudes of the shape ({len(momenta)},), not {amplitude.shape}.")
        if len(broken := np.flatnonzero(~np.isfinite(momenta).all(axis=(1, 2)))):
            raise ValueError(
                f"{len(broken):,} of {len(momenta):,} events have momenta that are not finite, the first of them event {broken[0]}."
            )
        if len(broken := np.flatnonzero(~(np.isfinite(amplitude) & (amplitude > 0)))):
            raise ValueError(
                f"{len(broken):,} of {len(amplitude):,} amplitudes are not positive and finite, the first of them "
                f"A = {amplitude[broken[0]]:g} of event {broken[0]}, so their logarithm is undefined; leave these events out."
            )
        if len(far := np.flatnonzero((amplitude < AMPLITUDES[0]) | (amplitude > AMPLITUDES[1]))):
            raise ValueError(
                f"{len(far):,} of {len(amplitude):,} amplitudes are beyond {AMPLITUDES[0]:g} … {AMPLITUDES[1]:g}, the first of them "
                f"A = {amplitude[far[0]]:g} of event {far[0]}; error bars there are no numbers in 32 bits: multiply all by one factor."
            )
        momenta.flags.writeable = amplitude.flags.writeable = False
        object.__setattr__(self, "momenta", momenta)
        object.__setattr__(self, "amplitude", amplitude)
        object.__setattr__(self, "weight", checked_weight(self.weight, len(amplitude)))

    def __len__(self) -> int:
        return len(self.amplitude)

    def __getitem__(self, which: slice | np.ndarray) -> Events:
        """Some of the events: a slice, a mask or an array of numbers."""
        return Events(self.momenta[which], self.amplitude[which], self.process, None if self.weight is None else self.weight[which])

    @property
    def relative_weight(self) -> np.ndarray:
        """The weights over their mean; 1 for all where there are none."""
        return relative(self.weight, len(self))

    @property
    def particles(self) -> tuple[str, ...]:
        return PARTICLES[self.process]

    def to_dataset(self, **attributes: Any) -> xarray.Dataset:
        """The same as an xarray Dataset with named dimensions and units."""
        import xarray

        made = xarray.Dataset(
            {
                "momenta": (
                    ("event", "particle", "component"),
                    self.momenta,
                    {"units": "GeV", "long_name": "four-momenta (E, px, py, pz), incoming particles first, all energies positive"},
                ),
                "amplitude": (
                    ("event",),
                    self.amplitude,
                    {
                        "units": units(self.process),
                        "long_name": "squared amplitude, averaged over initial and summed over final states",
                    },
                ),
            },
            coords={"particle": list(self.particles), "component": list(COMPONENTS)},
            attrs={"process": self.process, **attributes},
        )
        return made if self.weight is None else made.assign(weight=("event", self.weight, WEIGHT))

    @classmethod
    def from_dataset(cls, dataset: xarray.Dataset) -> Events:
        """Inverse of `to_dataset`. Raises: ValueError when a variable is missing."""
        missing = [name for name in ("momenta", "amplitude") if name not in dataset]
        if missing:
            raise ValueError(f"The dataset has no variable {missing[0]!r}; it has {', '.join(map(str, dataset)) or 'none'}.")
        momenta = dataset["momenta"].transpose("event", "particle", "component").values
        return cls(momenta, dataset["amplitude"].values, dataset.attrs.get("process", "gg_yyg"), weight_of(dataset))


def checked_weight(weight: Any, events: int) -> np.ndarray | None:
    """Event weights (event,), 64-bit and read-only; None stays None.

    Raises: ValueError when there are not as many as events, or one is not positive and finite.
    """
    if weight is None:
        return None
    weight = np.asarray(weight, dtype=np.float64).view()
    if weight.shape != (events,):
        raise ValueError(f"{events:,} events need weights of the shape ({events},), not {weight.shape}.")
    if len(broken := np.flatnonzero(~(np.isfinite(weight) & (weight > 0)))):
        raise ValueError(
            f"{len(broken):,} of {events:,} weights are not positive and finite, the first of them w = {weight[broken[0]]:g} of event "
            f"{broken[0]}; {UNWEIGHT}."
        )
    weight.flags.writeable = False
    return weight


def relative(weight: np.ndarray | None, events: int) -> np.ndarray:
    """Weights of mean 1; 1 for all where there are none."""
    return np.ones(events) if weight is None else weight / weight.mean()


def weight_of(dataset: xarray.Dataset) -> np.ndarray | None:
    """The weights that a Dataset carries, or None."""
    return dataset["weight"].values if "weight" in dataset else None
