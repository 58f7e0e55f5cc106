"""The loop amplitude against 60-digit values, and against the laws that its parts obey."""

from __future__ import annotations

import csv
import math
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch

from workbench.physics.amplitudes import gg_yyg, squared_amplitude
from workbench.physics.kinematics import boost, boost_z, dot
from workbench.physics.phase_space import flat_events

SHIPPED = Path(__file__).with_name("gg_yyg.csv")
"""Twelve reference points: |M|² and its helicities from the formulas in 60-digit arithmetic, agreeing with two independent codes."""
COMPLETE = Path(__file__).parents[2].parent / "shared" / "reference" / "ggyyg.csv"


def reference(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Momenta, |M|² and helicities of the points inside the cuts."""
    with open(path) as file:
        rows = [row for row in csv.DictReader(file) if not row["set"].startswith("beyond")]
    momenta = [[[float(row[f"{component}{leg}"]) for component in ("E", "px", "py", "pz")] for leg in range(1, 6)] for row in rows]
    helicities = [[float(row[f"hel_{word}"]) for word in gg_yyg.HELICITIES] for row in rows]
    return np.array(momenta), np.array([float(row["M2_mp"]) for row in rows]), np.array(helicities)


@pytest.fixture(params=[SHIPPED, COMPLETE], ids=["shipped points", "all points"])
def points(request):
    if not request.param.exists():
        pytest.skip("the complete reference file is not beside the repository; twelve of its points are tested")
    return reference(request.param)


@pytest.fixture
def momenta() -> np.ndarray:
    return flat_events(60, np.random.default_rng(7))


@pytest.fixture
def spinors(momenta) -> tuple[torch.Tensor, torch.Tensor]:
    return gg_yyg.spinor_products(torch.from_numpy(momenta))


def primitive(formula, pattern: str, spinors, order: tuple[int, ...] = (0, 1, 2, 3, 4)) -> torch.Tensor:
    """a of one ordering of the legs: the formula of legs 12345 with the legs renamed."""
    angle, square = (products[list(order)][:, list(order)] for products in spinors)
    values = formula(gg_yyg.Legs(gg_yyg.Table(angle, square), pattern))
    return values[..., gg_yyg.legs_of(pattern).index((0, 1, 2, 3, 4)), :]


FORMULAS = {
    "+++++": (gg_yyg.all_plus, "all plus", (4, 3, 2, 1, 0)),
    "-++++": (gg_yyg.one_minus, "one minus", (0, 4, 3, 2, 1)),
    "--+++": (gg_yyg.adjacent_minus, "adjacent", (1, 0, 4, 3, 2)),
    "-+-++": (gg_yyg.separated_minus, "separated", (2, 1, 0, 4, 3)),
}


def test_squared_amplitude_agrees_with_sixty_digits(points):
    momenta, expected, _ = points
    np.testing.assert_allclose(squared_amplitude("gg_yyg", momenta), expected, rtol=1e-9)


def test_every_helicity_agrees_with_sixty_digits(points):
    momenta, expected, helicities = points
    found = gg_yyg.squared_helicity_amplitudes(torch.from_numpy(momenta)).numpy()
    # the smallest helicities are 10⁻⁸ of the sum, after cancellations between the orderings
    assert (np.abs(found - helicities) < 1e-9 * helicities + 1e-11 * expected[:, None]).all()


def test_spinor_products_give_the_invariants(momenta, spinors):
    angle, square = spinors
    sign = np.array([-1, -1, 1, 1, 1])
    for i, j in combinations(range(5), 2):
        expected = 2 * sign[i] * sign[j] * dot(momenta[:, i], momenta[:, j])
        np.testing.assert_allclose((angle[i, j] * square[j, i]).numpy(), expected, rtol=1e-9)


def test_spinor_products_conserve_momentum(spinors):
    angle, square = spinors
    total = torch.einsum("ike,kje->ije", angle, square)
    assert total.abs().max() < 1e-11 * angle.abs().max() ** 2


def test_parke_taylor_factors_of_the_twelve_orderings_add_to_zero(spinors):
    legs = gg_yyg.Legs(gg_yyg.Table(*spinors), "all plus")
    factors = legs.over_parke_taylor()
    assert (factors.sum(dim=0).abs() < 1e-12 * factors.abs().amax(dim=0)).all()


@pytest.mark.parametrize("pattern", FORMULAS)
def test_reversed_order_changes_the_sign_of_a_primitive(pattern, spinors):
    formula, name, order = FORMULAS[pattern]
    torch.testing.assert_close(primitive(formula, name, spinors, order), -primitive(formula, name, spinors), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("shift", range(1, 5))
def test_all_plus_primitive_is_cyclic(shift, spinors):
    order = tuple((leg + shift) % 5 for leg in range(5))
    formula, name, _ = FORMULAS["+++++"]
    torch.testing.assert_close(primitive(formula, name, spinors, order), primitive(formula, name, spinors), rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("pattern", ["--+++", "-+-++"])
def test_parity_image_is_the_formula_with_angle_and_square_exchanged(pattern, spinors):
    formula, name, _ = FORMULAS[pattern]
    image, exchanged = primitive(formula, name, spinors)[1], primitive(formula, name, spinors[::-1])[0]
    torch.testing.assert_close(image.abs(), exchanged.abs(), rtol=1e-9, atol=0)


def test_primitives_have_the_known_values_at_the_first_reference_point():
    angle, square = spinors = gg_yyg.spinor_products(torch.from_numpy(reference(SHIPPED)[0][:1]))
    a = {pattern: primitive(formula, name, spinors).flatten()[0].item() for pattern, (formula, name, _) in FORMULAS.items()}
    sizes = {"+++++": 1.102950588635e-03, "-++++": 1.906743476026e-03, "--+++": 1.364157444935e-01, "-+-++": 9.576995591719e-04}
    for pattern, size in sizes.items():
        assert abs(a[pattern]) == pytest.approx(size, rel=1e-11)
    parke_taylor = math.prod(angle[i, (i + 1) % 5, 0].item() for i in range(5))
    assert a["+++++"] * parke_taylor == pytest.approx(69165691106.016083 - 9122309245.565462j, rel=1e-11)
    assert a["--+++"] * parke_taylor / angle[0, 1, 0].item() ** 4 == pytest.approx(-8.628283033274 - 0.081996315118j, rel=1e-11)
    assert a["-+-++"] * parke_taylor / angle[0, 2, 0].item() ** 4 == pytest.approx(-23.417093722820 + 1.159766425374j, rel=1e-11)
    boxes = gg_yyg.Table(angle, square).rows["Ls1"][0, :, 0]
    assert boxes[gg_yyg.BOX_LEGS.index((1, 2, 3))].item() == pytest.approx(-0.133740717082 + 0.508151680857j, rel=1e-11)
    assert boxes[gg_yyg.BOX_LEGS.index((1, 0, 4))].item() == pytest.approx(-0.029670167836 - 0.166710310576j, rel=1e-11)


@pytest.mark.parametrize("x", [-1e6, -3.0, -1.0, -0.2, 0.0, 0.3, 0.5, 0.7, 1 - 1e-9])
def test_dilogarithm_agrees_with_mpmath(x):
    mpmath = pytest.importorskip("mpmath")
    assert gg_yyg.dilogarithm(torch.tensor([x], dtype=torch.float64)).item() == pytest.approx(float(mpmath.polylog(2, x).real), rel=1e-13)


def turned(momenta: np.ndarray) -> np.ndarray:
    angle = 0.7
    rotation = np.array([[1, 0, 0, 0], [0, math.cos(angle), -math.sin(angle), 0], [0, math.sin(angle), math.cos(angle), 0], [0, 0, 0, 1]])
    return momenta @ rotation.T


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p[:, [1, 0, 2, 3, 4]],
        lambda p: p[:, [0, 1, 3, 2, 4]],
        lambda p: boost_z(p, 0.8),
        turned,
        lambda p: p * np.array([1, 1, -1, 1]),
        lambda p: p * np.array([1, 1, 1, -1]),
    ],
    ids=["gluons exchanged", "photons exchanged", "boosted along the beam", "turned about the beam", "reflected", "beams exchanged"],
)
def test_squared_amplitude_is_symmetric(change, momenta):
    np.testing.assert_allclose(squared_amplitude("gg_yyg", change(momenta)), squared_amplitude("gg_yyg", momenta), rtol=1e-9)


def test_squared_amplitude_has_the_dimension_of_an_inverse_energy_squared(momenta):
    np.testing.assert_allclose(squared_amplitude("gg_yyg", 3 * momenta), squared_amplitude("gg_yyg", momenta) / 9, rtol=1e-11)


def two_photon_squared_amplitude(s: float, t: float) -> float:
    """Textbook |M|² of gg → γγ through five massless quarks, averaged and summed as that of gg → γγg."""
    u = -s - t

    def f1(t: float, u: float) -> complex:
        log = math.log(-t / s)
        real = -(t * t + s * s) / (2 * u * u) * log**2 - (t - s) / u * log - 1
        return real - 1j * math.pi * ((t * t + s * s) / u**2 * log + (t - s) / u)

    f0 = -(t * t + u * u) / (2 * s * s) * (math.log(t / u) ** 2 + math.pi**2) - (t - u) / s * math.log(t / u) - 1
    total = 2 * (5 + abs(f0) ** 2 + abs(f1(t, u)) ** 2 + abs(f1(u, t)) ** 2)
    return (4 * gg_yyg.ALPHA * gg_yyg.ALPHA_S * 11 / 9) ** 2 * 8 / 64 / 4 / 2 * total


@pytest.mark.parametrize(("energy", "tolerance"), [(1.0, 2e-2), (0.1, 2e-3), (0.01, 2e-4)])
def test_soft_gluon_factorises_into_eikonal_factor_and_two_photon_amplitude(energy, tolerance):
    gluon = energy * np.array([1, math.sin(1.1) * math.cos(0.4), math.sin(1.1) * math.sin(0.4), math.cos(1.1)])
    incoming = np.array([[500.0, 0, 0, 500], [500, 0, 0, -500]])
    pair = incoming.sum(axis=0) - gluon
    photon = np.array([1, math.sin(0.8), 0, math.cos(0.8)]) * math.sqrt(dot(pair, pair)) / 2
    photons = boost(np.stack([photon, photon * [1, -1, -1, -1]]), pair)
    event = np.concatenate([incoming, photons, gluon[None]])
    s12, s15, s25 = (2 * dot(event[i], event[j]) for i, j in ((0, 1), (0, 4), (1, 4)))
    limit = 4 * math.pi * gg_yyg.ALPHA_S * 3 * 4 * s12 / (s15 * s25)
    limit *= two_photon_squared_amplitude(s12, -2 * dot(event[0], event[2]))
    assert squared_amplitude("gg_yyg", event) == pytest.approx(limit, rel=tolerance)


def test_momenta_along_the_axes_are_no_exception():
    event = np.array([[500.0, 0, 0, 500], [500, 0, 0, -500], [400, -400, 0, 0], [300, 0, 300, 0], [0, 0, 0, 0]])
    event[4] = event[:2].sum(axis=0) - event[2:4].sum(axis=0)
    event *= 1000 / 1200
    event[4, 0] = np.sqrt((event[4, 1:] ** 2).sum())
    event[:2] *= event[2:, 0].sum() / 2 / event[0, 0]
    assert squared_amplitude("gg_yyg", event) == pytest.approx(squared_amplitude("gg_yyg", turned(event)), rel=1e-10)


def test_batches_keep_their_shape_and_their_kind():
    momenta = flat_events(40, np.random.default_rng(3))[:24]
    flat = squared_amplitude("gg_yyg", momenta)
    assert isinstance(flat, np.ndarray) and flat.shape == (24,)
    np.testing.assert_array_equal(squared_amplitude("gg_yyg", momenta.reshape(2, 3, 4, 5, 4)), flat.reshape(2, 3, 4))
    tensor = squared_amplitude("gg_yyg", torch.from_numpy(momenta))
    assert isinstance(tensor, torch.Tensor) and tensor.dtype == torch.float64
    assert squared_amplitude("gg_yyg", momenta[0]).shape == () and squared_amplitude("gg_yyg", momenta[:0]).shape == (0,)
    # 32-bit input is computed in 64 bits: it differs by its rounding only
    single = squared_amplitude("gg_yyg", torch.from_numpy(momenta).float())
    torch.testing.assert_close(single, tensor, rtol=1e-3, atol=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_a_gpu_gives_the_same_amplitudes():
    momenta = torch.from_numpy(flat_events(40_000, np.random.default_rng(5)))
    torch.testing.assert_close(squared_amplitude("gg_yyg", momenta.cuda()).cpu(), squared_amplitude("gg_yyg", momenta), rtol=1e-9, atol=0)


def test_what_is_wrong_is_said_in_a_sentence():
    with pytest.raises(ValueError, match=r"no process 'gg_yyy'\. Did you mean 'gg_yyg'\?"):
        squared_amplitude("gg_yyy", np.zeros((3, 5, 4)))
    with pytest.raises(ValueError, match=r"shape \(…, 5, 4\), not \(3, 4\)"):
        squared_amplitude("gg_yyg", np.zeros((3, 4)))
