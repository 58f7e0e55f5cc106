"""Collisions by Pythia: inside the cuts, the same for the same seed, stopped cleanly; made here where Pythia is installed."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from children import children_running

from workbench.physics import collisions
from workbench.physics.collisions import JET_CUTS, jet_count, missing_packages, produce, pythia_seed, shipped
from workbench.physics.datasets.known import COLLISIONS, KNOWN
from workbench.physics.kinematics import delta_phi, eta, four_momentum, mass, phi, pt, signed_delta_phi
from workbench.physics.observables import observables
from workbench.physics.workers import Stopped

with_pythia = pytest.mark.skipif(
    bool(missing_packages()), reason=f"{' and '.join(missing_packages())} not installed, so none are made here."
)


def children() -> list[psutil.Process]:
    """The processes of ours that are still there."""
    return children_running("workbench.physics.collisions")


def test_four_momenta_have_the_coordinates_they_were_made_from():
    rng = np.random.default_rng(1)
    made = np.exp(rng.normal(3, 1, 100)), rng.normal(0, 2, 100), rng.uniform(-3, 3, 100), np.exp(rng.normal(1, 1, 100))
    p = four_momentum(*made)
    for found, expected in zip((pt(p), eta(p), phi(p), mass(p)), made, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9)
    np.testing.assert_allclose(np.abs(signed_delta_phi(p[:50], p[50:])), delta_phi(p[:50], p[50:]))
    np.testing.assert_allclose(np.exp(1j * (phi(p[:50]) + signed_delta_phi(p[:50], p[50:]))), np.exp(1j * phi(p[50:])))


def test_the_shipped_z_jets_are_inside_the_cuts_and_ordered():
    sample = shipped("z_jets")
    momenta, jets = sample.momenta, jet_count(sample.momenta)
    assert JET_CUTS.passed(momenta).all() and sample.momenta.dtype == np.float64
    assert (np.nanmin(pt(momenta[:, 2:])), JET_CUTS.pt) == (pytest.approx(20, abs=0.01), 20)
    with np.errstate(invalid="ignore"):
        assert not (np.diff(pt(momenta[:, 2:]), axis=1) > 0).any()
    dimuon = mass(momenta[:, 0] + momenta[:, 1])
    assert 66 - 1e-3 < dimuon.min() and dimuon.max() < 116 + 1e-3 and np.median(dimuon) == pytest.approx(91.13, abs=0.05)
    first = jets[: COLLISIONS["z_jets"].shipped]
    np.testing.assert_array_equal(sample.number[: COLLISIONS["z_jets"].shipped], np.arange(COLLISIONS["z_jets"].shipped))
    np.testing.assert_allclose(np.bincount(first)[1:] / len(first), [0.774, 0.185, 0.041], atol=0.01)
    assert ((jets == 2).sum(), (jets == 3).sum()) == (5_000, 3_000) and (np.diff(sample.number) > 0).all()


def test_the_shipped_partons_come_from_tops_and_ws():
    momenta = shipped("tt_partons").momenta
    assert momenta.shape == (COLLISIONS["tt_partons"].shipped, 6, 4)
    np.testing.assert_allclose(mass(momenta), 0, atol=1e-3)
    for top, w in ((slice(0, 3), slice(1, 3)), (slice(3, 6), slice(4, 6))):
        assert np.median(mass(momenta[:, top].sum(axis=1))) == pytest.approx(173, abs=0.2)
        assert np.median(mass(momenta[:, w].sum(axis=1))) == pytest.approx(80.4, abs=0.2)
    np.testing.assert_allclose(momenta[..., 1:3].sum(axis=1), 0, atol=1e-3)


@pytest.mark.parametrize("name", COLLISIONS)
def test_shipped_samples_are_small_and_say_how_they_were_made(name):
    attributes = shipped(name).attributes
    assert collisions.shipped_file(name).stat().st_size < 1.5e6
    assert attributes["settings"] == "; ".join(COLLISIONS[name].settings) and json.loads(attributes["cuts"]) == COLLISIONS[name].cuts
    assert attributes["made_with"].startswith("Pythia 8.") and "ship" in attributes["made_by"]


def test_seeds_of_chunks_differ_and_are_possible():
    seeds = [pythia_seed(seed, number) for seed in range(5) for number in range(2_000)]
    assert len(set(seeds)) == len(seeds) and 1 <= min(seeds) and max(seeds) <= collisions.SEEDS


@pytest.mark.parametrize("name", KNOWN)
def test_every_observable_is_described_and_histogrammed_where_events_are(name):
    from workbench.data.catalogue import make_dataset

    dataset = make_dataset(name, 3_000)
    points = dataset[next(iter(dataset.data_vars))].values
    for observable in observables(name).values():
        values = observable.values(points)
        there = np.isfinite(values)
        assert values.shape == (3_000,) and there.all() == (observable.jets < 2) and observable.description
        inside = np.histogram(values[there], observable.bins)[0].sum() / there.sum()
        assert inside > (0.3 if observable.unit == "GeV" else 0.9), observable.name
    assert all(axis in observables(name) for plane in KNOWN[name].planes for axis in plane)


def test_observables_of_jets_that_are_not_there_are_left_out():
    assert "jets23_distance" in observables("z_jets") and "jets23_distance" not in observables("z_jets", jets=2)
    assert "jet2_pt" not in observables("z_jets", jets=1) and "dimuon_mass" in observables("z_jets", jets=1)
    with pytest.raises(ValueError, match="no process 'z_jet'"):
        observables("z_jet")


@pytest.mark.parametrize(("absent", "words"), [({"pythia8mc"}, "pythia8mc,"), ({"pythia8mc", "fastjet"}, "pythia8mc and fastjet,")])
def test_what_is_not_installed_is_named_with_the_command(monkeypatch, absent, words):
    found = collisions.importlib.util.find_spec
    monkeypatch.setattr(collisions.importlib.util, "find_spec", lambda name: None if name in absent else found(name) or object())
    with pytest.raises(ValueError, match=rf'z_jets is made with {words} not installed here: pip install "pythia8mc<8.318" fastjet awkward'):
        produce("z_jets", [0], 1)


@with_pythia
def test_a_process_that_ends_is_said_in_a_sentence(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/nonexistent")
    with pytest.raises(Stopped, match=r"stopped: KeyError: 'nothing'\."):
        produce("nothing", [0, 1], 1)
    assert not children()


@with_pythia
def test_made_events_are_those_shipped_and_do_not_depend_on_who_makes_them():
    """Of another version of Pythia only the distributions are the same."""
    heard: list[int] = []
    parallel = produce("z_jets", [0, 1], 1, heard.append, processes=2)
    assert sorted(parallel) == [0, 1] and heard[-1] == 4_000 and heard == sorted(heard) and len(heard) > 8
    assert not children()
    momenta = np.concatenate([COLLISIONS["z_jets"].momenta(parallel[number]) for number in (0, 1)])
    assert JET_CUTS.passed(momenta).all() and not np.array_equal(momenta[:2_000], momenta[2_000:], equal_nan=True)
    [alone] = produce("z_jets", [1], 1, processes=1).values()
    np.testing.assert_array_equal(alone, parallel[1])
    if collisions.provenance("z_jets")["made_with"] == shipped("z_jets").attributes["made_with"]:
        np.testing.assert_allclose(momenta, shipped("z_jets").momenta[:4_000], rtol=1e-6)


@with_pythia
def test_partons_of_another_seed_are_others():
    [first], [second] = (produce("tt_partons", [0], seed).values() for seed in (1, 2))
    assert first.shape == (5_000, 6, 4) and not np.array_equal(first, second)
    if collisions.provenance("tt_partons")["made_with"] == shipped("tt_partons").attributes["made_with"]:
        np.testing.assert_allclose(COLLISIONS["tt_partons"].momenta(first), shipped("tt_partons").momenta[:5_000], rtol=1e-6)


@with_pythia
def test_what_the_listener_raises_stops_the_work_at_once(slowdown):
    def stop(events: int) -> None:
        raise KeyboardInterrupt

    start = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        produce("z_jets", range(50), 1, stop, processes=2)
    seconds = time.perf_counter() - start
    assert not children() and seconds < 15 * slowdown()


@with_pythia
def test_makers_end_when_their_owner_is_killed():
    script = """if True:
        import os, psutil, signal
        from workbench.physics.collisions import produce

        def end(events):
            print(*(child.pid for child in psutil.Process().children()), flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

        produce("z_jets", range(9), 1, end, processes=2)
    """
    told = subprocess.run([sys.executable, "-c", script], check=False, stdout=subprocess.PIPE, text=True).stdout
    makers = [psutil.Process(int(pid)) for pid in told.split() if psutil.pid_exists(int(pid))]
    _, alive = psutil.wait_procs(makers, timeout=30)
    assert told.split() and not [maker for maker in alive if maker.status() != psutil.STATUS_ZOMBIE]
