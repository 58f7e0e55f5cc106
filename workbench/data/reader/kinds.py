"""Processes and datasets: what their files hold, and what events of each cannot be."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import combinations

import numpy as np

from workbench.data.events import AMPLITUDES, COMPONENTS, UNWEIGHT
from workbench.data.reader.layout import Layout, momenta_layout, points_layout
from workbench.data.reader.limits import LEAST_EVENTS
from workbench.data.reader.request import Request
from workbench.physics.amplitudes import PARTICLES
from workbench.physics.collisions import JET_CUTS
from workbench.physics.datasets import has_jets
from workbench.physics.datasets.dataset import InFiles
from workbench.physics.datasets.known import COLLISIONS, KNOWN, TOYS
from workbench.physics.kinematics import delta_r, mass, momentum, pt

TOLERANCE = 1e-3
"""Of masses, balance and beam direction, relative to the energies: rounded files pass, wrong ones do not."""
LOWEST, HIGHEST = 20.0, 2e4
"""√ŝ [GeV] that momenta in GeV may have when nobody has said their unit."""
NARROWEST = 1e-9
"""Width of points relative to their size that can be learned."""


class Kind(ABC):
    """A process or dataset by its name: what a file of it holds, and the checks of its physics."""

    def __init__(self, name: str):
        self.name = name

    @abstractmethod
    def layouts(self) -> list[Layout]:
        """What a file may hold, the largest last."""

    def doubts_units(self, momenta: np.ndarray, request: Request) -> bool:
        """Ask for other units when the momenta are hardly in GeV. Raises: FileProblem, unless the request leaves that for later."""
        return False

    @abstractmethod
    def check(self, values: dict[str, np.ndarray], request: Request) -> None:
        """Refuse events that cannot be what they should be."""

    def instead(self, particles: int) -> str:
        """Words about the process that has so many particles, if it is another one."""
        return ""

    def completed(self, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The same with what is missing marked as such."""
        return values

    def checked(self, values: dict[str, np.ndarray], request: Request) -> dict[str, np.ndarray]:
        """The events, if they can be what they should be. Raises: FileProblem."""
        events = len(next(iter(values.values())))
        if events == 0:
            request.refuse("has no events")
        values = self.completed(values)
        self.check(values, request)
        self.check_repetitions(values, request)
        if events < LEAST_EVENTS:
            request.refuse(f"has {events:,} event{'s' * (events > 1)}; at least {LEAST_EVENTS} are needed to train, validate and test")
        return checked_weights(values, request)

    def check_repetitions(self, values: dict[str, np.ndarray], request: Request) -> None:
        """Refuse a file with the same event twice: one may be trained on, and the other test what was learned."""
        if found := repetition(values["momenta"]):
            first, second, count = found
            events = len(values["momenta"])
            request.refuse(
                f"has the same event in rows {first + 1:,} and {second + 1:,} ({count:,} of {events:,} rows repeat others), so that test "
                "and training would share events; leave repetitions out, for instance with numpy.unique(rows, axis=0)"
            )


def checked_weights(values: dict[str, np.ndarray], request: Request) -> dict[str, np.ndarray]:
    """The same without weights that are all equal. Raises: FileProblem for weights that no density can have."""
    if "weight" not in values:
        return values
    weight = values["weight"]
    wrong = ~(np.isfinite(weight) & (weight > 0))
    if wrong.any():
        row = int(wrong.argmax())
        request.refuse(
            f"has the weight {weight[row]:g} in row {row + 1:,} ({int(wrong.sum()):,} of {len(weight):,} are not positive), which a loss "
            f"cannot use; {UNWEIGHT}"
        )
    if np.ptp(weight) <= 1e-12 * weight.max():
        return {name: value for name, value in values.items() if name != "weight"}
    request.note("has weights, by which its events count")
    return values


