"""What error bars of points say of their sum."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from workbench.physics.phase_space import flat, volume
from workbench.results.integral import integral
from workbench.results.prediction import summary
from workbench.runs.files import RunError
from workbench.runs.store import RunStore
from workbench.runs.worker import run_job

POINTS, DRAWS = 400, 2_000


def made(moves: np.ndarray, *, sampling: str = "flat", syst: float = 0.1) -> xr.Dataset:
    """A prediction whose draws are off by `moves` (draw, event), relative to the truth."""
    truth = np.exp(np.random.default_rng(1).normal(size=moves.shape[1]))
    return xr.Dataset(
        {
            "mean": (("draw", "event"), truth * (1 + moves)),
            "sigma_syst": (("draw", "event"), np.broadcast_to(syst * truth, moves.shape)),
            "amplitude_true": ("event", truth),
            "amplitude_train": ("event", truth),
        },
        attrs={"recipe": json.dumps({"sampling": sampling})},
    )


def test_a_draw_that_moves_all_points_moves_their_sum_and_independent_points_would_not():
    common = 0.03 * np.random.default_rng(2).normal(size=(DRAWS, 1))
    found = integral(made(np.broadcast_to(common, (DRAWS, POINTS))))
    assert float(found["sigma_stat"]) == pytest.approx(0.03, rel=0.05)
    truth = made(np.zeros((1, POINTS)))["amplitude_true"].values
    fewer = np.sqrt((truth**2).sum()) / truth.sum()  # 1/√N for equal points
    assert float(found["sigma_stat_naive"]) == pytest.approx(float(found["sigma_stat"]) * fewer, rel=1e-6) and fewer < 0.1
    assert float(found["sigma_syst_together"]) == pytest.approx(0.1) and float(found["sigma_syst_independent"]) == pytest.approx(
        0.1 * fewer
    )


def test_where_points_are_independent_the_naive_error_is_right():
    found = integral(made(0.03 * np.random.default_rng(3).normal(size=(DRAWS, POINTS))))
    assert float(found["sigma_stat"]) == pytest.approx(float(found["sigma_stat_naive"]), rel=0.05)
    assert float(found["value"]) == pytest.approx(1.0, abs=1e-3) and found["draws"].sizes["draw"] == DRAWS


def test_unweighted_points_stand_for_phase_space_by_one_over_a():
    rng = np.random.default_rng(4)
    whole = made(np.zeros((2, 200_000)))
    truth = whole["amplitude_true"].values
    off = whole.assign(mean=whole["mean"] * (1 + 0.1 * (truth > 1)))
    exact = 1 + 0.1 * truth[truth > 1].sum() / truth.sum()
    assert float(integral(off)["value"]) == pytest.approx(exact, rel=1e-12)
    chosen = rng.choice(len(truth), 50_000, p=truth / truth.sum())
    unweighted = off.isel(event=chosen).assign_attrs(recipe=json.dumps({"sampling": "unweighted"}))
    assert float(integral(unweighted)["value"]) == pytest.approx(exact, rel=2e-3)
    with pytest.raises(ValueError, match="is a summary, whose draws are no longer known"):
        integral(summary(whole))


def test_the_volume_of_phase_space_is_that_of_one_particle_less_over_the_masses_of_the_rest():
    """Φ_n = ∫ dM² Φ_{n−1}(M) Φ₂(E; M, 0)/2π, by quadrature; two massless particles have 1/8π."""
    assert volume(2, 700.0) == pytest.approx(1 / (8 * np.pi))
    energy, (nodes, shares) = 700.0, np.polynomial.legendre.leggauss(20)
    for n in (3, 4):
        m2 = energy**2 * (nodes + 1) / 2
        inside = [volume(n - 1, np.sqrt(m)) * (1 - m / energy**2) / (8 * np.pi) / (2 * np.pi) for m in m2]
        assert volume(n, energy) == pytest.approx(energy**2 / 2 * float(shares @ inside), rel=1e-10)
    pairs = flat(20_000, 3, energy, np.random.default_rng(5))
    m2 = (energy**2 - 2 * energy * pairs[:, 0, 0]) / energy**2  # density ∝ 1 − M²/E², as the integrand of n = 3
    assert m2.mean() == pytest.approx(1 / 3, abs=0.005)


def trained(tmp_path, **options):
    run = RunStore(tmp_path / "runs").create(wb.AmplitudeRecipe(**options))
    assert run_job(run.path) == 0
    return run


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    options = {"events": 1_000, "test_events": 500, "hidden": [32, 32], "steps": 600, "draws": 16, "noise": 0.0, "inputs": "ordered"}
    return trained(tmp_path_factory.mktemp("integral"), **options)


def test_a_run_is_integrated_beside_the_exact_amplitude_at_the_same_points(small):
    found = small.integrate(2_000, seed=9)
    momenta = wb.make_dataset("gg_yyg", 2_000, seed=9)["momenta"].values
    exact = wb.squared_amplitude("gg_yyg", momenta)
    known = small.predict(momenta)
    assert float(found["value"] / found["exact"]) == pytest.approx(float(known["mean"].mean()) / exact.mean(), rel=1e-6)
    together = float(known["sigma_syst"].mean()) / exact.mean()
    assert float(found["sigma_syst_together"] / found["exact"]) == pytest.approx(together, rel=1e-6)
    assert found["draws"].sizes["draw"] == 16 and found["value"].attrs["units"] == "pb" and found.attrs["run"] == small.id
    assert float(found["sigma_stat_naive"]) < float(found["sigma_stat"])
    per_point = 3.893793721e8 * volume(3, 1000.0) / (2 * 1000.0**2) * exact.mean()
    assert 0.1 * per_point < float(found["exact"]) < per_point  # the cuts leave a part of phase space
    assert float(small.integrate(2_000, seed=9)["value"]) == float(found["value"])
    assert 0 < float(found["exact_error"] / found["exact"]) < 0.3


def test_the_cross_section_of_flat_and_of_peaked_points_is_the_same(small):
    """An independent estimate, from points with density `peak`: flat ones know it to 9 %, as few of them make most of it."""
    from workbench.families.amplitudes.cross_section import PICOBARN, flux_and_volume
    from workbench.physics.phase_space import peak, peaked_events

    points = peaked_events(60_000, np.random.default_rng(6))
    weight = 1 / peak(points)
    mean = (wb.squared_amplitude("gg_yyg", points) * weight).mean() / weight.mean()
    found = small.integrate(50_000, draws=2, seed=5)
    assert float(found["exact_error"] / found["exact"]) == pytest.approx(0.09, abs=0.02)
    assert PICOBARN * flux_and_volume("gg_yyg", 1000.0) * mean == pytest.approx(float(found["exact"]), rel=0.1)


def test_what_cannot_be_integrated_is_one_sentence(small, tmp_path):
    with pytest.raises(ValueError, match="events = 5 is not possible"):
        small.integrate(5)
    with pytest.raises(ValueError, match="proton beams; the cross section is known for beams of fixed energy only"):
        trained(tmp_path, beams="pp", events=100, test_events=100, hidden=[4], steps=2, batch_size=16).integrate(200)
    with pytest.raises(RunError, match="a module for other programs is made of an amplitude"):
        RunStore(tmp_path / "runs").create(wb.GeneratorRecipe()).integrate()


@pytest.mark.slow
def test_the_exact_cross_section_lies_within_two_sigma_of_the_surrogates_for_four_of_five_seeds(tmp_path):
    """Ordered inputs, SOAP and Fisher widths on 9,000 amplitudes without noise; σ_stat of draws and independent σ_syst in squares."""
    best = {"inputs": "ordered", "optimiser": "soap", "opening": "fisher", "target": "soft", "steps": 3_000, "noise": 0.0, "draws": 64}
    off, naive = [], []
    for seed in range(5):
        run = trained(tmp_path, **best, uncertainty="bnn", seed=seed, data_seed=seed + 1, test_events=1_000)
        found = run.integrate(20_000)
        sigma = np.hypot(float(found["sigma_stat"]), float(found["sigma_syst_independent"]))
        off.append(float(found["value"] - found["exact"]) / sigma)
        naive.append(float(found["sigma_stat_naive"] / found["sigma_stat"]))
    print("pulls of the cross section", np.round(off, 2), "naive over σ_stat", np.round(naive, 3))
    assert sum(abs(pull) <= 2 for pull in off) >= 4, off
    assert max(naive) < 0.5, naive
