"""What is known of a dataset: where its events come from, their coordinates, what is histogrammed, and what files of them must hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.physics.collisions import Collision
from workbench.physics.coordinates import Column, Identity, Probit
from workbench.physics.observables import Observable
from workbench.physics.toys import Toy


@dataclass(frozen=True)
class Frame:
    """Coordinates in which more is known than in those of the particles one by one, their inverse and ln |∂ coordinates / ∂ particles|.

    `needs` says which events have a place in them.
    """

    coordinates: Callable[[np.ndarray], np.ndarray]
    momenta: Callable[..., np.ndarray]
    log_jacobian: Callable[[np.ndarray], np.ndarray]
    needs: str


@dataclass(frozen=True)
class InFiles:
    """What a file of momenta must hold.

    The mass of the first `particles`, about `pole` GeV and called `mass`, tells its units; `masses` are words about the known ones. Of Les
    Houches events `pick` takes the final particles in their order, None where they are not those `needed`.
    """

    pole: float
    mass: str
    particles: int
    masses: str
    needed: str
    pick: Callable[[list[Any]], list[Any] | None]


@dataclass(frozen=True)
class Dataset:
    """Events of a toy or of a collision.

    `columns(jets, edges, frame)` are the coordinates of events with so many jets. `masses` in GeV are those known of the first particles,
    `hidden` names the observables that no coordinate shows, only correlations of them. `planes` are pairs of observables worth a map.
    """

    observables: tuple[Observable, ...]
    columns: Callable[[int, str, str], tuple[Column, ...]]
    toy: Toy | None = None
    collision: Collision | None = None
    planes: tuple[tuple[str, str], ...] = ()
    masses: tuple[float, ...] = ()
    hidden: tuple[str, ...] = ()
    frames: Mapping[str, Frame] = field(default_factory=dict)
    share: Mapping[int, float] = field(default_factory=dict)
    """Of events with so many jets, about."""
    order: str = ""
    """Words about the order of particles that may be missing."""
    files: InFiles | None = None


def plane(low: tuple[float, float], high: tuple[float, float]) -> tuple[Observable, ...]:
    """x and y of points."""
    return tuple(
        Observable(name, name, "", np.linspace(low[axis], high[axis], 51), lambda p, axis=axis: p[:, axis], f"The coordinate {name}")  # type: ignore[misc]
        for axis, name in enumerate("xy")
    )


def points(jets: int, edges: str, frame: str) -> tuple[Column, ...]:
    """x and y as they are."""
    return Column("x", "", Identity(), 0), Column("y", "", Identity(), 1)


def square(jets: int, edges: str, frame: str) -> tuple[Column, ...]:
    """x and y on the unit square, whose edges may be known."""
    return (Column("x", "", Probit(), 0), Column("y", "", Probit(), 1)) if edges == "known" else points(jets, edges, frame)
