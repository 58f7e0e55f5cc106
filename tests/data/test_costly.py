"""Events of gg → γγgg, made by processes: the same for the same request, with errors, a time said before, and parts that are kept."""

from __future__ import annotations

import re

import numpy as np
import psutil
import pytest
from children import children_running

from workbench.data import costly
from workbench.data.catalogue import events_for, list_cached, make_dataset
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.physics.amplitudes import squared_amplitude
from workbench.physics.phase_space import CUTS
from workbench.physics.two_jets import peak


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A folder of its own, and small chunks: workers are told their size."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    monkeypatch.setattr(costly, "CHUNK", {"flat": 160, "unweighted": 40})
    monkeypatch.setattr(costly, "SCAN_CHUNKS", 2)
    monkeypatch.setattr(costly, "SCAN_POINTS", 250)
    return tmp_path / "data"


def makers() -> list[psutil.Process]:
    return children_running("workbench.data.costly")


def asked(**changes) -> costly.Costly:
    return costly.Costly(**{"beams": "fixed", "sampling": "flat", "sqrt_s": 1000.0, "seed": 1, "size": 40, **changes})


def test_more_than_the_shipped_points_are_made_with_their_errors_and_the_time_is_said_before(home):
    heard: list[tuple[float, str]] = []
    dataset = make_dataset("gg_yygg", events=610, progress=lambda *word: heard.append(word))
    assert dataset.sizes["event"] == 610 and CUTS.passed(dataset.momenta.values).all() and not makers()
    assert (dataset.error < costly.WORST).all() and (dataset.error > 0).all() and len(np.unique(dataset.amplitude)) == 610
    some = dataset.isel(event=slice(590, 610))
    np.testing.assert_allclose(squared_amplitude("gg_yygg", some.momenta.values), some.amplitude, rtol=1e-7)
    assert dataset.attrs["dropped"] == 0 and dataset.attrs["tried"] == 640
    assert re.fullmatch(r"640 events take about [\d.]+ (s|min|h)", heard[0][1]) and heard[0][0] == 0
    assert [fraction for fraction, _ in heard] == sorted(fraction for fraction, _ in heard) and heard[-1][0] == 1
    assert heard[-1][1] == "made 640 of 640 events"
    assert [(cached.name, cached.events) for cached in list_cached()] == [("gg_yygg-fixed-flat-1000GeV-seed1-v1", 640)]
    longer = make_dataset("gg_yygg", events=700)
    np.testing.assert_array_equal(longer.momenta[:610], dataset.momenta)
    np.testing.assert_array_equal(longer.amplitude[:610], dataset.amplitude)
    assert longer.attrs["tried"] == 800


def test_a_chunk_does_not_depend_on_who_makes_it():
    one = asked(beams="pp")
    [alone] = costly.produce(one, "chunk", range(1, 2), lambda events: None)
    _, second = costly.produce(one, "chunk", range(2), lambda events: None)
    np.testing.assert_array_equal(second.values, alone.values)
    np.testing.assert_array_equal(one.chunk(1, lambda events: None).values, alone.values)
    assert CUTS.passed(alone.values[:, :24].reshape(-1, 6, 4)).all()


def test_points_with_large_errors_are_left_out_and_counted(monkeypatch):
    every = asked().chunk(0, lambda events: None)
    middle = float(np.median(every.values[:, -1]))
    monkeypatch.setattr(costly, "WORST", middle)
    chosen = asked().chunk(0, lambda events: None)
    assert len(chosen.values) == 40 and (chosen.values[:, -1] <= middle).all()
    assert chosen.notes["tried"] == 40 + chosen.notes["dropped"] and chosen.notes["dropped"] >= 20
    np.testing.assert_array_equal(chosen.values[:20], every.values[every.values[:, -1] <= middle][:20])


def test_unweighted_events_are_made_against_the_largest_weight_of_a_scan():
    heard: list[str] = []
    dataset = make_dataset("gg_yygg", events=30, sampling="unweighted", progress=lambda fraction, text: heard.append(text))
    largest = dataset.attrs["largest_weight"]
    scanned = np.concatenate([asked(size=250).scan(number, lambda events: None).values for number in range(2)])
    assert largest == pytest.approx(costly.SAFETY * scanned.max(), rel=1e-12)
    assert "looking for the largest weight" in heard[0] and any("of which one in " in text for text in heard)
    ratio = dataset.amplitude.values / peak(dataset.momenta.values)
    assert 0 <= dataset.attrs["excess"] < 0.2 and dataset.attrs["tried"] >= costly.AT_ONCE
    assert ratio.mean() > 1.5 * scanned.mean()  # ⟨w²⟩/⟨w⟩ of what was thinned


def test_what_was_made_before_a_stop_is_kept_and_makers_end(monkeypatch):
    monkeypatch.setattr(costly, "PART", 1)
    monkeypatch.setattr(costly.workers, "cores", lambda: 1)

    def stop(fraction: float, text: str) -> None:
        if fraction > 0.5:  # of the second part all is made, and not yet kept
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_dataset("gg_yygg", events=320, beams="pp", progress=stop)
    [kept] = list_cached()
    assert kept.events == 160 and not makers()
    whole = make_dataset("gg_yygg", events=320, beams="pp")
    assert whole.sizes["event"] == 320 and len(np.unique(whole.amplitude)) == 320


@pytest.mark.slow
@pytest.mark.parametrize("sampling", ["flat", "mixed"])
def test_a_recipe_gets_as_many_as_it_asks_for(sampling):
    splits = events_for(AmplitudeRecipe(process="gg_yygg", events=100, test_events=100, beams="pp", sampling=sampling))
    assert [len(part) for part in (splits.test, splits.validation, splits.train)] == [100, 1_000, 100]
    assert len(np.unique(splits.events.amplitude)) == 1_200 and CUTS.passed(splits.events.momenta).all()
