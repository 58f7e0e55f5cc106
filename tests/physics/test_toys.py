"""Toy densities are normalised, their samples follow them, and the errors of a fit look as a fit's errors must."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.physics.datasets.known import FAMILIES, TOYS
from workbench.physics.toys import Ramp, Ring, Wave

BOXES = {"wedge": ((0, 1), (0, 1)), "kicker": ((0, 1), (0, 1)), "ring": ((-10, 10), (0, 10))}


def assert_distributed(values: np.ndarray, edges: np.ndarray, density: np.ndarray) -> None:
    """Kolmogorov-Smirnov against a tabulated density; fails by chance once in 10⁵."""
    cumulative = np.concatenate([[0.0], ((density[1:] + density[:-1]) / 2 * np.diff(edges)).cumsum()])
    assert cumulative[-1] == pytest.approx(1, abs=2e-4)
    values = np.sort(values)
    expected, steps = np.interp(values, edges, cumulative), np.arange(len(values) + 1) / len(values)
    assert max(np.abs(expected - steps[1:]).max(), np.abs(expected - steps[:-1]).max()) * math.sqrt(len(values)) < 2.47


@pytest.mark.parametrize("name", TOYS)
def test_densities_integrate_to_one_and_have_the_stated_entropy(name):
    """Midpoint rule on a fine grid; the 1/r of the ring is 10⁻⁴ at its origin."""
    (x_low, x_high), (y_low, y_high) = BOXES[name]
    x, y = (low + (np.arange(2_000) + 0.5) * (high - low) / 2_000 for low, high in BOXES[name])
    cell = (x_high - x_low) * (y_high - y_low) / 4e6
    p = TOYS[name].density(np.stack(np.meshgrid(x, y), axis=-1))
    assert p.sum() * cell == pytest.approx(1, abs=1e-5)
    logs = np.log(p, where=p > 0, out=np.zeros_like(p))
    assert -(p * logs).sum() * cell == pytest.approx(TOYS[name].entropy, abs=1e-4)


def test_the_entropies_of_the_ramps_are_those_of_the_lecture():
    assert TOYS["wedge"].entropy == pytest.approx(0.5 - math.log(2)) == pytest.approx(-0.193, abs=5e-4)
    assert TOYS["kicker"].entropy == pytest.approx(2 / 3 - math.log(3)) == pytest.approx(-0.432, abs=5e-4)


@pytest.mark.parametrize(
    ("name", "coordinate"), [(name, coordinate) for name, toy in TOYS.items() for coordinate in toy.marginals], ids="-".join
)
def test_samples_follow_the_marginals(name, coordinate):
    points = TOYS[name].sample(20_000, np.random.default_rng(5))
    x, y = points.T
    values = {"x": x, "y": y, "r": np.hypot(x, y), "phi": np.arctan2(y, x)}[coordinate]
    low, high = {"phi": (0, math.pi), "r": (0, 12)}.get(coordinate, (-12, 12) if name == "ring" else (0, 1))
    edges = np.linspace(low, high, 12_002)
    assert_distributed(values, edges, TOYS[name].marginal(coordinate, edges))


@pytest.mark.parametrize("name", TOYS)
def test_samples_of_the_plane_have_the_entropy(name):
    toy = TOYS[name]
    points = toy.sample(40_000, np.random.default_rng(6))
    logs = toy.log_density(points)
    assert np.isfinite(logs).all() and abs(-logs.mean() - toy.entropy) < 4.5 * logs.std() / 200


@pytest.mark.parametrize("name", TOYS)
def test_the_first_points_of_a_larger_sample_are_the_same(name):
    few, many = (TOYS[name].sample(events, np.random.default_rng(3)) for events in (100, 1_000))
    np.testing.assert_array_equal(few, many[:100])


def test_nothing_is_outside():
    outside = np.array([[-0.1, 0.5], [1.1, 0.5], [0.5, -0.1], [0.5, 1.1]])
    assert (TOYS["wedge"].density(outside) == 0).all() and (TOYS["kicker"].log_density(outside) == -np.inf).all()
    assert (TOYS["ring"].density(np.array([[0.0, -4.0], [4.0, -0.1]])) == 0).all()


def test_a_density_that_is_not_known_is_said():
    with pytest.raises(ValueError, match="density of 'r' is not known for the Wedge ramp; those of x, y are"):
        TOYS["wedge"].marginal("r", np.ones(3))
    assert Ring(sector=2 * math.pi).marginal("phi", np.array([4.0])) == pytest.approx(1 / (2 * math.pi))
    with pytest.raises(ValueError, match="half a ring only"):
        Ring(sector=2 * math.pi).marginal("x", np.ones(3))


# How a fit errs


def derivative(density, step=1e-5):
    """∂p/∂θ at the truth, by central differences of a density of a parameter's shift."""
    return np.abs(density(step) - density(-step)) / (2 * step)


x = np.linspace(0.05, 0.95, 19)


def parabola(x, a, b, low=0.0, high=1.0):
    """1 + a c + b (c² − 1/12) with a constant that keeps the integral from `low` to `high` one."""
    shape = lambda x: a * (x - 0.5) + b * ((x - 0.5) ** 2 - 1 / 12)  # noqa: E731
    grid = np.linspace(low, high, 4_001)
    return shape(x) + (1 - np.trapezoid(shape(grid), grid)) / (high - low)


