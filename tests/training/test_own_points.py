"""Own points in the plane: bins, map, score and sentences suit whatever numbers they have."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from workbench.data.catalogue import make_dataset
from workbench.data.events import Events
from workbench.data.scaling import Scaling
from workbench.families.generators.generated import histogram, observables_of, quality
from workbench.families.generators.job import GeneratorJob
from workbench.families.generators.product import GENERATOR
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.figures import FIGURES, csv_of

SMALL = {
    "events": 1_000, "test_events": 400, "steps": 30, "blocks": 2, "hidden": [8], "bins": 4, "batch_size": 128, "draws": 4,
    "warm_start": 0.3, "device": "cpu",
}  # fmt: skip


def points(name):
    r = np.random.default_rng(5)
    match name:
        case "GeV":
            return np.column_stack([91.2 + 1.25 * np.tan(r.uniform(-1.4, 1.4, 2_000)), 20 + r.exponential(40, 2_000)])
        case "tiny":
            return 1e-30 * r.random((2_000, 2))
        case "clusters":
            return r.choice([-5.0, 5.0], (2_000, 1)) + 0.2 * r.normal(size=(2_000, 2))
    return r.normal(size=(2_000, 2))


@pytest.fixture
def trained_on(tmp_path):
    def made(name, **options):
        path = tmp_path / "points.csv"
        np.savetxt(path, points(name), delimiter=",", header="x,y", comments="")
        job = GeneratorJob(GeneratorRecipe(**{**SMALL, "file": str(path), **options}))
        for _ in job.train():
            pass
        return job

    return made


@pytest.mark.parametrize("name", ["GeV", "normal", "tiny", "clusters"])
def test_own_points_have_full_figures_a_map_and_a_score(name, trained_on):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        job = trained_on(name, dataset="ring" if name == "clusters" else "wedge")
        prediction, snapshot = job.prediction("test"), job.snapshot()
        for observable in observables_of(prediction):
            h = histogram(prediction, observable)
            assert float(h["share"].sum()) >= 0.95 and h.attrs["below"] + h.attrs["above"] <= 0.05
            np.testing.assert_array_equal(snapshot[f"edges_{observable}"], prediction[f"edges_{observable}"])
        found = quality(prediction)
        assert np.isfinite([found.deviation, found.statistics, found.largest, found.log_loss]).all() and not found.reason
        assert found.statistics > 0.01 and "nan" not in GENERATOR.sentence(prediction)
        assert np.isfinite(prediction["map_mean"]).all() and float(prediction["map_mean"].max()) > 0
        cell = float(np.prod([np.diff(prediction[f"count_{axis}"])[0] for axis in "xy"]))
        assert 0.9 < float(prediction["map_counted"].astype(float).sum()) * cell <= 1 + 1e-6
        for figure in ("generated", "density_map", "uncertainty_map"):
            drawn = FIGURES[figure].as_dict(prediction)
            assert drawn["data"] and "nan" not in csv_of(drawn)
    names = [trace["name"] for trace in FIGURES["density_map"].as_dict(prediction)["data"]]
    assert names == ["learned p", "true p unknown: 2,000 events counted"]
    said = FIGURES["uncertainty_line"].as_dict(prediction)["layout"]["annotations"][0]["text"].replace("<br>", " ")
    assert said.startswith("The density of own points has no formula")


def test_events_without_density_are_told_and_not_averaged_into_nothing(tmp_path):
    inside = np.random.default_rng(5).random((2_000, 2))
    job = GeneratorJob(GeneratorRecipe(**{**SMALL, "edges": "known"}))
    job.events["test"] = type(job.events["test"])(np.concatenate([inside[:395], inside[:5] + 2]), "wedge")
    job.batches["test"] = job._batch(job.events["test"])
    prediction = job._look("test", 2, 400, size=8)
    assert float(prediction["without_density"]) == pytest.approx(5 / 400)
    assert GENERATOR.sentence(prediction).startswith("log loss infinite, as 1.2 % of the test events have p = 0")


def test_amplitudes_that_are_all_alike_or_far_from_one_are_refused_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    events = Events.from_dataset(make_dataset("gg_yyg", 200))
    same = np.full(200, 0.3) * (1 + 1e-16 * np.arange(200))
    with pytest.raises(ValueError, match="All 200 training amplitudes are equal"):
        Scaling.fit(events.momenta, same)
    noisy = Scaling.fit(events.momenta, events.amplitude)
    with pytest.raises(ValueError, match="All 200 training amplitudes are equal"):
        noisy.for_targets(events.momenta, same)
    for factor in (1e290, 1e-290):
        with pytest.raises(ValueError, match=r"200 of 200 amplitudes are beyond 1e-30 … 1e.30, .* multiply all by one factor"):
            Events(events.momenta, events.amplitude * factor)
    Events(events.momenta, np.where(np.arange(200) % 2, 1e-30, 1e30))
