"""Higgs and two jets by W fusion: the amplitude against helicity currents and independent numbers, events against known cross sections,
and likelihoods that integrate to one at every level."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import workbench as wb
from workbench.physics import wbf, wbf_truth
from workbench.physics.amplitudes import wbf_h
from workbench.physics.quark_density import QUARKS, quark_densities, table

REFERENCE = Path(__file__).parents[2].parent / "shared" / "reference" / "wbf.npz"
METRIC = np.diag([1.0, -1.0, -1.0, -1.0])
THETAS = ([5.0, 0.0, 0.0], [0.0, 5.0, 0.0], [-8.0, 8.0, 0.0], [3.0, -4.0, 10.0])


def weyl(p):
    """χ(p) with χ χ† = p·σ (event, 2), and the current χ†(q) σ̄^μ χ(p) of two of them."""
    root = np.sqrt(p[:, 0] + p[:, 3])
    return np.stack([-(p[:, 1] - 1j * p[:, 2]) / root, root], axis=-1)


def current(q, p):
    sigma = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    bar = sigma * np.array([1, -1, -1, -1])[:, None, None]
    return np.einsum("ei,mij,ej->em", weyl(q).conj(), bar, weyl(p))


def levi_civita():
    epsilon = np.zeros((4, 4, 4, 4))
    for order in np.ndindex(4, 4, 4, 4):
        if len(set(order)) == 4:
            epsilon[order] = np.linalg.det(np.eye(4)[list(order)])
    return epsilon


def by_currents(momenta, theta, lines):
    """|M|² from the full off-shell vertex between two helicity currents."""
    turned = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    turned *= np.linalg.det(turned)  # no momentum may point along −z, where χ is not defined
    p1, p2, p3, p4, _ = np.moveaxis(np.concatenate([momenta[..., :1], momenta[..., 1:] @ turned], axis=-1), 1, 0)
    q1, q2 = p1 - p3, p2 - p4
    k = q1 + q2
    j1 = current(p3, p1)
    j2 = current(p4, p2) if lines == "quark-quark" else current(p2, p4)
    f_w, f_ww, f_t = np.asarray(theta) * 1e-6
    low = lambda v: v @ METRIC  # noqa: E731
    dot = lambda a, b: np.einsum("em,em->e", a, low(b))  # noqa: E731
    vertex = dot(j1, j2) * (1 - f_w / 2 * dot(k, k) + 2 * f_ww * dot(q1, q2))
    vertex = vertex + f_w / 2 * (dot(j1, k) * dot(j2, q1) + dot(j1, q2) * dot(j2, k)) - 2 * f_ww * dot(j1, q2) * dot(j2, q1)
    # ε₀₁₂₃ = −1 with all indices contravariant contracted downwards
    vertex = vertex - f_t * np.einsum("abcd,ea,eb,ec,ed->e", levi_civita(), j1, j2, q1, q2)
    t1, t2 = dot(q1, q1).real, dot(q2, q2).real
    coupling = wbf_h.G_SQUARED / 4 * (wbf_h.G_SQUARED / 2) ** 2 * wbf_h.MASS_W**2
    return coupling / ((t1 - wbf_h.MASS_W**2) ** 2 * (t2 - wbf_h.MASS_W**2) ** 2) * np.abs(vertex) ** 2


@pytest.fixture(scope="module")
def generator():
    return wbf.Generator(iterations=6, points=20_000)


@pytest.fixture(scope="module")
def sample(generator):
    return generator.sample(60_000)


@pytest.mark.parametrize("lines", wbf_h.LINES)
def test_closed_form_is_the_vertex_between_helicity_currents(sample, lines):
    momenta = sample.momenta[:200]
    for theta in ([0, 0, 0], [7, 0, 0], [0, -9, 0], [0, 0, 20], [11, -6, 15], [-4, 8, -30]):
        ours = wb.squared_amplitude("wbf_h", momenta, f_W=theta[0], f_WW=theta[1], f_T=theta[2], lines=lines)
        np.testing.assert_allclose(ours, by_currents(momenta, theta, lines), rtol=1e-9)


@pytest.mark.parametrize(("lines", "kind"), [("quark-quark", "same"), ("quark-antiquark", "opposite")])
def test_all_ten_components_are_those_of_the_reference(lines, kind):
    if not REFERENCE.exists():
        pytest.skip("the reference file is not beside the repository")
    with np.load(REFERENCE) as reference:
        np.testing.assert_allclose(wbf_h.components(reference["p"], lines), reference[f"components_{kind}"], rtol=1e-10)
        f_w, f_ww, f_t = reference["theta"].T
        ours = wb.squared_amplitude("wbf_h", reference["p"], f_W=f_w, f_WW=f_ww, f_T=f_t, lines=lines)
        np.testing.assert_allclose(ours, reference[f"M2_{kind}"], rtol=1e-10)


def test_an_antiquark_line_is_a_quark_line_crossed_and_couplings_broadcast(sample):
    momenta = sample.momenta[:50]
    many = wb.squared_amplitude("wbf_h", momenta, f_W=np.linspace(-5, 5, 7)[:, None], f_WW=1.0)
    assert many.shape == (7, 50)
    np.testing.assert_allclose(many[3], wb.squared_amplitude("wbf_h", momenta, f_WW=1.0))
    mirrored = momenta * [1, 1, -1, 1]
    both = [wbf_h.components(p, "quark-antiquark") for p in (momenta, mirrored)]
    odd = [3, 8, 9]
    np.testing.assert_allclose(both[1][:, odd], -both[0][:, odd], rtol=1e-9)
    np.testing.assert_allclose(np.delete(both[1], odd, axis=1), np.delete(both[0], odd, axis=1), rtol=1e-9)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: wb.squared_amplitude("wbf_h", p, lines="gluon"), "one of quark-quark, quark-antiquark"),
        (lambda p: wb.squared_amplitude("wbf_h", p[:, :4]), r"shape \(…, 5, 4\), not \(3, 4, 4\)"),
        (lambda p: wb.squared_amplitude("gg_yyg", p, f_W=1.0), "gg_yyg has no option 'f_W'"),
        (lambda p: wb.squared_amplitude("wbf_h", p, f_X=1.0), "wbf_h has no option 'f_X'.*f_W, f_WW, f_T, lines"),
    ],
)
def test_what_cannot_be_computed_is_said_in_a_sentence(sample, call, words):
    with pytest.raises(ValueError, match=words):
        call(sample.momenta[:3])


def test_quark_densities_hold_two_valence_ups_and_one_down():
    x, densities = table()
    named = dict(zip(QUARKS, densities, strict=True))
    assert np.trapezoid(named["u"] - named["ubar"], np.log(x)) == pytest.approx(2, abs=0.01)
    assert np.trapezoid(named["d"] - named["dbar"], np.log(x)) == pytest.approx(1, abs=0.01)
    [up] = quark_densities(np.array([0.1]), ("u", "c"))
    assert up == pytest.approx(named["u"][250] + named["c"][250])
    with pytest.raises(ValueError, match="tabulated for x from 1e-06 to 1"):
        quark_densities(np.array([2.0]), ("u",))


def test_events_are_physical_and_the_same_for_the_same_seed(sample, generator):
    p = sample.momenta
    np.testing.assert_allclose(p[:, :2].sum(axis=1), p[:, 2:].sum(axis=1), atol=1e-8)
    square = p[..., 0] ** 2 - (p[..., 1:] ** 2).sum(axis=-1)
    assert (np.abs(square[:, :4]) < 1e-6 * p[:, :4, 0] ** 2).all()
    np.testing.assert_allclose(np.sqrt(square[:, 4]), wbf_h.MASS_H, rtol=1e-6)
    assert (np.hypot(p[:, 2:4, 1], p[:, 2:4, 2]) > wbf.JET_PT).all() and (p[:, :2, 0] < wbf.SQRT_S / 2).all()
    again = wbf.Generator(iterations=6, points=20_000).sample(2_000)
    np.testing.assert_array_equal(again.momenta, p[:2_000])


def test_cross_sections_are_those_of_an_independent_integration(sample):
    """1.956(2) pb and the couplings' shares by another program of other phase space; ours to 1 %, the small shares to 5 %."""
    assert sample.cross_section[0] == pytest.approx(1.956, rel=0.012)
    assert sample.error[0] < 0.006 * sample.cross_section[0]
    shares = sample.cross_section / sample.cross_section[0]
    np.testing.assert_allclose(shares[[1, 2]], [2.05e-2, 0.88e-2], rtol=0.05)
    np.testing.assert_allclose(shares[[4, 6, 7]], [5.9e-4, 7.9e-4, 1.6e-4], rtol=0.07)
    assert abs(shares[5] + 3.4e-4) < 0.2e-4
    assert (np.abs(sample.cross_section[[3, 8, 9]]) < 5 * sample.error[[3, 8, 9]]).all()  # CP-odd terms cannot change a rate


