"""The toys of a first lecture: closed forms, quadrature and samples agree."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.physics.basics import HEIGHT, LOSSES, PLANES, Bump, exact

KNOWN = {  # exact area above the curve, smallest cross-entropy
    "shift": (0.5 * (1 + math.erf(0.75)), 0.47198),
    "width": (0.8, 0.51983),
    "xor": (0.93734, 0.31915),
    "resonance": (0.84441, 0.45470),
}


@pytest.mark.parametrize("name", PLANES)
def test_areas_and_entropies_are_the_known_ones(name):
    found = exact(name)
    assert found.auc == pytest.approx(KNOWN[name][0], abs=2e-5)
    assert found.bce == pytest.approx(KNOWN[name][1], abs=3e-5)
    assert (np.diff(found.signal) >= 0).all() and (np.diff(found.background) >= 0).all()


def test_curves_of_gaussians_have_closed_forms():
    signal = np.linspace(0.05, 0.95, 19)
    np.testing.assert_allclose(exact("width", cells=801).background_at(signal), 1 - (1 - signal) ** 0.25, atol=3e-4)
    points = np.random.default_rng(0).normal(size=(50, 2))
    np.testing.assert_allclose(PLANES["shift"].logit(points), 1.5 * points[:, 0], atol=1e-12)
    x1, x2 = points.T / 0.49
    np.testing.assert_allclose(PLANES["xor"].logit(points), np.log(np.cosh(x1 + x2)) - np.log(np.cosh(x1 - x2)), atol=1e-9)


@pytest.mark.parametrize("name", PLANES)
def test_samples_follow_their_densities(name):
    """Densities are normalised, and the moments of samples are those of the densities."""
    plane, rng = PLANES[name], np.random.default_rng(7)
    axes = [np.linspace(low, high, 601) for low, high in plane.region]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    points, labels = plane.sample(90_000, rng, classes=3)
    assert np.bincount(labels).tolist() == [30_000] * 3
    for label, kind in enumerate(plane.kinds):
        density = kind.density(grid)
        inner = np.trapezoid(np.trapezoid(density, axes[1]), axes[0])
        assert inner == pytest.approx(1, abs=2e-3)  # the widest Gaussian reaches out of the region
        for moment in (lambda p: p[..., 0], lambda p: p[..., 1] ** 2, lambda p: p[..., 0] * p[..., 1]):
            expected = np.trapezoid(np.trapezoid(density * moment(grid), axes[1]), axes[0]) / inner
            values = moment(points[labels == label])
            assert abs(values.mean() - expected) < 5 * values.std() / math.sqrt(len(values)) + 0.02 * (name == "width") * abs(expected)


@pytest.mark.parametrize("name", PLANES)
@pytest.mark.parametrize("classes", [2, 3])
def test_the_exact_classifier_has_the_exact_loss_and_area_on_a_sample(name, classes):
    plane = PLANES[name]
    points, labels = plane.sample(60_000, np.random.default_rng(3), classes)
    probability = plane.posterior(points, classes)
    np.testing.assert_allclose(probability.sum(axis=-1), 1)
    loss = -np.log(probability[np.arange(len(labels)), labels])
    known = exact(name, classes)
    assert abs(loss.mean() - known.cross_entropy) < 5 * loss.std() / math.sqrt(len(loss)) + 1e-3 * (name == "width")
    if classes == 2:
        assert known.cross_entropy == known.bce
        score = plane.logit(points)
        ranks = np.argsort(np.argsort(score))
        signal = labels == 0
        area = (ranks[signal].mean() - (signal.sum() - 1) / 2) / (~signal).sum()
        assert abs(area - known.auc) < 0.006


def test_no_curve_lies_below_the_exact_one():
    plane, rng = PLANES["resonance"], np.random.default_rng(5)
    points, labels = plane.sample(40_000, rng)
    for score in (-np.abs(points[:, 0] - 0.5), -(points[:, 1] ** 2), points @ np.array([0.3, -0.7])):
        order = np.argsort(-score)
        signal, background = ((labels[order] == label).cumsum() / (labels == label).sum() for label in (0, 1))
        most = signal < 0.99  # where the last event of the signal lies is an accident
        assert (background > exact("resonance").background_at(signal) - 0.02)[most].all()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("growing", [False, True])
@pytest.mark.parametrize("outliers", [0.0, 0.1])
def test_the_answer_minimises_the_loss_and_its_floor_is_the_loss_of_the_answer(loss, growing, outliers):
    bump, rng = Bump(0.08, growing, outliers), np.random.default_rng(1)
    x, y = bump.sample(50_000, rng)

    def losses(curve):
        size = np.abs(y - curve)
        return size if loss == "mae" else size**2 if loss == "mse" else (size / bump.sigma(x)) ** 2

    best = losses(bump.answer(x, loss))
    assert abs(best.mean() - bump.floor(x, loss)) < 5 * best.std() / math.sqrt(len(x))
    for offset in (-0.03, 0.03):
        worse = losses(bump.answer(x, loss) + offset) - best
        assert worse.mean() > 3 * worse.std() / math.sqrt(len(x))


def test_outliers_move_the_mean_and_hardly_the_median():
    bump, x = Bump(0.05, outliers=0.1), np.linspace(0, 1, 11)
    np.testing.assert_allclose(bump.answer(x, "mse") - bump.mean(x), 0.1 * HEIGHT)
    np.testing.assert_allclose(bump.answer(x, "mae") - bump.mean(x), 0.00698, atol=1e-4)
    assert bump.floor(x, "mse") == pytest.approx(0.0025 + 0.1 * 0.9 * 0.25)


def test_an_unknown_loss_is_said():
    with pytest.raises(ValueError, match="one of mse, mae, chi2"):
        Bump().answer(np.zeros(1), "huber")