def repetition(events: np.ndarray) -> tuple[int, int, int] | None:
    """The rows (from 0) of the first event that is there twice, and how many repeat another; found by sums of their bits."""
    bits = np.ascontiguousarray(events.reshape(len(events), -1)).view(np.uint64)
    factors = np.random.default_rng(1).integers(0, 2**63, (bits.shape[1],), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    sums = np.zeros(len(bits), dtype=np.uint64)
    for column, odd in zip(bits.T, factors, strict=True):
        sums += (column ^ (column >> np.uint64(29))) * odd
    order = np.argsort(sums, kind="stable")
    near = np.flatnonzero(sums[order[1:]] == sums[order[:-1]])
    same = near[(bits[order[near]] == bits[order[near + 1]]).all(axis=1)]
    if len(same) == 0:
        return None
    first = same[order[same + 1].argmin()]
    return int(order[first]), int(order[first + 1]), len(same)


class Amplitude(Kind):
    """Momenta with squared amplitudes."""

    def layouts(self) -> list[Layout]:
        return [momenta_layout(PARTICLES[self.name], "amplitude")]

    def instead(self, particles: int) -> str:
        fitting = [name for name, legs in PARTICLES.items() if len(legs) == particles and name != self.name]
        return f" for {self.name}, choose process={fitting[0]!r}" if fitting else ""

    def check(self, values: dict[str, np.ndarray], request: Request) -> None:
        self.check_numbers(values["momenta"], values["amplitude"], request)
        self.check_kinematics(values["momenta"], request)

    def check_numbers(self, momenta: np.ndarray, amplitude: np.ndarray, request: Request) -> None:
        table = np.column_stack([momenta.reshape(len(momenta), -1), amplitude])
        broken = ~np.isfinite(table)
        broken[:, -1] |= ~(amplitude > 0)
        if broken.any():
            row, column = np.argwhere(broken)[0]
            rows, columns = int(broken.any(axis=1).sum()), request.largest.columns
            need = "amplitudes must be positive, since their logarithm is learned" if column == len(columns) - 1 else "a number is needed"
            many = f" ({rows:,} of {len(table):,} rows are so)" if rows > 1 else ""
            request.refuse(f"has {columns[column]} = {table[row, column]:g} in row {row + 1:,}; {need}{many}")
        low, high = AMPLITUDES
        if (far := (amplitude < low) | (amplitude > high)).any():
            row = int(far.argmax())
            many = f" ({int(far.sum()):,} of {len(far):,} rows are so)" if far.sum() > 1 else ""
            request.refuse(
                f"has amplitude = {amplitude[row]:g} in row {row + 1:,}; from {low:g} to {high:g} they have error bars that are numbers in "
                f"32 bits, so multiply all by one factor{many}"
            )

    def check_kinematics(self, momenta: np.ndarray, request: Request) -> None:
        """Massless, balanced, incoming along the beam, in GeV."""
        energy, size = momenta[..., 0], momentum(momenta)
        names = [f"particle {leg} ({name})" for leg, name in enumerate(PARTICLES[self.name], start=1)]
        request.refuse_first(
            ~(energy > 0),
            lambda row, leg: (
                f"has E{leg + 1} = {energy[row, leg]:g} in row {row + 1:,}; all energies are positive, those of incoming particles too"
            ),
        )
        if self.doubts_units(momenta, request):
            return
        request.refuse_first(
            np.abs(energy - size) > TOLERANCE * energy,
            lambda row, leg: (
                f"has {names[leg]} with E = {energy[row, leg]:g} but |p| = {size[row, leg]:g} GeV in row {row + 1:,}; all are massless, "
                "and the order is E, px, py, pz"
            ),
        )
        request.refuse_first(
            pt(momenta[:, :2]) > TOLERANCE * energy[:, :2],
            lambda row, leg: f"has the incoming {names[leg]} not along the beam, the z axis, in row {row + 1:,}; leave such events out",
        )
        missing = np.abs(momenta[:, :2].sum(axis=1) - momenta[:, 2:].sum(axis=1))
        request.refuse_first(
            missing > TOLERANCE * energy[:, :2].sum(axis=1, keepdims=True),
            lambda row, component: (
                f"does not conserve momentum in row {row + 1:,}: {COMPONENTS[component]} of incoming and outgoing particles differ by "
                f"{missing[row, component]:g} GeV; incoming particles come first, with positive energies"
            ),
        )

    def doubts_units(self, momenta: np.ndarray, request: Request) -> bool:
        scale = float(np.median(2 * np.sqrt(momenta[:, 0, 0] * momenta[:, 1, 0])))
        if request.unit_is_said or LOWEST < scale < HIGHEST:
            return False
        unit = "TeV" if scale < LOWEST else "MeV"
        how = f"Say so with units = {unit!r} (--units {unit}), or 'GeV' if they are in GeV"
        return request.doubt(f"has collisions of √ŝ = {scale:.3g} GeV; are the momenta in {unit}? {how}")


class Collision(Kind):
    """Momenta of muons and jets, or of partons, without amplitudes."""

    @property
    def known(self) -> InFiles:
        """What is known of files of such a dataset."""
        found = KNOWN[self.name].files
        assert found
        return found

    @property
    def has_jets(self) -> bool:
        return has_jets(self.name)

    def layouts(self) -> list[Layout]:
        names = COLLISIONS[self.name].particles
        return [momenta_layout(names[:count]) for count in (range(3, len(names) + 1) if self.has_jets else [len(names)])]

    def completed(self, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Jets that are padded, with zeros or with four times the same negative number, are not there: NaN."""
        if not self.has_jets:
            return values
        jets = values["momenta"][:, 2:]
        padded = (jets == jets[..., :1]).all(axis=-1) & (jets[..., 0] <= 0)
        if not padded.any():
            return values
        momenta = np.concatenate([values["momenta"][:, :2], np.where(padded[..., None], np.nan, jets)], axis=1)
        return values | {"momenta": momenta}

    def check(self, values: dict[str, np.ndarray], request: Request) -> None:
        momenta = values["momenta"]
        jets = self.has_jets
        missing = np.isnan(momenta).all(axis=2)
        request.refuse_first(missing[:, 2:3] & jets, lambda row, leg: f"has no jet in row {row + 1:,}; leave such events out")
        missing[:, : 3 if jets else None] = False
        need = "a number is needed" + ", or nan in all four of a jet that is not there" * jets
        request.refuse_first(
            ~np.isfinite(momenta) & ~missing[..., None],
            lambda row, leg, k: f"has {COMPONENTS[k]}{leg + 1} = {momenta[row, leg, k]:g} in row {row + 1:,}; {need}",
        )
        request.refuse_first(
            missing[:, :-1] & ~missing[:, 1:],
            lambda row, leg: f"has jet {leg} but no jet {leg - 1} in row {row + 1:,}; begin with the hardest",
        )
        energy, size, transverse = momenta[..., 0], momentum(momenta), pt(momenta)
        names = COLLISIONS[self.name].particles
        if self.doubts_units(momenta, request):
            return
        request.refuse_first(
            ~(transverse > 0) & ~missing, lambda row, leg: f"has {names[leg]} along the beam in row {row + 1:,}; leave such events out"
        )
        masses = KNOWN[self.name].masses
        light = np.abs(energy - np.sqrt(size**2 + max(masses) ** 2)) > TOLERANCE * energy
        light &= np.abs(energy - size) > TOLERANCE * energy
        light[:, len(masses) :] = False
        request.refuse_first(
            light,
            lambda row, leg: (
                f"has {names[leg]} with E = {energy[row, leg]:g} but |p| = {size[row, leg]:g} GeV in row {row + 1:,}; "
                f"{self.known.masses}, and the order is E, px, py, pz"
            ),
        )
        if jets:
            self.check_jets(momenta[:, 2:], missing[:, 2:], request)

    def doubts_units(self, momenta: np.ndarray, request: Request) -> bool:
        pole, what = self.known.pole, self.known.mass
        scale = float(np.median(mass(momenta[:, : self.known.particles].sum(axis=1))))
        if pole / 20 < scale < 20 * pole or not scale > 0:
            return False
        unit = "TeV" if scale < pole else "MeV"
        return request.doubt(f"has {what} of {scale:.3g} GeV; are the momenta in {unit}? Say so with units = {unit!r} (--units {unit})")

    def check_jets(self, jets: np.ndarray, missing: np.ndarray, request: Request) -> None:
        """Refuse jets without the p_T, mass, order and distances of the dataset."""
        transverse = pt(jets)
        request.refuse_first(
            ~missing & ~(transverse > JET_CUTS.pt),
            lambda row, leg: (
                f"has jet {leg + 1} with p_T = {transverse[row, leg]:g} GeV in row {row + 1:,}; jets have more than "
                f"{JET_CUTS.pt:g} GeV: leave such events out, and write nan for a jet that is not there"
            ),
        )
        request.refuse_first(
            ~missing & ~(jets[..., 0] - momentum(jets) > 1e-12 * jets[..., 0]),
            lambda row, leg: (
                f"has jet {leg + 1} with E = {jets[row, leg, 0]:.9g} and |p| = {momentum(jets)[row, leg]:.9g} GeV in row "
                f"{row + 1:,}; jets need a mass, since its logarithm is learned"
            ),
        )
        request.refuse_first(
            np.diff(transverse, axis=1) > 0,
            lambda row, leg: f"has jet {leg + 2} harder than jet {leg + 1} in row {row + 1:,}; order jets by p_T",
        )
        for first, second in combinations(range(jets.shape[1]), 2):
            distance = delta_r(jets[:, first], jets[:, second])
            request.refuse_first(
                distance <= JET_CUTS.distance,
                lambda row, a=first, b=second, far=distance: (
                    f"has jets {a + 1} and {b + 1} with ΔR = {far[row]:.3g} in row {row + 1:,}; "
                    f"jets are more than {JET_CUTS.distance:g} apart: leave such events out"
                ),
            )


class Toy(Kind):
    """Points in the plane."""

    def layouts(self) -> list[Layout]:
        return [points_layout()]

    def check(self, values: dict[str, np.ndarray], request: Request) -> None:
        points = values["points"]
        request.refuse_first(
            ~np.isfinite(points), lambda row, axis: f"has {'xy'[axis]} = {points[row, axis]:g} in row {row + 1:,}; a number is needed"
        )
        request.refuse_first(
            np.ptp(points, axis=0) == 0, lambda axis: f"has the same {'xy'[axis]} in all rows; there is no density to learn"
        )
        width, centre = points.std(axis=0), points.mean(axis=0)
        request.refuse_first(
            width <= 2 * NARROWEST * np.abs(centre),
            lambda axis: (
                f"has {'xy'[axis]} that differ by {width[axis]:.2g} around {centre[axis]:.6g}, too little for their size to be learned; "
                f"subtract {centre[axis]:.6g} from them"
            ),
        )

    def check_repetitions(self, values: dict[str, np.ndarray], request: Request) -> None:
        """Say where points repeat others: rounded points do by chance, so they are no reason to refuse a file."""
        if found := repetition(values["points"]):
            first, second, count = found
            request.note(
                f"has the same point in rows {first + 1:,} and {second + 1:,} ({count:,} of {len(values['points']):,} rows repeat "
                "others), so that test and training share points"
            )


KINDS: dict[str, type[Kind]] = dict.fromkeys(PARTICLES, Amplitude) | dict.fromkeys(COLLISIONS, Collision) | dict.fromkeys(TOYS, Toy)


def kind_of(name: str) -> Kind:
    return KINDS[name](name)