def test_weights_to_other_hypotheses_average_to_one_and_stay_small(sample, generator):
    for theta in THETAS:
        ratio = sample.ratio(np.array(theta), generator.mean)
        mean = np.average(ratio, weights=sample.weight)
        error = np.sqrt((sample.weight**2 * (ratio - mean) ** 2).sum()) / sample.weight.sum()
        assert abs(mean - 1) < 4 * error + 0.003, theta  # the cross sections have errors of their own
        assert ratio.max() < 8


def test_importance_grid_finds_the_integral_of_a_narrow_peak(generator):
    rng, grid = np.random.default_rng(3), wbf.Grid()

    def peak(cube):
        return np.exp(-(((cube - 0.3) / 0.05) ** 2).sum(axis=1) / 2) / (0.05 * np.sqrt(2 * np.pi)) ** 6

    for _ in range(8):
        cube, volume = grid.draw(20_000, rng)
        grid = grid.adapted(cube, peak(cube) * volume)
    cube, volume = grid.draw(50_000, rng)
    values = peak(cube) * volume
    assert abs(values.mean() - 1) < 5 * values.std() / np.sqrt(len(values)) < 0.05


def standard_model(sample, generator, chosen=slice(None)):
    return (sample.weight * sample.ratio(np.zeros(3), generator.mean))[chosen]


