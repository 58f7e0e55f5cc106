"""Generated events: the same for the same request, made once, whole on disk or absent."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import textwrap

import h5py
import numpy as np
import pytest
import xarray

from workbench.data import cache
from workbench.data.catalogue import events_for, list_cached, make_dataset, remove_cached
from workbench.data.generation import Source
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.physics.amplitudes import gg_yygg, squared_amplitude
from workbench.physics.observables import observables
from workbench.physics.phase_space import CUTS, peak, peaked_events


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    return tmp_path / "data"


@pytest.fixture
def made(monkeypatch) -> list[int]:
    """The numbers of the chunks that were made."""
    numbers: list[int] = []
    chunk = Source.chunk
    monkeypatch.setattr(Source, "chunk", lambda source, number: numbers.append(number) or chunk(source, number))
    return numbers


def equal(first: xarray.Dataset, second: xarray.Dataset) -> bool:
    return bool((first.momenta.values == second.momenta.values).all() and (first.amplitude.values == second.amplitude.values).all())


def test_events_have_the_exact_amplitudes_of_their_momenta():
    dataset = make_dataset(events=300)
    assert dataset.sizes["event"] == 300 and CUTS.passed(dataset.momenta.values).all()
    np.testing.assert_allclose(dataset.amplitude, squared_amplitude("gg_yyg", dataset.momenta.values), rtol=1e-12)


@pytest.mark.parametrize("options", [{}, {"beams": "pp"}, {"sampling": "unweighted"}], ids=["flat", "protons", "unweighted"])
def test_a_larger_request_begins_with_the_same_events(options, made):
    small, large = 300, Source(**options).chunk_size + 40
    first = make_dataset(events=small, cache=False, **options)
    second = make_dataset(events=large, cache=False, **options)
    assert equal(first, second.isel(event=slice(small))) and sorted(made) == [0, 0, 1]
    assert not equal(first, make_dataset(events=small, seed=2, cache=False, **options))
    assert len(np.unique(second.amplitude)) == large


def test_unweighted_events_are_distributed_as_the_cross_section():
    source = Source(sampling="unweighted")
    dataset = make_dataset(events=1_024, sampling="unweighted", cache=False)
    momenta = np.concatenate([peaked_events(20_000, np.random.default_rng(n)) for n in range(3)])
    weight = squared_amplitude("gg_yyg", momenta) / peak(momenta)
    assert weight.max() < 1.2 * source.largest_weight and dataset.attrs["excess"] < 1e-3
    for name in ("jet_pt", "photon1_pt", "diphoton_mass", "jet_eta", "photon_distance"):
        expected, found = (observables("gg_yyg")[name].values(p) for p in (momenta, dataset.momenta.values))
        order = np.argsort(expected)
        edges = np.interp(np.linspace(0, 1, 9)[1:-1], weight[order].cumsum() / weight.sum(), expected[order])
        counts = np.histogram(found, [-np.inf, *edges, np.inf])[0]
        assert ((counts - 128) ** 2 / 128).sum() < 36  # χ² of eight bins: by chance once in 10⁵


def test_second_request_comes_from_the_disk(made):
    first = make_dataset(events=9_000)
    chunks = len(made)
    assert equal(first, make_dataset(events=9_000)) and len(made) == chunks
    assert equal(make_dataset(events=50), first.isel(event=slice(50))) and len(made) == chunks


def test_a_dataset_on_disk_is_extended_by_what_it_lacks(made):
    make_dataset(events=100)
    longer = make_dataset(events=5_000)
    assert sorted(made) == [0, 1]
    assert equal(longer, make_dataset(events=5_000, cache=False))


def test_files_are_read_by_xarray_and_h5py(home):
    dataset = make_dataset(events=100, seed=7)
    [path] = home.glob("*.h5")
    with xarray.open_dataset(path, engine="h5netcdf") as found:
        assert equal(found.isel(event=slice(100)), dataset) and found.amplitude.attrs["units"] == "GeV^-2"
        assert '"seed": 7' in found.attrs["source"]
    with h5py.File(path) as file:
        assert file["momenta"].shape == (4_096, 5, 4)
    assert [(cached.name, cached.events) for cached in list_cached()] == [(path.stem, 4_096)]


DAMAGE = {
    "cut": lambda data: data[: len(data) // 2],
    "one byte changed": lambda data: data[:200_000] + bytes([data[200_000] ^ 1]) + data[200_001:],
    "empty": lambda data: b"",
    "something else": lambda data: b"hello" * 100,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_file_is_made_anew(damage, home, made):
    dataset = make_dataset(events=100)
    [path] = home.glob("*.h5")
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    assert list_cached()[0].events is None
    assert equal(make_dataset(events=100), dataset) and made == [0, 0]
    assert list_cached()[0].events == 4_096


SCRIPT = """
from workbench.data.catalogue import make_dataset
texts = []
dataset = make_dataset(events=20_000, progress=lambda fraction, text: texts.append(text))
print("made" if any("made" in text for text in texts) else "read", float(dataset.amplitude.sum()))
"""


def test_two_processes_that_ask_at_once_make_events_once(home):
    command = [sys.executable, "-c", SCRIPT]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = sorted(process.communicate(timeout=120)[0].split() for process in both)
    assert [answer[0] for answer in answers] == ["made", "read"]
    assert answers[0][1] == answers[1][1]


def test_a_killed_maker_leaves_nothing_in_the_way(home):
    script = textwrap.dedent("""
        import os, signal
        from pathlib import Path
        from workbench.data import cache
        from workbench.data.catalogue import make_dataset
        os.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)
        make_dataset(events=100)
    """)
    assert subprocess.run([sys.executable, "-c", script], timeout=120).returncode == -9
    assert list(home.glob(".*.tmp")) and not list(home.glob("*.h5"))
    make_dataset(events=100)
    assert not list(home.glob(".*.tmp")) and len(list(home.glob("*.h5"))) == 1


def test_full_disk_is_said_before_anything_is_made(home, made, monkeypatch):
    usage = shutil.disk_usage(home.parent)._replace(free=1_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match=r"gg_yyg.*\.h5: the disk is full; 1,000 bytes are free") as problem:
        make_dataset(events=100)
    assert problem.value.errno == errno.ENOSPC and str(home) in str(problem.value) and not made
    assert not list(home.glob("*.h5")) and not list(home.glob(".*.tmp"))


def test_disk_that_fills_up_while_writing_leaves_nothing(home, monkeypatch):
    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="the disk is full"):
        make_dataset(events=100)
    assert not list(home.glob("*.h5")) and not list(home.glob(".*.tmp"))


def test_folder_that_cannot_be_made_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "file"))
    with pytest.raises(OSError, match=r"cannot be kept in .*file.*Set WORKBENCH_HOME"):
        make_dataset(events=100)
    assert len(make_dataset(events=100, cache=False).event) == 100


def test_progress_rises_to_one_and_may_stop_the_work(home):
    fractions = []
    make_dataset(events=10_000, cache=False, progress=lambda fraction, text: fractions.append(fraction))
    assert fractions == sorted(fractions) and fractions[-1] == 1

    def stop(fraction: float, text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_dataset(events=10_000, progress=stop)
    assert not list(home.glob("*.h5"))
    make_dataset(events=100)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"process": "gg_yyy"}, r"no process 'gg_yyy'. Did you mean 'gg_yyg'\?"),
        ({"events": 0}, "events = 0 is not possible: a whole number from 1 to 10,000,000 is needed"),
        ({"events": 1e5}, "events = 100000.0 is not possible"),
        ({"seed": -1}, "seed = -1 is not possible"),
        ({"beams": "ppp"}, r"beams = 'ppp' is not possible: one of fixed, pp is needed. Did you mean 'pp'\?"),
        ({"sampling": "unwieghted"}, "Did you mean 'unweighted'"),
        ({"sqrt_s": 90.0}, "sqrt_s = 90.0 is not possible: an energy from 200 to 14,000 GeV is needed"),
        ({"sqrt_s": float("nan")}, "sqrt_s = nan is not possible"),
    ],
)
def test_impossible_requests_get_a_sentence(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        make_dataset(**{"events": 10, **options})


def test_datasets_are_removed_by_name(home):
    make_dataset(events=10)
    make_dataset(events=10, seed=2)
    name = list_cached()[0].name
    with pytest.raises(ValueError, match=f"Did you mean '{name}'"):
        remove_cached(name[:-1])
    assert remove_cached(name) > 600_000 and len(list_cached()) == 1
    remove_cached("all")
    assert not list_cached() and not list(home.iterdir())


def test_test_events_are_the_same_for_every_training_size():
    small, large = (events_for(AmplitudeRecipe(events=events, test_events=500)) for events in (100, 12_000))
    np.testing.assert_array_equal(small.test.amplitude, large.test.amplitude)
    assert [len(part) for part in (small.test, small.validation, small.train)] == [500, 1_000, 100]
    assert [len(part) for part in (large.test, large.validation, large.train)] == [500, 1_200, 12_000]
    together = np.concatenate([part.amplitude for part in (large.test, large.validation, large.train)])
    assert len(np.unique(together)) == 13_700


def test_events_of_the_users_file_are_split_in_a_random_order(tmp_path):
    dataset = make_dataset(events=2_000)
    path = tmp_path / "mine.h5"
    path.write_bytes(cache.encode(dataset.sortby("amplitude")))
    first = events_for(AmplitudeRecipe(file=str(path), events=1_000, test_events=400))
    assert [len(part) for part in (first.test, first.validation, first.train)] == [400, 600, 1_000]
    assert 0.7 < np.median(first.test.amplitude) / np.median(dataset.amplitude) < 1.4
    other = events_for(AmplitudeRecipe(file=str(path), events=1_000, test_events=400, data_seed=5))
    assert not np.array_equal(first.test.amplitude, other.test.amplitude)


def test_a_file_too_small_for_the_recipe_is_said_with_what_would_fit(tmp_path):
    path = tmp_path / "mine.h5"
    path.write_bytes(cache.encode(make_dataset(events=2_000)))
    with pytest.raises(
        ValueError,
        match=r"mine.h5 has 2,000 events, but 9,000 for training, 900 for validation and 10,000 for the test"
        r" are asked for; events=(\d+) and test_events=(\d+) would fit",
    ) as problem:
        events_for(AmplitudeRecipe(file=str(path)))
    events, test_events = (int(word.split("=")[1]) for word in str(problem.value).split() if "events=" in word)
    assert len(events_for(AmplitudeRecipe(file=str(path), events=events, test_events=test_events)).train) == events


def test_shipped_points_come_in_an_order_of_their_own_at_the_energy_asked_for(home):
    dataset = make_dataset("gg_yygg")
    points = gg_yygg.shipped()
    assert dataset.sizes["event"] == 600 and dataset.amplitude.attrs["units"] == "GeV^-4" and "COLLIER" in dataset.attrs["points_source"]
    assert not home.exists()
    np.testing.assert_allclose(np.sort(dataset.amplitude * (dataset.sqrt_s / 1000) ** -4), np.sort(points.amplitude))
    assert equal(make_dataset("gg_yygg", events=50), dataset.isel(event=slice(50)))
    assert not equal(make_dataset("gg_yygg", events=50, seed=2), dataset.isel(event=slice(50)))
    doubled = make_dataset("gg_yygg", sqrt_s=2000.0)
    np.testing.assert_allclose(doubled.momenta, 2 * dataset.momenta)
    np.testing.assert_allclose(doubled.amplitude, dataset.amplitude / 16)


def test_shipped_points_are_split_without_overlap_the_same_way_for_every_training_size():
    recipe = AmplitudeRecipe(process="gg_yygg", events=400, test_events=100)
    splits = [events_for(recipe), events_for(recipe.replace(events=100)), events_for(recipe), events_for(recipe.replace(data_seed=2))]
    assert [[len(part) for part in (s.test, s.validation, s.train)] for s in splits[:2]] == [[100, 100, 400], [100, 400, 100]]
    parts = (splits[0].test, splits[0].validation, splits[0].train)
    assert len(np.unique(np.concatenate([part.amplitude for part in parts]))) == 600
    np.testing.assert_array_equal(splits[0].test.momenta, splits[1].test.momenta)
    np.testing.assert_array_equal(splits[0].train.momenta, splits[2].train.momenta)
    assert 60 < len(np.setdiff1d(splits[3].test.amplitude, splits[0].test.amplitude)) < 100
