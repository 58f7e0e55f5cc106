"""Events are where they should be: flat, balanced, cut, distributed as gluons in the proton."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.physics.gluon_density import draw_gluons, gluon_density, table
from workbench.physics.kinematics import delta_r, dot, eta, mass, massless, momentum, pt
from workbench.physics.observables import observables
from workbench.physics.phase_space import CUTS, Cuts, flat, flat_events, hit_or_miss, peak, peaked_events

COLLISIONS = [("fixed", 200.0), ("fixed", 1000.0), ("pp", 1000.0), ("pp", 14_000.0)]


@pytest.fixture
def rng():
    return np.random.default_rng(2)


def assert_distributed(values: np.ndarray, cumulative) -> None:
    """Kolmogorov-Smirnov: fails by chance once in 10⁵."""
    values = np.sort(values)
    expected = cumulative(values)
    steps = np.arange(len(values) + 1) / len(values)
    assert max(np.abs(expected - steps[1:]).max(), np.abs(expected - steps[:-1]).max()) * np.sqrt(len(values)) < 2.47


def assert_same_distribution(first: np.ndarray, second: np.ndarray, first_weight: np.ndarray, second_weight: np.ndarray) -> None:
    """χ² of two weighted histograms in twelve bins of equal content; fails by chance less than once in 10⁵."""
    edges = np.quantile(first, np.linspace(0, 1, 13))
    edges[0], edges[-1] = -np.inf, np.inf
    shares, errors = [], []
    for values, weight in ((first, first_weight), (second, second_weight)):
        shares.append(np.histogram(values, edges, weights=weight)[0] / weight.sum())
        errors.append(np.histogram(values, edges, weights=weight**2)[0] / weight.sum() ** 2)
    assert ((shares[0] - shares[1]) ** 2 / sum(errors)).sum() < 45


@pytest.mark.parametrize("particles", [2, 3, 4, 5])
def test_flat_momenta_are_massless_balanced_and_have_the_energy(particles, rng):
    energy = rng.uniform(100, 900, 500)
    momenta = flat(500, particles, energy, rng)
    np.testing.assert_allclose(momenta[..., 0], momentum(momenta), rtol=1e-14)
    np.testing.assert_allclose(momenta.sum(axis=1), np.column_stack([energy, np.zeros((500, 3))]), atol=1e-9)


@pytest.mark.parametrize("particles", [3, 4, 5])
def test_energies_in_flat_phase_space_follow_its_volume(particles, rng):
    """Splitting off one particle leaves a volume ∝ (s(1−x))^(n−3), so x = 2E/√s has the density x (1−x)^(n−3)."""
    x = 2 * flat(20_000, particles, 10.0, rng)[:, 0, 0] / 10
    assert_distributed(x, lambda x: 1 - (1 - x) ** (particles - 2) * (1 + (particles - 2) * x))


def test_pair_masses_in_three_body_phase_space_are_those_of_a_flat_dalitz_plot(rng):
    momenta = flat(20_000, 3, 10.0, rng)
    assert_distributed(2 * dot(momenta[:, 0], momenta[:, 1]) / 100, lambda y: 1 - (1 - y) ** 2)


def test_flat_phase_space_is_isotropic(rng):
    momenta = flat(20_000, 3, 10.0, rng)[:, 1]
    assert_distributed(momenta[:, 3] / momenta[:, 0], lambda cosine: (1 + cosine) / 2)
    assert_distributed(np.arctan2(momenta[:, 2], momenta[:, 1]), lambda phi: (1 + phi / np.pi) / 2)


@pytest.mark.parametrize(("beams", "sqrt_s"), COLLISIONS)
@pytest.mark.parametrize("draw", [flat_events, peaked_events])
def test_events_are_massless_balanced_and_inside_the_cuts(draw, beams, sqrt_s, rng):
    momenta = draw(30_000, rng, beams=beams, sqrt_s=sqrt_s)
    assert len(momenta) > 20
    np.testing.assert_allclose(momenta[..., 0], momentum(momenta), rtol=1e-13)
    assert np.abs(momenta[:, :2].sum(axis=1) - momenta[:, 2:].sum(axis=1)).max() < 1e-11 * sqrt_s
    np.testing.assert_array_equal(momenta[:, :2, 1:3], 0)
    assert (momenta[:, 0, 3] > 0).all() and (momenta[:, 1, 3] < 0).all() and (momenta[..., 0] <= sqrt_s / 2 * (1 + 1e-12)).all()
    photons = np.sort(pt(momenta[:, 2:4]), axis=1)
    assert photons[:, 0].min() > 30 and photons[:, 1].min() > 40 and pt(momenta[:, 4]).min() > 20
    assert np.abs(eta(momenta[:, 2:4])).max() < 2.37 and np.abs(eta(momenta[:, 4])).max() < 5
    assert min(delta_r(momenta[:, i], momenta[:, j]).min() for i, j in ((2, 3), (2, 4), (3, 4))) > 0.4


EVENT = np.array([[0, 0, 0, 0], [0, 0, 0, 0], [0, 60, 0, 30], [0, -35, 10, 20], [0, -25, -10, -60]], dtype=float)


@pytest.mark.parametrize(
    ("leg", "vector"),
    [
        (4, (0, -19.9, 0)),
        (2, (39.9, 0, 30)),
        (3, (-29.9, 0, 20)),
        (2, (60, 0, 400)),
        (3, (-35, 10, -220)),
        (4, (-25, -10, 2200)),
        (3, (35, 7, 15)),
        (4, (25, 3, 15)),
        (4, (-25, 3, 10)),
    ],
)
def test_every_cut_rejects_what_is_beyond_it(leg, vector):
    inside, outside = EVENT.copy(), EVENT.copy()
    outside[leg, 1:] = vector
    assert list(CUTS.passed(massless(np.stack([inside, outside])))) == [True, False]


def test_nothing_passes_below_the_smallest_energy_and_photon_mass(rng):
    assert len(flat_events(50_000, rng, sqrt_s=0.999 * CUTS.smallest_energy)) == 0
    momenta = flat_events(200_000, rng, sqrt_s=500.0)
    lightest = mass(momenta[:, 2] + momenta[:, 3]).min()
    assert CUTS.smallest_photon_mass < lightest < 3 * CUTS.smallest_photon_mass


@pytest.mark.parametrize(("smallest", "suppression"), [(0.0081, 0.0), (0.0081, 1.0), (4e-5, 0.0)])
def test_momentum_fractions_follow_the_gluon_density(smallest, suppression, rng):
    """The density of x₁ is g(x₁) ∫ g(x₂) dx₂ over x₂ > smallest/x₁, each with its suppression."""
    x = draw_gluons(60_000, smallest, rng, lambda tau: tau**-suppression)
    assert len(x) > 20_000 and (x.prod(axis=1) > smallest * (1 - 1e-12)).all() and x.max() <= 1
    log_x = np.linspace(np.log(smallest), 0, 4_001)
    density = gluon_density(np.exp(log_x)) * np.exp(-suppression * log_x)
    integral = np.concatenate([[0], ((density[1:] + density[:-1]) / 2 * np.diff(log_x)).cumsum()])
    partner = integral[-1] - np.interp(np.log(smallest) - log_x, log_x, integral)
    both = density * partner
    cumulative = np.concatenate([[0], ((both[1:] + both[:-1]) / 2 * np.diff(log_x)).cumsum()])
    for gluon in (0, 1):
        assert_distributed(np.log(x[:, gluon]), lambda at: np.interp(at, log_x, cumulative / cumulative[-1]))


def test_gluon_table_is_a_density():
    x, density = table()
    assert x[0] == 1e-6 and x[-1] == 1 and density[-1] == 0 and (density >= 0).all()
    assert (np.diff(density[x < 0.97]) < 0).all()  # the rest is 10⁻⁹ and interpolation noise of the fit
    # gluons carry a bit less than half of the proton's momentum
    assert 0.35 < np.sum((density[1:] + density[:-1]) / 2 * np.diff(x)) < 0.55
    np.testing.assert_array_equal(gluon_density(x), density)
    with pytest.raises(ValueError, match="from 1e-06 to 1"):
        gluon_density(np.array([0.5, 1.5]))


@pytest.mark.parametrize(("beams", "sqrt_s", "tries"), [("fixed", 200.0, 40_000), ("fixed", 1000.0, 40_000), ("pp", 1000.0, 1_500_000)])
def test_peaked_events_weighted_back_are_flat_events(beams, sqrt_s, tries, rng):
    expected = flat_events(tries // 4, rng, beams=beams, sqrt_s=sqrt_s)
    found = peaked_events(tries, rng, beams=beams, sqrt_s=sqrt_s)
    for name in ("jet_pt", "photon1_pt", "diphoton_mass", "jet_eta", "photon_distance", "cos_theta"):
        values = observables("gg_yyg")[name].values
        assert_same_distribution(values(expected), values(found), np.ones(len(expected)), 1 / peak(found))


def test_hit_or_miss_keeps_points_in_proportion_to_their_weight(rng):
    weight = np.repeat([0.1, 0.3, 0.9], 20_000)
    kept = hit_or_miss(weight, 1.0, rng).reshape(3, -1).mean(axis=1)
    np.testing.assert_allclose(kept, [0.1, 0.3, 0.9], atol=0.015)


def test_same_generator_same_events():
    for draw in (flat_events, peaked_events):
        first, second = (draw(2_000, np.random.default_rng(5), beams="pp") for _ in range(2))
        np.testing.assert_array_equal(first, second)


def test_other_cuts_are_possible(rng):
    momenta = flat_events(2_000, rng, cuts=Cuts(jet_pt=200.0))
    assert pt(momenta[:, 4]).min() > 200


def test_observables_have_units_and_bins_that_hold_the_events(rng):
    momenta = flat_events(5_000, rng)
    for name, observable in observables("gg_yyg").items():
        values = observable.values(momenta)
        assert observable.name == name and values.shape == (len(momenta),) and (np.diff(observable.bins) > 0).all()
        assert ((values >= observable.bins[0]) & (values <= observable.bins[-1])).mean() > 0.999
        assert observable.axis == (f"{observable.symbol} [GeV]" if observable.unit else observable.symbol)


def test_observables_do_not_care_which_photon_comes_first(rng):
    momenta = flat_events(500, rng)
    for observable in observables("gg_yyg").values():
        np.testing.assert_allclose(observable.values(momenta[:, [0, 1, 3, 2, 4]]), observable.values(momenta), rtol=1e-9, atol=1e-12)


def test_polar_angle_of_the_photons_is_the_angle_to_the_beam_when_their_pair_has_no_transverse_momentum():
    angle = 0.9
    photon = 100 * np.array([1, np.sin(angle), 0, np.cos(angle)])
    event = np.zeros((1, 5, 4))
    event[0, 2], event[0, 3] = photon, photon * [1, -1, -1, -1]
    assert observables("gg_yyg")["cos_theta"].values(event)[0] == pytest.approx(np.cos(angle))