def closes(found, sample, weight):
    """E_SM[r] = 1 within four standard errors, for every hypothesis."""
    for theta in THETAS:
        m = wbf_h.monomials(np.array(theta))
        ratio = (found @ m) / (m @ sample.cross_section) / (found[:, 0] / sample.cross_section[0])
        mean = np.average(ratio, weights=weight)
        error = np.sqrt((weight**2 * (ratio - mean) ** 2).sum()) / weight.sum()
        assert abs(mean - 1) < 4 * error + 0.004, (theta, mean, error)


def test_likelihood_ratios_of_partons_and_of_jets_average_to_one(sample, generator):
    closes(sample.components, sample, standard_model(sample, generator))
    jets = wbf_truth.Jets.of(sample.momenta)[:8_000]
    closes(wbf_truth.jet_components(jets), sample, standard_model(sample, generator, slice(8_000)))


@pytest.mark.parametrize("tails", [False, True], ids=["gaussian", "tails"])
def test_likelihood_ratios_of_smeared_jets_average_to_one(sample, generator, tails):
    detector = wbf_truth.Detector(tails=tails)
    seen = detector.measured(wbf_truth.Jets.of(sample.momenta)[:1_500], np.random.default_rng(5))
    found = wbf_truth.detector_components(seen, detector, points=400)
    assert (found[:, 0] > 0).all()
    closes(found, sample, standard_model(sample, generator, slice(1_500)))


def test_matrix_element_method_becomes_the_exact_integral_when_the_resolution_vanishes(sample):
    jets = wbf_truth.Jets.of(sample.momenta)[:100]
    sharp = wbf_truth.detector_components(jets, wbf_truth.Detector(energy=0.003, angle=0.003), points=2_000)
    exact = wbf_truth.jet_components(jets)
    assert np.median(sharp[:, 0] / exact[:, 0]) == pytest.approx(1, abs=0.01)
    m = wbf_h.monomials(np.array([5.0, -5.0, 3.0]))
    assert np.std(np.log(sharp @ m / sharp[:, 0]) - np.log(exact @ m / exact[:, 0])) < 0.03


def test_crystal_ball_is_normalised_and_drawn_as_it_says():
    x = np.linspace(-3_000, 8, 3_000_001)
    assert np.trapezoid(wbf_truth.crystal_ball(x), x) == pytest.approx(1, abs=1e-4)
    drawn = wbf_truth.draw_crystal_ball((200_000,), np.random.default_rng(1))
    for limit in (-10.0, -3.0):
        expected = wbf_truth.crystal_ball_below(np.array(limit))
        assert abs((drawn < limit).mean() - expected) < 4 * np.sqrt(expected / len(drawn))


def test_only_the_angle_of_jets_ordered_in_rapidity_knows_of_cp(sample):
    """The CP-odd score changes sign under reflection: its correlation with sin Δφ is strong for forward − backward, zero for p_T order."""
    jets = wbf_truth.Jets.of(sample.momenta)
    score = np.clip(sample.components[:, 3] / sample.components[:, 0], -0.1, 0.1)
    hard = jets.pt[:, 0] > jets.pt[:, 1]
    ordered = np.where(hard, jets.phi[:, 0] - jets.phi[:, 1], jets.phi[:, 1] - jets.phi[:, 0])
    by_rapidity, by_pt = (np.corrcoef(np.sin(angle), score)[0, 1] for angle in (jets.delta_phi, ordered))
    assert abs(by_rapidity) > 0.5 and abs(by_pt) < 5 / np.sqrt(len(score))
