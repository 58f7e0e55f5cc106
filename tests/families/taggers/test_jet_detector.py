"""The simple detector, against what its numbers say: efficiencies, widths, cells, the magnetic field, and its energy flow."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.families.taggers.detector import FIELD, FIELD_LENGTH, FIELD_RADIUS, Objects, _at_calorimeter, measured
from workbench.families.taggers.jets import NEUTRAL_HADRON, PHOTON, TRACK

PION, GAMMA, KAON_LONG, ELECTRON, MUON = 211, 22, 130, 11, 13


def particles(kind: int, pt, eta, events: int = 4_000, phi: float = 0.3) -> Objects:
    """One particle in each event."""
    ones = np.ones(events)
    return Objects(np.arange(events), pt * ones, eta * ones, phi * ones, 0 * ones, np.full(events, kind))


def seen(given: Objects, seed: int = 1) -> Objects:
    return measured(given, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("kind", "pt", "eta", "efficiency", "resolution"),
    [
        (PION, 0.5, 0.2, 0.70, 0.06),
        (PION, 20.0, 1.0, 0.95, np.hypot(0.10, 20 * 1.7e-3)),
        (PION, 5.0, 2.0, 0.85, np.hypot(0.25, 5 * 3.1e-3)),
        (ELECTRON, 200.0, 0.3, 0.99, np.hypot(0.03, 200 * 1.3e-3)),
        (-ELECTRON, 0.5, 2.0, 0.50, 0.15),
        (MUON, 50.0, 1.0, 0.99, np.hypot(0.015, 50 * 1.5e-4)),
    ],
)
def test_tracks_are_found_and_measured_as_the_card_says(kind, pt, eta, efficiency, resolution):
    found = seen(particles(kind, pt, eta))
    tracks = found[found.kind == TRACK]
    error = np.sqrt(efficiency * (1 - efficiency) / 4_000)
    assert len(tracks.pt) / 4_000 == pytest.approx(efficiency, abs=4 * error + 1e-9)
    np.testing.assert_array_equal(tracks.eta, eta)
    if kind == MUON:  # nothing else measures it
        assert tracks.pt.mean() == pytest.approx(pt, abs=4 * resolution * pt / np.sqrt(4_000))
        assert tracks.pt.std() == pytest.approx(resolution * pt, rel=0.06)


@pytest.mark.parametrize("kind", [PION, ELECTRON, MUON])
def test_there_are_no_tracks_outside_the_tracker(kind):
    found = seen(particles(kind, 20.0, 2.7))
    assert not (found.kind == TRACK).any()


@pytest.mark.parametrize(
    ("kind", "called", "sigma"),
    [
        (GAMMA, PHOTON, lambda energy: np.sqrt((0.0017 * energy) ** 2 + 0.101**2 * energy)),
        (KAON_LONG, NEUTRAL_HADRON, lambda energy: np.sqrt((0.0302 * energy) ** 2 + 0.5205**2 * energy + 1.59**2)),
    ],
)
def test_calorimeters_measure_energies_as_the_card_says(kind, called, sigma):
    pt, eta = 80.0, 0.55
    energy = pt * np.cosh(eta)
    found = seen(particles(kind, pt, eta))
    assert len(found.pt) == 4_000 and (found.kind == called).all() and (found.mass == 0).all()
    assert found.energy.mean() == pytest.approx(energy, abs=4 * sigma(energy) / np.sqrt(4_000))
    assert found.energy.std() == pytest.approx(sigma(energy), rel=0.06)


@pytest.mark.parametrize(("kind", "width_eta", "width_phi"), [(GAMMA, 0.0174, np.pi / 180), (KAON_LONG, 0.1, np.pi / 18)])
def test_directions_are_uniform_in_the_cell(kind, width_eta, width_phi):
    found = seen(particles(kind, 80.0, 0.55))
    for values, place, width in ((found.eta, 0.55, width_eta), (found.phi + np.pi, 0.3 + np.pi, width_phi)):
        low = np.floor(place / width) * width
        assert values.min() >= low and values.max() <= low + width
        assert values.mean() == pytest.approx(low + width / 2, abs=4 * width / np.sqrt(12 * 4_000))


def test_two_in_one_cell_are_one():
    one, other = particles(GAMMA, 30.0, 0.5485), particles(GAMMA, 20.0, 0.5486)
    both = Objects(*(np.concatenate([getattr(one, name), getattr(other, name)]) for name in Objects.__dataclass_fields__))
    found = seen(both)
    assert len(found.pt) == 4_000 and found.energy.mean() == pytest.approx(50 * np.cosh(0.5485), rel=2e-3)


def test_little_and_insignificant_energies_vanish():
    assert len(seen(particles(GAMMA, 0.3, 0.0)).pt) < 40
    lost = seen(particles(KAON_LONG, 2.0, 0.0))
    assert len(lost.pt) < 800


def test_a_track_gets_the_best_estimate_of_tracker_and_calorimeter():
    """A pion of 60 GeV: 10.2 % from the tracker and σ = 4.7 GeV from the calorimeter; together 1/√(1/σ_T² + 1/σ²)."""
    pt, eta = 60.0, 0.02
    found = seen(particles(PION, pt, eta, events=20_000))
    alone = np.bincount(found.event, minlength=20_000) == 1
    tracks = found[(found.kind == TRACK) & alone[found.event]]
    tracker, calorimeter = pt * np.hypot(0.06, pt * 1.3e-3), np.sqrt((0.0302 * pt) ** 2 + 0.5205**2 * pt + 1.59**2)
    expected = 1 / np.sqrt(1 / tracker**2 + 1 / calorimeter**2)
    assert tracks.pt.std() == pytest.approx(expected, rel=0.08) and expected < 0.9 * min(tracker, calorimeter)
    assert tracks.pt.mean() == pytest.approx(pt, rel=0.02)
    assert ((found.kind == NEUTRAL_HADRON) & ~alone[found.event]).sum() < 0.05 * 20_000


def test_what_a_track_cannot_explain_is_neutral():
    pion, kaon = particles(PION, 20.0, 0.05, phi=0.05), particles(KAON_LONG, 60.0, 0.05, phi=0.05)
    both = Objects(*(np.concatenate([getattr(pion, name), getattr(kaon, name)]) for name in Objects.__dataclass_fields__))
    found = seen(both)
    tracked = np.bincount(found.event[found.kind == TRACK], minlength=4_000) == 1
    neutral = found[(found.kind == NEUTRAL_HADRON) & tracked[found.event]]
    assert len(neutral.pt) > 0.95 * tracked.sum() and neutral.energy.mean() == pytest.approx(60, rel=0.02)


@pytest.mark.parametrize(("pt", "eta"), [(0.2, 0.3), (0.36, 0.1), (1.0, 0.5), (1.0, -2.2), (5.0, 1.8), (50.0, -1.0)])
@pytest.mark.parametrize("charge", [-1, 1])
def test_charged_particles_fly_on_helices(pt, eta, charge):
    """Against small steps along the circle until the cylinder's wall or one of its ends."""
    given = particles(PION, pt, eta, events=1, phi=1.0)
    found = [values[0] for values in _at_calorimeter(given, np.array([charge]))]
    step = 2e-5
    direction = 1.0 - charge * 0.2998 * FIELD / pt * step * (np.arange(int(2 * FIELD_LENGTH / abs(np.sinh(eta)) / step)) + 0.5)
    x, y = step * np.cos(direction).cumsum(), step * np.sin(direction).cumsum()
    z = step * np.sinh(eta) * np.arange(1, len(direction) + 1)
    out = int(((np.hypot(x, y) > FIELD_RADIUS) | (np.abs(z) > FIELD_LENGTH)).argmax())
    expected = np.arcsinh(z[out] / np.hypot(x[out], y[out])), np.arctan2(y[out], x[out])
    np.testing.assert_allclose(found[0], expected[0], atol=2e-3)
    assert abs(np.exp(1j * found[1]) - np.exp(1j * expected[1])) < 2e-3


def test_neutral_ones_fly_straight():
    given = particles(GAMMA, 1.0, 0.7)
    for values, expected in zip(_at_calorimeter(given, np.zeros(4_000, dtype=int)), (given.eta, given.phi), strict=True):
        np.testing.assert_array_equal(values, expected)


def test_the_same_seed_sees_the_same():
    given = particles(PION, 5.0, 0.5)
    for name in Objects.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(seen(given, 7), name), getattr(seen(given, 7), name))
    assert not np.array_equal(seen(given, 7).pt[:100], seen(given, 8).pt[:100])