def _running(x, k, b):
    """x^(k + b ln x), normalised."""
    grid = np.linspace(0, 1, 40_001)[1:]
    return x ** (k + b * np.log(x)) / np.trapezoid(grid ** (k + b * np.log(grid)), grid)


def test_the_errors_are_the_derivatives_of_the_fitted_densities():
    wedge, kicker = FAMILIES["wedge"]["fit"].derivatives(x), FAMILIES["kicker"]["fit"].derivatives(x)
    expected = {
        "slope": derivative(lambda s: parabola(x, 2 + s, 0)),
        "upper edge": derivative(lambda s: parabola(x, 2, 0, high=1 + s)),
        "lower edge": derivative(lambda s: parabola(x, 2, 0, low=s)),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(wedge[name], values, atol=1e-6)
    expected = {
        "slope and curvature": derivative(lambda s: parabola(x, 3 + s, 3 + 3 * s)),
        "upper edge": derivative(lambda s: parabola(x, 3, 3, high=1 + s)),
        "lower edge": derivative(lambda s: parabola(x, 3, 3, low=s)),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(kicker[name], values, atol=1e-5)
    for toy in (TOYS["wedge"], TOYS["kicker"]):
        law = derivative(lambda s, k=toy.power: (k + s + 1) * x ** (k + s))
        np.testing.assert_allclose(FAMILIES[toy.name]["power"].derivatives(x)["power"], law, atol=1e-6)
        k = toy.power + 1
        change = derivative(lambda s, k=k: _running(x, k - 1, s))
        both = {name: np.abs(value) for name, value in FAMILIES[toy.name]["running"].derivatives(x).items()}
        t = -k * np.log(x)
        signed = np.sign(1 - 2 * t + t**2 / 2) * both["running"] - 2 * np.sign(1 - t) * both["power"]  # ∂p/∂b, in parts without correlation
        np.testing.assert_allclose(np.abs(signed) * 2 / k**2, change, atol=2e-4)
    r = np.linspace(1, 7, 25)
    ring = FAMILIES["ring"]["fit"].derivatives(r)
    np.testing.assert_allclose(ring["radius"], derivative(lambda s: Ring(radius=4 + s).marginal("r", r)), atol=3e-4)
    np.testing.assert_allclose(ring["width"], derivative(lambda s: Ring(width=1 + s).marginal("r", r)), atol=3e-4)


def test_the_dip_moves_to_larger_x_from_wedge_to_kicker():
    x = np.linspace(0.05, 0.95, 901)
    dip = {name: x[FAMILIES[name]["fit"].error(x, errors).argmin()] for name, errors in
           {"wedge": {"slope": 1.0, "upper edge": 0.1}, "kicker": {"slope and curvature": 1.0, "upper edge": 0.1}}.items()}  # fmt: skip
    assert dip["wedge"] == pytest.approx(0.5, abs=1e-3) and dip["kicker"] == pytest.approx(2 / 3, abs=1e-3)
    for name, at in (("wedge", 0.607), ("kicker", 0.717)):
        assert x[FAMILIES[name]["power"].error(x, {"power": 1.0}).argmin()] == pytest.approx(at, abs=1e-3)


@pytest.mark.parametrize("name", TOYS)
def test_a_fit_finds_the_errors_and_prefers_the_right_family(name):
    x = np.linspace(2, 6, 41) if name == "ring" else np.linspace(0.05, 0.95, 41)
    family = FAMILIES[name]["fit"]
    first, second = list(family.derivatives(x))[:2]
    sigma = family.error(x, {first: 0.03, second: 0.01})
    noise = 1 + np.random.default_rng(1).normal(0, 1 / math.sqrt(2 * 49), len(x))
    right, wrong = (FAMILIES[name][which].fit(x, sigma * noise) for which in ("fit", "counting"))
    assert right.errors[first] == pytest.approx(0.03, rel=0.15) and right.errors[second] == pytest.approx(0.01, rel=0.15)
    assert right.chi2(50) < 80 < wrong.chi2(50) / 5
    exact = family.fit(x, sigma)
    assert exact.errors[first] == pytest.approx(0.03) and exact.chi2(50) == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match="has no parameter 'nonsense'"):
        family.error(x, {"nonsense": 1.0})


def test_families_and_toys_have_the_same_names():
    assert set(FAMILIES) == set(TOYS) and all(name == toy.name for name, toy in TOYS.items())
    assert [toy.power for toy in TOYS.values() if isinstance(toy, Ramp)] == [1, 2]


def test_points_of_the_wave_scatter_by_the_noise_around_its_mean_outside_of_the_gap():
    wave = Wave(noise=0.2, gap=0.3)
    x, y = wave.sample(20_000, np.random.default_rng(8))
    assert np.abs(x).min() > 0.3 and np.abs(x).max() < 1 and abs((x > 0).mean() - 0.5) < 0.02
    residual = (y - 0.5 * np.sin(23 * x) - x / 2) / 0.2
    assert abs(residual.mean()) < 5 / math.sqrt(20_000) and residual.std() == pytest.approx(1, abs=0.03)
