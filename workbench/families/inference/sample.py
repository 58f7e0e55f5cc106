"""Events of WBF Higgs production for inference: a pool from a mixture of θ with ten components each, and a test set with its exact truth.

    p(z|θ) = c(z)·m(θ) / σ(θ)                    for any θ = (f_W, f_WW, f_T), so one pool serves all hypotheses
    p(x|θ) = H(x)·m(θ) / σ(θ)                    exact, at three levels: partons, jets, smeared jets (`physics.wbf_truth`)

20,000 events of the pool and 3,000 of the Standard Model with their truth ship with the package; more are made and kept on disk. The first
events of a larger request are the same. `python -m workbench.families.inference.sample` makes anew what ships.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import xarray as xr

from workbench.data import cache as disk
from workbench.families.inference.recipe import SHIPPED, InferenceRecipe
from workbench.home import data_folder
from workbench.physics.wbf import STANDARD_MODEL, Generator, mixture
from workbench.physics.wbf_truth import Detector, Jets, detector_components, jet_components

Progress = Callable[[float, str], None]

FILE = Path(__file__).with_name("events.h5")
VERSION, SEED, TEST_SEED = 1, 1, 2
TEST = 3_000
"""Events of the Standard Model with their truth."""
TRIES = 4_000_000
"""Points from which the cross sections that ship are known, to some 0.1 %."""
LEVELS = ("parton", "jets", "detector")
KEPT = ("true", "measured", "rapidity", "components", "weight")
TAILS = Detector(tails=True)
PORTION = 1_000
"""Events that are measured with the same random numbers, however many there are."""


@dataclass(frozen=True)
class Pool:
    """Events of one set. true, measured (event, 2, 3): p_T [GeV], η and φ of both jets as produced, and as measured; rapidity (event) of
    the Higgs; components (event, 10) with Σ over the mixture one; weight (event); cross_section (10) in pb and TeV² per f. truth, by
    level, (event, 10): exact components of the observed event, relative to the Standard Model's; only the test set has it.
    """

    true: np.ndarray
    measured: np.ndarray
    rapidity: np.ndarray
    components: np.ndarray
    weight: np.ndarray
    cross_section: np.ndarray
    truth: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.weight)

    def jets(self, level: str) -> Jets:
        """What is seen of the two jets."""
        seen = self.measured if level == "detector" else self.true
        return Jets(seen[..., 0], seen[..., 1], seen[..., 2])


def pool_for(recipe: InferenceRecipe, progress: Progress | None = None) -> dict[str, Pool]:
    """The events of a recipe: train, and the test set of the Standard Model."""
    train = pool(recipe.events, progress or (lambda fraction, text: None))
    if recipe.level == "detector" and recipe.resolution == "tails":
        return {"train": replace(train, measured=with_tails(train.true, SEED)), "test": test_set(tails=True)}
    return {"train": train, "test": test_set()}


@cache
def _shipped() -> tuple[Pool, Pool]:
    import h5py

    with h5py.File(FILE, "r") as file:
        sigma = file.attrs["cross_section"]
        groups = {name: {key: array[...].astype(np.float64) for key, array in file[name].items()} for name in ("pool", "test")}
    made = {name: {key: group[key] for key in KEPT} for name, group in groups.items()}
    test = groups["test"]
    truth = {"parton": test["components"] / test["components"][:, :1], "jets": test["truth_jets"], "detector": test["truth_detector"]}
    return Pool(**made["pool"], cross_section=sigma, truth={}), Pool(**made["test"], cross_section=sigma, truth=truth)


def test_set(*, tails: bool = False) -> Pool:
    """3,000 events of the Standard Model with their truth, as measured with a Gaussian resolution or with tails."""
    if not tails:
        return _shipped()[1]
    import h5py

    with h5py.File(FILE, "r") as file:
        measured, truth = (file["test"][name][...].astype(np.float64) for name in ("measured_tails", "truth_tails"))
    return replace(_shipped()[1], measured=measured, truth={"detector": truth})


def with_tails(true: np.ndarray, seed: int) -> np.ndarray:
    """Jets (event, 2, 3) as they are measured where energies have tails."""
    found = []
    for number, begin in enumerate(range(0, len(true), PORTION)):
        seen = TAILS.measured(Jets(*np.moveaxis(true[begin : begin + PORTION], -1, 0)), np.random.default_rng([seed, 8, number]))
        found.append(np.stack([seen.pt, seen.eta, seen.phi], axis=-1))
    return np.concatenate(found)


def pool(events: int, progress: Progress) -> Pool:
    """The first so many events of the mixture: shipped ones, or made once and kept on disk. Raises: OSError where the disk is full."""
    first = _shipped()[0]
    if events <= SHIPPED:
        return _part(first, events)
    path = data_folder() / f"wbf_h-seed{SEED}-v{VERSION}.h5"
    found = disk.read(path)
    if found is None or found.sizes["event"] < events:
        with disk.locked(path, lambda: progress(0.0, "waiting for another process that makes these events")):
            found = disk.read(path)
            if found is None or found.sizes["event"] < events:
                found = make(events, progress)
                disk.write(path, found)
    columns = {name: found[name].values[:events].astype(np.float64) for name in KEPT}
    return Pool(**columns, cross_section=first.cross_section, truth={})


def _part(whole: Pool, events: int) -> Pool:
    return Pool(**{name: getattr(whole, name)[:events] for name in KEPT}, cross_section=whole.cross_section, truth={})


def make(events: int, progress: Progress, *, mean: np.ndarray | None = None, seed: int = SEED) -> xr.Dataset:
    """So many unweighted events of a mixture of θ, and what the detector makes of them, in single precision."""
    generator = Generator(mean, seed=seed)
    normal, found = mixture(), []
    for number, (momenta, components, weight, _) in enumerate(generator.enough(events, progress), 1):
        jets = Jets.of(momenta)
        measured = Detector().measured(jets, np.random.default_rng([seed, 7, number]))
        higgs = momenta[:, 4]
        rapidity = np.arctanh(higgs[:, 3] / higgs[:, 0])
        seen = [np.stack([each.pt, each.eta, each.phi], axis=-1) for each in (jets, measured)]
        found.append((*seen, rapidity, components / (components @ normal)[:, None], weight))
    columns = [np.concatenate(arrays)[:events].astype(np.float32) for arrays in zip(*found, strict=True)]
    dims = (("event", "jet", "coordinate"), ("event", "jet", "coordinate"), ("event",), ("event", "component"), ("event",))
    return xr.Dataset(dict(zip(KEPT, zip(dims, columns, strict=True), strict=True)))


# What networks and histograms see


def features(jets: Jets, rapidity: np.ndarray, level: str) -> np.ndarray:
    """Numbers of order one that hold all that is seen of an event, (event, 7), or (event, 8) of partons.

    Of jets: ln p_T, η with the sign with which the harder jet looks forward, cos Δφ and sin Δφ, |η₁ − η₂|; nothing tells which proton a
    jet came from. Of partons also that is known, and the rapidity of the Higgs.
    """
    if level == "parton":
        between = jets.phi[:, 0] - jets.phi[:, 1]
        columns = [np.log(jets.pt[:, 0] / 50), np.log(jets.pt[:, 1] / 50), jets.eta[:, 0] / 2, jets.eta[:, 1] / 2]
        return np.stack([*columns, np.cos(between), np.sin(between), (jets.eta[:, 0] - jets.eta[:, 1]) / 4, rapidity], axis=-1)
    harder = ordered(jets)
    sign = np.where(harder.eta[:, 0] < 0, -1.0, 1.0)
    columns = [np.log(harder.pt[:, 0] / 60), np.log(harder.pt[:, 1] / 40), sign * harder.eta[:, 0] / 2, sign * harder.eta[:, 1] / 2]
    apart = np.abs(harder.eta[:, 0] - harder.eta[:, 1]) / 2 - 2
    return np.stack([*columns, np.cos(jets.delta_phi), np.sin(jets.delta_phi), apart], axis=-1)


def ordered(jets: Jets) -> Jets:
    """The harder jet first."""
    order = np.argsort(-jets.pt, axis=1, kind="stable")
    return Jets(*(np.take_along_axis(array, order, axis=1) for array in (jets.pt, jets.eta, jets.phi)))


def observables(jets: Jets) -> dict[str, np.ndarray]:
    """What people histogram: p_T of both jets [GeV], |Δη|, Δφ of the forward from the backward jet, and of the harder from the softer."""
    harder = ordered(jets)
    by_pt = np.pi - np.mod(np.pi - (harder.phi[:, 0] - harder.phi[:, 1]), 2 * np.pi)
    return {
        "pt1": harder.pt[:, 0],
        "pt2": harder.pt[:, 1],
        "deta": np.abs(harder.eta[:, 0] - harder.eta[:, 1]),
        "dphi": jets.delta_phi,
        "dphi_by_pt": by_pt,
    }


def sampled(pool: Pool, level: str) -> np.ndarray:
    """Features of all events of a set."""
    return features(pool.jets(level), pool.rapidity, level)


def main() -> None:
    """Make the file that ships."""
    import h5py

    sums, tried = np.zeros(10), 0
    for _, _, _, values in Generator(seed=3).chunks():
        sums, tried = sums + values.sum(axis=0), tried + len(values)
        if tried >= TRIES:
            break
    train = make(SHIPPED, lambda fraction, text: None)
    test = make(TEST, lambda fraction, text: None, mean=STANDARD_MODEL, seed=TEST_SEED)
    arrays = {name: test[name].values.astype(np.float64) for name in KEPT}
    of_sets = [Jets(*np.moveaxis(arrays[name], -1, 0)) for name in ("true", "measured")]
    truths = jet_components(of_sets[0]), detector_components(of_sets[1], Detector(), points=4_000)
    with h5py.File(FILE, "w") as file:
        file.attrs["cross_section"] = sums / tried
        file.attrs["about"] = json.dumps({"seed": SEED, "test seed": TEST_SEED, "version": VERSION, "points of σ": tried})
        for name, dataset in (("pool", train), ("test", test)):
            group = file.create_group(name)
            columns = {key: dataset[key].values for key in KEPT}
            if name == "test":
                columns |= {f"truth_{level}": truth / truth[:, :1] for level, truth in zip(LEVELS[1:], truths, strict=True)}
                columns |= tailed(arrays["true"])
            for key, values in columns.items():
                group.create_dataset(key, data=values.astype(np.float32), compression="gzip", compression_opts=9, shuffle=True)


def tailed(true: np.ndarray) -> dict[str, np.ndarray]:
    """What ships of the test set where energies have tails."""
    measured = with_tails(true, TEST_SEED).astype(np.float32)
    truth = detector_components(Jets(*np.moveaxis(measured.astype(np.float64), -1, 0)), TAILS, points=4_000)
    return {"measured_tails": measured, "truth_tails": truth / truth[:, :1]}


if __name__ == "__main__":
    main()
