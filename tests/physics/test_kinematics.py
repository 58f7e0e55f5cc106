"""Four-vectors: identities, and digits kept where particles are close."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.physics import kinematics
from workbench.physics.phase_space import flat, flat_events

components = st.floats(-500, 500)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@given(st.floats(5, 500), st.floats(-4, 4), st.floats(-3.1, 3.1), st.floats(0, 200))
def test_transverse_momentum_pseudorapidity_and_azimuth_are_what_a_momentum_is_made_of(pt, eta, phi, mass):
    x, y, z = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    p = np.array([np.sqrt(x * x + y * y + z * z + mass**2), x, y, z])
    assert kinematics.pt(p) == pytest.approx(pt)
    assert kinematics.eta(p) == pytest.approx(eta, abs=1e-9)
    assert kinematics.phi(p) == pytest.approx(phi, abs=1e-9)
    assert kinematics.mass(p) == pytest.approx(mass, abs=1e-3)


@given(st.lists(components, min_size=3, max_size=3), st.lists(components, min_size=3, max_size=3), st.floats(-2, 2))
def test_boosts_along_the_beam_leave_products_and_transverse_momenta_and_shift_rapidities(p, q, rapidity):
    p, q = (kinematics.massless(np.array([0.0, vector[0] + 1e-3, *vector[1:]])) for vector in (p, q))
    p_boosted, q_boosted = kinematics.boost_z(p, rapidity), kinematics.boost_z(q, rapidity)
    assert kinematics.dot(p_boosted, q_boosted) == pytest.approx(kinematics.dot(p, q), rel=1e-9, abs=1e-6)
    assert kinematics.pt(p_boosted) == pytest.approx(kinematics.pt(p))
    if kinematics.pt(p) > 1:
        assert kinematics.eta(p_boosted) == pytest.approx(kinematics.eta(p) + rapidity, abs=1e-6)


def test_boost_gives_a_momentum_at_rest_that_of_the_frame(rng):
    frame = flat(50, 3, 700.0, rng)[:, :2].sum(axis=1)
    at_rest = np.concatenate([kinematics.mass(frame)[:, None], np.zeros((50, 3))], axis=1)
    np.testing.assert_allclose(kinematics.boost(at_rest, frame), frame, rtol=1e-9, atol=1e-9)


def test_angular_distance_of_opposite_azimuths_does_not_jump(rng):
    p = np.array([1.0, np.cos(3.1), np.sin(3.1), 0])
    q = np.array([1.0, np.cos(-3.1), np.sin(-3.1), 0])
    assert kinematics.delta_phi(p, q) == pytest.approx(2 * np.pi - 6.2)
    assert kinematics.delta_r(p, q) == pytest.approx(2 * np.pi - 6.2)


def test_log_invariants_are_logarithms_of_pair_products(rng):
    momenta = flat_events(100, rng)
    expected = np.stack([kinematics.dot(momenta[:, i], momenta[:, j]) for i, j in combinations(range(5), 2)], axis=-1)
    np.testing.assert_allclose(np.exp(kinematics.log_invariants(momenta)), expected, rtol=1e-9)


def test_log_invariants_of_parallel_momenta_are_finite_and_below_all_others():
    n = np.array([0.6, 0.0, 0.8])
    momenta = np.array([[energy, *(energy * direction)] for energy, direction in ((3.0, n), (5.0, n), (4.0, -n))])
    found = kinematics.log_invariants(momenta)
    assert np.isfinite(found).all() and found[0] == pytest.approx(np.log(15 * np.finfo(float).eps ** 2 / 2)) and found[1] == np.log(24)


@pytest.mark.parametrize("angle", [1e-2, 1e-4, 1e-6])
def test_log_invariants_keep_their_digits_for_nearly_parallel_momenta(angle):
    mpmath = pytest.importorskip("mpmath")
    pair = kinematics.massless(np.array([[0.0, 300, 0, 400], [0, 300, 500 * angle, 400]]))
    with mpmath.workdps(40):
        p, q = ([mpmath.mpf(float(x)) for x in row[1:]] for row in pair)
        size = [mpmath.sqrt(sum(x * x for x in vector)) for vector in (p, q)]
        exact = mpmath.log(size[0] * size[1] - sum(x * y for x, y in zip(p, q, strict=True)))
    assert kinematics.log_invariants(pair)[0] == pytest.approx(float(exact), abs=1e-15 / angle)


def test_parity_odd_product_is_the_determinant_and_changes_sign_under_reflection(rng):
    momenta = flat_events(100, rng)
    determinant = np.linalg.det(momenta[:, [0, 1, 2, 4]])
    np.testing.assert_allclose(kinematics.parity_odd(momenta), determinant, rtol=1e-6, atol=1e-9 * np.abs(determinant).max())
    np.testing.assert_allclose(kinematics.parity_odd(momenta * [1, 1, -1, 1]), -kinematics.parity_odd(momenta))


def six(rng) -> np.ndarray:
    """Events of six particles, as those of gg → γγgg."""
    outgoing = flat(100, 4, 1000.0, rng)
    return np.concatenate([np.broadcast_to([[500.0, 0, 0, 500], [500, 0, 0, -500]], (100, 2, 4)), outgoing], axis=1)


def test_six_particles_have_fifteen_invariants(rng):
    momenta = six(rng)
    expected = np.stack([kinematics.dot(momenta[:, i], momenta[:, j]) for i, j in combinations(range(6), 2)], axis=-1)
    np.testing.assert_allclose(np.exp(kinematics.log_invariants(momenta)), expected, rtol=1e-9)


@pytest.mark.parametrize(("particles", "chosen"), [(5, [0, 1, 2, 4]), (6, [0, 1, 2, 3])])
def test_square_of_the_parity_odd_product_is_the_gram_determinant_of_the_invariants(particles, chosen, rng):
    momenta = flat_events(100, rng) if particles == 5 else six(rng)
    legs = momenta[:, chosen]
    gram = np.array([[kinematics.dot(legs[:, i], legs[:, j]) for i in range(4)] for j in range(4)]).transpose(2, 0, 1)
    np.testing.assert_allclose(kinematics.parity_odd(momenta) ** 2, -np.linalg.det(gram), rtol=1e-5, atol=1e-9 * np.abs(gram).max() ** 4)
