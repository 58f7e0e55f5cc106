"""Events: momenta and squared amplitudes of scattering events, checked at birth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.physics.amplitudes import PARTICLES, check_process, units

if TYPE_CHECKING:
    import xarray

COMPONENTS = ("E", "px", "py", "pz")


@dataclass(frozen=True, eq=False)
class Events:
    """Momenta (event, particle, component) in GeV, incoming particles first, and amplitudes (event,) of one process; 64-bit, read-only.

    Raises: ValueError at birth when shapes do not fit, a number is not finite, or an amplitude is not positive (its logarithm is learned).
    """

    momenta: np.ndarray
    amplitude: np.ndarray
    process: str = "gg_yyg"

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
        momenta.flags.writeable = amplitude.flags.writeable = False
        object.__setattr__(self, "momenta", momenta)
        object.__setattr__(self, "amplitude", amplitude)

    def __len__(self) -> int:
        return len(self.amplitude)

    def __getitem__(self, which: slice | np.ndarray) -> Events:
        """Some of the events: a slice, a mask or an array of numbers."""
        return Events(self.momenta[which], self.amplitude[which], self.process)

    @property
    def particles(self) -> tuple[str, ...]:
        return PARTICLES[self.process]

    def to_dataset(self, **attributes: Any) -> xarray.Dataset:
        """The same as an xarray Dataset with named dimensions and units."""
        import xarray

        return xarray.Dataset(
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

    @classmethod
    def from_dataset(cls, dataset: xarray.Dataset) -> Events:
        """Inverse of `to_dataset`. Raises: ValueError when a variable is missing."""
        missing = [name for name in ("momenta", "amplitude") if name not in dataset]
        if missing:
            raise ValueError(f"The dataset has no variable {missing[0]!r}; it has {', '.join(map(str, dataset)) or 'none'}.")
        momenta = dataset["momenta"].transpose("event", "particle", "component").values
        return cls(momenta, dataset["amplitude"].values, dataset.attrs.get("process", "gg_yyg"))
