"""New events: numbers of jets, magic weights and cuts, hit-or-miss, and the judge of a generator."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.data.catalogue import make_dataset
from workbench.data.samples import Sample
from workbench.families.generators.job import NUISANCES, GeneratorJob
from workbench.families.generators.judge import auc, weighted_histogram
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.families.generators.sampling import Shares, kept_share
from workbench.physics.collisions import jet_count
from workbench.physics.kinematics import delta_r, pt
from workbench.physics.observables import observables
from workbench.physics.weights import magic_weight

SMALL = {
    "dataset": "z_jets", "jets": 0, "events": 1_500, "test_events": 600, "steps": 24, "blocks": 2, "hidden": [8], "bins": 4,
    "batch_size": 128, "draws": 4, "warm_start": 0.3, "device": "cpu",
}  # fmt: skip
EVERYTHING = {"magic": True, "nuisance": True, "discflow_alpha": 0.4, "discflow_start": 0.25, "discriminator_steps": 20}


@pytest.fixture(scope="module")
def truth():
    return Sample.from_dataset(make_dataset("z_jets"))


@pytest.fixture(scope="module")
def job():
    made = GeneratorJob(GeneratorRecipe(**SMALL, **EVERYTHING))
    for _ in made.train():
        pass
    return made


def test_shares_are_those_of_the_sample_and_move_with_the_nuisance(truth):
    shares = Shares.of(truth)
    np.testing.assert_allclose(shares.jets, [(truth.jets == n).mean() for n in (1, 2, 3)])
    for a in (0.0, 7.0, 30.0):
        weight = 1 + a * ((pt(truth.points[:, 2]) - 15) / 100) ** 2
        np.testing.assert_allclose(shares.at(a), [weight[truth.jets == n].sum() / weight.sum() for n in (1, 2, 3)])
    assert shares.at(30.0)[0] < shares.at(0.0)[0]


def test_inverse_weights_bring_back_the_truth_and_drop_what_the_cuts_forbid(job, truth):
    """Events that were kept with probability w, as a perfect network draws them, have the truth's ΔR again with the sampler's weights."""
    numbers = np.random.default_rng(3)
    w = magic_weight(truth.points)
    classes = [np.flatnonzero(truth.jets == n) for n in (2, 3)]
    drawn = truth.points[np.concatenate([numbers.choice(own, 20_000, p=w[own] / w[own].sum()) for own in classes])]
    weight = job.sampler._weight(drawn, job.sampler._too_near(drawn))
    count, edges = jet_count(drawn), np.array([0.4, 0.6, 1.0, 1.5, 3.0])
    for n in (2, 3):
        own, exact = drawn[count == n], truth.points[truth.jets == n]
        found, error = weighted_histogram(delta_r(own[:, 2], own[:, 3]), edges, weight[count == n])
        plain, _ = weighted_histogram(delta_r(own[:, 2], own[:, 3]), edges, np.ones(len(own)))
        wanted = np.histogram(delta_r(exact[:, 2], exact[:, 3]), edges)[0] / len(exact) / np.diff(edges)
        assert np.all(np.abs(found - wanted) < 5 * error) and plain[0] < 0.6 * wanted[0]
        assert weight[count == n].mean() == pytest.approx(1.0)
    spoiled = drawn[:2].copy()
    spoiled[0, 3] = spoiled[0, 2]
    spoiled[1, 2, 1:3] *= 10.0 / pt(spoiled[1, 2])
    assert not job.sampler._weight(spoiled, job.sampler._too_near(spoiled)).any()


def test_drawn_jets_follow_the_shares_and_new_events_pass_the_cuts(job):
    assert np.bincount(job.sampler.jets(50_000, np.random.default_rng(1)))[1:] / 50_000 == pytest.approx(job.sampler.shares.jets, abs=0.01)
    new = np.concatenate(list(job.sampler.new_events(job.method.central()[0][:1], 700, 4, 10.0, portion=500)))
    assert new.shape == (700, 5, 4) and (jet_count(new) > 0).all()
    assert magic_weight(new).min() > 0 and not job.sampler._too_near(new).any() and np.nanmin(pt(new[:, 2:])) > 20
    assert not (np.diff(pt(new[:, 2:])) > 0).any()
    again = np.concatenate(list(job.sampler.new_events(job.method.central()[0][:1], 700, 4, 10.0, portion=500)))
    np.testing.assert_array_equal(new, again)


def test_hit_or_miss_keeps_mean_over_largest():
    assert kept_share(np.array([1.0, 3.0, 2.0, 2.0]), np.array([1, 1, 2, 2])) == pytest.approx((4 / 3 + 2) / 4)


def test_a_prediction_holds_what_it_promises(job):
    snapshot, found = job.snapshot(), job.prediction("test")
    assert list(found["nuisance"].values) == list(NUISANCES)
    for name, observable in observables("z_jets").items():
        bins = len(observable.bins) - 1
        assert found[f"nuisance_density_{name}"].shape == (5, 4, bins) and found[f"drawn_error_{name}"].shape == (4, bins)
        for kind in ("central", "central_error", "reweighted", "reweighted_error", "weight_mean"):
            assert found[f"{kind}_{name}"].shape == (bins,)
        np.testing.assert_allclose(found[f"nuisance_truth_{name}"][0], found[f"truth_{name}"], rtol=1e-6)
    for dataset in (snapshot, found):
        for kind in ("weight", "log_weight"):
            width = np.diff(dataset[f"{kind}_edges"])
            for of in ("truth", "generated"):
                assert 0.1 < float((dataset[f"{kind}_{of}"] * width).sum()) < 1.001
    assert 0.5 < float(found["auc"]) < 1 and float(found["alpha"]) == 0.4 and 0 < float(found["kept"]) < 1
    assert 0 <= float(found["below_cut"]) < 0.2 and np.isfinite(found["log_loss"])


def test_options_that_do_not_go_together_get_a_sentence():
    for option in ("magic", "nuisance"):
        with pytest.raises(ValueError, match=f"{option} = true is about the jets of z_jets, and the dataset is ring"):
            GeneratorJob(GeneratorRecipe(dataset="ring", **{option: True}))


def test_area_under_the_curve_of_known_numbers():
    assert auc(np.array([1.0, 2.0]), np.array([0.0, 1.0]), np.array([1.0, 3.0])) == pytest.approx((0.75 + 3 * 1.0) / 4)
    assert auc(np.zeros(3), np.zeros(5), np.ones(3)) == 0.5


def test_weighted_histograms_have_errors_of_summed_squares():
    density, error = weighted_histogram(np.array([0.5, 0.6, 1.5, np.nan]), np.array([0.0, 1.0, 3.0]), np.array([1.0, 2.0, 4.0, 1.0]))
    np.testing.assert_allclose(density, [3 / 8, 4 / 8 / 2])
    np.testing.assert_allclose(error, [np.sqrt(5) / 8, 4 / 8 / 2])
