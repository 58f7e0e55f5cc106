"""Phase space of gg → γγgg: events inside the cuts, and thinning that knows its own density."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from workbench.physics import two_jets
from workbench.physics.kinematics import delta_r, dot, eta, momentum, pt
from workbench.physics.observables import observables
from workbench.physics.phase_space import CUTS
from workbench.physics.two_jets import flat_events, peak, peaked_events

COLLISIONS = [("fixed", 1000.0), ("pp", 1000.0), ("pp", 13_000.0), ("fixed", 300.0)]


@pytest.mark.parametrize(("beams", "sqrt_s"), COLLISIONS)
@pytest.mark.parametrize("draw", [lambda rng, **options: flat_events(20_000, rng, **options), lambda rng, **o: peaked_events(50, rng, **o)])
def test_events_are_massless_balanced_and_inside_the_cuts(draw, beams, sqrt_s):
    momenta = draw(np.random.default_rng(1), beams=beams, sqrt_s=sqrt_s)
    assert momenta.shape[0] >= 50 and momenta.shape[1:] == (6, 4)
    np.testing.assert_allclose(momenta[..., 0], momentum(momenta), rtol=1e-13)
    assert np.abs(momenta[:, :2].sum(axis=1) - momenta[:, 2:].sum(axis=1)).max() < 1e-11 * sqrt_s
    assert (momenta[:, 0, 3] > 0).all() and (momenta[:, 1, 3] < 0).all() and (momenta[..., 0] <= sqrt_s / 2 * (1 + 1e-12)).all()
    photons = np.sort(pt(momenta[:, 2:4]), axis=1)
    assert photons[:, 0].min() > 30 and photons[:, 1].min() > 40 and pt(momenta[:, 4:]).min() > 20
    assert np.abs(eta(momenta[:, 2:4])).max() < 2.37 and np.abs(eta(momenta[:, 4:])).max() < 5
    assert min(delta_r(momenta[:, i], momenta[:, j]).min() for i, j in combinations(range(2, 6), 2)) > 0.4


def test_eighty_two_of_a_hundred_flat_events_pass_at_one_tev():
    assert len(flat_events(40_000, np.random.default_rng(2))) / 40_000 == pytest.approx(0.818, abs=0.01)


def test_nothing_passes_below_the_smallest_energy():
    assert CUTS.energy_with(2) == 110 and len(flat_events(50_000, np.random.default_rng(1), sqrt_s=109.9)) == 0


@pytest.mark.parametrize(("beams", "sqrt_s"), COLLISIONS[:2])
def test_thinned_events_weighted_back_are_flat_events(beams, sqrt_s):
    """The distribution functions of seven observables: their largest distance is that of samples of these sizes."""
    rng = np.random.default_rng(3)
    expected = np.concatenate([flat_events(60_000, rng, beams=beams, sqrt_s=sqrt_s) for _ in range(3)])
    found = peaked_events(2_000, rng, beams=beams, sqrt_s=sqrt_s)
    weight = 1 / peak(found, beams=beams, sqrt_s=sqrt_s)
    size = weight.sum() ** 2 / (weight**2).sum()
    assert size > 40
    for name in ("jet_pt", "photon1_pt", "diphoton_mass", "jet_eta", "photon_distance", "cos_theta"):
        values, of = (observables("gg_yygg")[name].values(p) for p in (expected, found))
        order = np.argsort(of)
        share = weight[order].cumsum() / weight.sum()
        distance = np.abs(np.searchsorted(np.sort(values), of[order], side="right") / len(values) - share).max()
        assert distance < 2.2 * np.sqrt(1 / size + 1 / len(values)), name


def test_gluons_of_protons_have_the_energies_of_the_cross_section():
    """Steep events weighted by ŝ² are flat ones: the mean of ln ŝ agrees."""
    rng = np.random.default_rng(4)
    flat, steep = (np.concatenate([flat_events(100_000, rng, beams="pp", steep=power) for _ in range(2)]) for power in (0, 2))
    s, t = (dot(total, total) for total in (p[:, 0] + p[:, 1] for p in (flat, steep)))
    mean = np.average(np.log(t), weights=t**2)
    error = np.log(s).std() * np.sqrt(1 / len(s) + (t**4).sum() / (t**2).sum() ** 2)
    assert abs(np.log(s).mean() - mean) < 4 * error and np.log(t).mean() < mean - 8 * error


def test_two_of_a_thousand_flat_events_stay():
    momenta, largest = flat_events(100_000, np.random.default_rng(5)), two_jets.highest("fixed", 1000.0)
    assert np.minimum(two_jets.growth(momenta), largest).mean() / largest == pytest.approx(two_jets.KEPT, rel=0.1)
