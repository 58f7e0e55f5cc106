"""Jets with as many constituents as they have: parts, padding, momenta, shifts; and what networks see of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.families.taggers.features import (
    align,
    aligned,
    average_image,
    image,
    jet_features,
    particle_features,
    pixelated,
)
from workbench.families.taggers.jets import Jets, wrapped
from workbench.families.taggers.sample import shipped

COLUMNS = Jets.__dataclass_fields__


def random_jets(counts, seed: int = 3) -> Jets:
    """Jets around η = 0.7 and φ = 3.1, where the angle wraps; constituents in no order."""
    rng, total = np.random.default_rng(seed), int(np.sum(counts))
    return Jets.of(
        np.arange(len(counts)) % 2,
        np.asarray(counts),
        rng.exponential(10, total) + 0.5,
        rng.normal(0.7, 0.2, total),
        wrapped(rng.normal(3.1, 0.2, total)),
        rng.integers(1, 4, total),
    )


def same(first: Jets, second: Jets) -> bool:
    """Whether jets are the same, wherever their constituents lie."""
    return all(np.array_equal(getattr(first.packed(), name), getattr(second.packed(), name)) for name in COLUMNS)


@pytest.fixture
def jets() -> Jets:
    return random_jets([3, 7, 0, 12, 1])


def test_a_part_of_jets_has_their_own_constituents(jets):
    padded, there = jets.padded(12)
    for part in (slice(1, 4), np.array([3, 0]), np.array([True, False, True, False, True])):
        found, found_there = jets[part].padded(12)
        np.testing.assert_array_equal(found, padded[part])
        np.testing.assert_array_equal(found_there, there[part])
    assert same(jets[np.array([4, 1])][np.array([1])], jets[1:2]) and same(jets[1], jets[1:2])
    assert same(Jets.joined([jets[:2], jets[3:]]), jets[np.array([0, 1, 3, 4])])


def test_padding_is_zero_and_constituents_are_in_order(jets):
    padded, there = jets.padded(20)
    assert padded.dtype == np.float32 and (padded[~there] == 0).all() and (padded[there][:, 0] > 0).all()
    np.testing.assert_array_equal(there.sum(axis=1), jets.count)
    assert (np.diff(padded[..., 0], axis=1) <= 0).all()


@pytest.mark.parametrize("constituents", [1, 5, 12])
def test_truncating_keeps_the_hardest(jets, constituents):
    whole, _ = jets.padded(12)
    kept, there = jets.padded(constituents)
    np.testing.assert_array_equal(kept, whole[:, :constituents])
    np.testing.assert_array_equal(there.sum(axis=1), np.minimum(jets.count, constituents))
    for jet in range(len(jets)):
        hardest = np.sort(whole[jet, :, 0])[::-1][:constituents]
        np.testing.assert_array_equal(kept[jet, :, 0], hardest)
    np.testing.assert_array_equal(jets.packed(constituents).padded(12)[0][:, :constituents], kept)


def test_a_jet_is_the_sum_of_its_constituents(jets):
    energy, px, py, pz = jets.momenta(12).astype(np.float64).sum(axis=1).T
    there = jets.count > 0
    pt, eta, phi, mass = jets.momentum[there].T
    np.testing.assert_allclose(np.hypot(px, py)[there], pt, rtol=1e-5)
    np.testing.assert_allclose(np.arcsinh(pz[there] / pt), eta, rtol=1e-4)
    np.testing.assert_allclose(np.exp(1j * np.arctan2(py, px)[there]), np.exp(1j * phi), atol=1e-5)
    np.testing.assert_allclose(energy[there], jets.energy[there], rtol=1e-5)
    np.testing.assert_allclose(np.sqrt(np.maximum(energy**2 - px**2 - py**2 - pz**2, 0))[there], mass, rtol=1e-2, atol=0.1)
    assert np.abs(jets.delta_phi).max() < 1.5


def test_a_shift_of_the_energy_scales_momenta_and_masses_and_no_angle(jets):
    shifted = jets.shift_energy(1.1)
    np.testing.assert_allclose(shifted.momenta(12), 1.1 * jets.momenta(12), rtol=1e-6)
    np.testing.assert_allclose(shifted.momentum, jets.momentum * [1.1, 1, 1, 1.1], rtol=1e-6)
    each = np.array([0.5, 1, 2, 3, 4])
    np.testing.assert_allclose(jets[::-1].shift_energy(each).momenta(12), each[:, None, None] * jets.momenta(12)[::-1], rtol=1e-6)


# What networks see


def turned(x, y, angle):
    return x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)


@pytest.mark.parametrize(
    "change",
    [
        lambda x, y: turned(x, y, 1.234),
        lambda x, y: (-x, y),
        lambda x, y: (x, -y),
        lambda x, y: turned(x, -y, -2.5),
        lambda x, y: (x + 0.3, y - 0.2),
    ],
)
def test_aligned_angles_are_the_same_for_turned_mirrored_and_moved_jets(change):
    rng = np.random.default_rng(5)
    pt = torch.from_numpy(rng.exponential(10, (200, 30)))
    pt[:, 25:] = 0
    x, y = (torch.from_numpy(rng.normal(0, width, (200, 30))) for width in (0.3, 0.2))
    before, after = align(pt, x, y), align(pt, *change(x, y))
    torch.testing.assert_close(after, before, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(pixelated(pt, after, 24).sum((1, 2)), pixelated(pt, before, 24).sum((1, 2)))


def test_aligned_angles_are_centred_upright_and_heavy_above_and_right():
    pt, x, y = torch.from_numpy(np.moveaxis(shipped().padded(40)[0][:300], -1, 0).astype(np.float64))
    u, v = align(pt, x, y).unbind(dim=-1)
    share = pt / pt.sum(dim=1, keepdim=True)
    for angle in (u, v):
        torch.testing.assert_close((share * angle).sum(dim=1), torch.zeros(300, dtype=torch.float64), atol=1e-9, rtol=0)
        assert ((share * (angle > 0)).sum(dim=1) >= (share * (angle < 0)).sum(dim=1)).all()
    torch.testing.assert_close((share * u * v).sum(dim=1), torch.zeros(300, dtype=torch.float64), atol=1e-9, rtol=0)
    assert ((share * v * v).sum(dim=1) >= (share * u * u).sum(dim=1)).all()


def test_images_hold_the_momentum_where_it_is():
    pt, angles = torch.tensor([[3.0, 1.0, 0.0]]), torch.tensor([[[-0.99, -0.99], [0.01, 0.99], [0.0, 0.0]]])
    found = pixelated(pt, angles, 4)
    assert found.shape == (1, 4, 4) and found[0, 0, 0] == 0.75 and found[0, 3, 2] == 0.25 and found.sum() == 1
    outside = pixelated(pt, angles + torch.tensor([0.0, 0.5]), 4)
    assert outside.sum() == 0.75
    assert average_image(shipped()[:100]).shape == (40, 40) and average_image(shipped()[:100]).sum() == pytest.approx(1, abs=1e-3)


def test_the_seven_numbers_are_those_of_the_formulas():
    jets = random_jets([2])
    (pt, delta_eta, delta_phi), (whole, eta) = jets.padded(1)[0][0, 0], jets.momentum[0, :2]
    energy = pt * np.cosh(eta + delta_eta)
    expected = [
        0.7 * (np.log(pt) - 1.7), 0.7 * (np.log(energy) - 2), 0.7 * (np.log(pt / whole) + 4.7),
        0.7 * (np.log(energy / jets.energy[0]) + 4.7), 4 * (np.hypot(delta_eta, delta_phi) - 0.2), delta_eta, delta_phi,
    ]  # fmt: skip
    np.testing.assert_allclose(particle_features(jets, 1)[0, 0], expected, rtol=1e-4, atol=1e-5)


def test_what_networks_see_is_finite_and_zero_after_scaling_where_there_is_nothing(jets):
    for function in (particle_features, aligned):
        found, (_, there) = function(jets, 15), jets.padded(15)
        assert found.isfinite().all() and (found[~torch.from_numpy(there)] == 0).all() and found.dtype == torch.float32
    assert image(jets, 15).isfinite().all() and jet_features(jets).isfinite().all()
    assert image(jets, 15)[2].sum() == 0


def test_the_numbers_of_the_shipped_jets_are_of_order_one():
    """Means and widths as of the method sheet; ΔR is smaller here, where cells are finer."""
    jets = shipped()
    found = particle_features(jets, 40)[torch.from_numpy(jets.padded(40)[1])]
    np.testing.assert_allclose(found.mean(dim=0), [0.18, 0.21, 0.19, 0.18, 0.2, 0, 0], atol=0.03)
    np.testing.assert_allclose(found.std(dim=0), [0.86, 0.87, 0.86, 0.86, 0.75, 0.22, 0.22], atol=0.03)
    whole = jet_features(jets)
    assert (whole.mean(dim=0).abs() < 1).all() and ((whole.std(dim=0) > 0.3) & (whole.std(dim=0) < 1.5)).all()
