"""Files whose events are only to be looked at by a trained network: any number of them, with or without amplitudes, repeated or not."""

from __future__ import annotations

import numpy as np

from workbench.data.events import COMPONENTS
from workbench.data.reader.kinds import Amplitude, Collision, Kind, Toy, checked_weights
from workbench.data.reader.layout import Layout, momenta_layout
from workbench.data.reader.request import Request
from workbench.physics.amplitudes import PARTICLES
from workbench.physics.datasets.known import COLLISIONS

POINTS, LABELLED = ":points", ":labelled"
"""Ends of the kind of a file: momenta alone, or with amplitudes that nobody asks for."""


class AnyNumber(Kind):
    """What holds of them: the checks of their physics, and no more."""

    def checked(self, values: dict[str, np.ndarray], request: Request) -> dict[str, np.ndarray]:
        """The events, if they can be what they should be. Raises: FileProblem."""
        if len(next(iter(values.values()))) == 0:
            request.refuse("has no events")
        values = self.completed(values)
        self.check(values, request)
        return checked_weights(values, request)


class AmplitudePoints(AnyNumber, Amplitude):
    def layouts(self) -> list[Layout]:
        return [momenta_layout(PARTICLES[self.name])]

    def check(self, values: dict[str, np.ndarray], request: Request) -> None:
        momenta = values["momenta"]
        request.refuse_first(
            ~np.isfinite(momenta),
            lambda row, leg, k: f"has {COMPONENTS[k]}{leg + 1} = {momenta[row, leg, k]:g} in row {row + 1:,}; a number is needed",
        )
        self.check_kinematics(momenta, request)


class LabelledPoints(AnyNumber, Amplitude):
    def check(self, values: dict[str, np.ndarray], request: Request) -> None:
        self.check_kinematics(values["momenta"], request)


class CollisionPoints(AnyNumber, Collision):
    pass


class PlanePoints(AnyNumber, Toy):
    def check(self, values: dict[str, np.ndarray], request: Request) -> None:
        points = values["points"]
        request.refuse_first(
            ~np.isfinite(points), lambda row, axis: f"has {'xy'[axis]} = {points[row, axis]:g} in row {row + 1:,}; a number is needed"
        )


def points_of(kind: str) -> Kind:
    """The files that a network of a process or dataset looks at, from "gg_yyg:points", "gg_yyg:labelled", "ring:points", …"""
    name, _, labelled = kind.partition(":")
    if name in PARTICLES:
        return LabelledPoints(name) if f":{labelled}" == LABELLED else AmplitudePoints(name)
    return CollisionPoints(name) if name in COLLISIONS else PlanePoints(name)
