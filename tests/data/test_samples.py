"""Events without amplitudes: by name, shipped, made, kept, split, the user's own."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import xarray

import workbench as wb
from workbench.data import cache, samples
from workbench.data.catalogue import list_cached, sample_for
from workbench.data.files import FileProblem, columns, load_sample
from workbench.data.samples import SAMPLES, Sample, make_sample
from workbench.physics import collisions
from workbench.physics.collisions import missing_packages, shipped
from workbench.physics.datasets.known import COLLISIONS, TOYS

with_pythia = pytest.mark.skipif(
    bool(missing_packages()), reason=f"{' and '.join(missing_packages())} not installed, so none are made here."
)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "data"


@pytest.fixture
def without_pythia(monkeypatch):
    monkeypatch.setattr(collisions, "missing_packages", lambda: ["pythia8mc", "fastjet"])


def recipe(dataset: str, **values) -> SimpleNamespace:
    return SimpleNamespace(
        **{"dataset": dataset, "file": "", "units": "auto", "jets": 0, "events": 900, "test_events": 300, "data_seed": 1} | values
    )


def points(dataset: xarray.Dataset) -> np.ndarray:
    return dataset["points" if "points" in dataset else "momenta"].values


def test_a_name_is_enough(home):
    for name in SAMPLES:
        dataset = wb.make_dataset(name)
        assert dataset.sizes["event"] == (100_000 if name in TOYS else COLLISIONS[name].shipped) and dataset.attrs["dataset"] == name
        assert json.loads(dataset.attrs["source"]) == {"dataset": name, "seed": 1} and dataset.attrs["title"]
        back = Sample.from_dataset(dataset)
        np.testing.assert_array_equal(back.points, points(dataset))
        few = wb.make_dataset(name, 50)
        np.testing.assert_array_equal(points(few), points(dataset)[:50])
    assert not home.exists()
    assert dataset["momenta"].attrs["units"] == "GeV" and "Pythia 8" in dataset.attrs["made_with"]
    assert wb.make_dataset("wedge", 10).attrs["entropy"] == TOYS["wedge"].entropy
    assert not np.array_equal(points(wb.make_dataset("ring", 20)), points(wb.make_dataset("ring", 20, 2)))


def test_one_number_of_jets_is_chosen_from_the_same_events():
    mixed = wb.make_dataset("z_jets", 20_000)
    assert list(mixed["particle"].values) == ["mu-", "mu+", "j1", "j2", "j3"]
    for jets in (1, 2, 3):
        chosen = wb.make_dataset("z_jets", 800, jets=jets)
        assert chosen.sizes["particle"] == 2 + jets and (chosen["jets"] == jets).all() and not np.isnan(points(chosen)).any()
        np.testing.assert_array_equal(points(chosen), points(mixed)[mixed["jets"].values == jets][:800, : 2 + jets])
    assert wb.make_dataset("z_jets", jets=3).sizes["event"] == 3_000


def test_datasets_are_written_and_read_as_they_are(tmp_path):
    for name, options in (("z_jets", {"jets": 2}), ("z_jets", {}), ("tt_partons", {}), ("ring", {})):
        dataset = wb.make_dataset(name, 400, **options)
        path = tmp_path / "made.h5"
        path.write_bytes(cache.encode(dataset))
        again = cache.read(path)
        assert again is not None and again.identical(dataset.assign_attrs(again.attrs))
        np.testing.assert_array_equal(load_sample(path, name).points, points(dataset))


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("wegde", {}, r"no process 'wegde'. Did you mean 'wedge'\? There are: gg_yyg, gg_yygg, wedge, kicker, ring, z_jets, tt_partons"),
        ("wedge", {"beams": "pp"}, "beams = 'pp' is not possible: wedge has no such option"),
        ("z_jets", {"jets": 4}, "jets = 4 is not possible: 1, 2 or 3 is needed"),
        ("ring", {"jets": 1}, "jets = 1 is not possible: ring has none to choose"),
        ("gg_yyg", {"jets": 1}, "jets = 1 is not possible: gg_yyg has none to choose"),
        ("kicker", {"events": 0}, "events = 0 is not possible"),
        ("z_jets", {"seed": -1}, "seed = -1 is not possible"),
    ],
)
def test_impossible_requests_get_a_sentence(name, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        wb.make_dataset(name, **options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"events": 20_001},
            r"20,001 events of z_jets with seed 1 .* pip install \"pythia8mc<8.318\" fastjet awkward; without, there are 20,000",
        ),
        (
            {"events": 3_001, "jets": 3},
            "3,001 events of z_jets with 3 jets with seed 1 are made with pythia8mc and fastjet, .* 3,000 events",
        ),
        ({"events": 10, "seed": 2}, "10 events of z_jets with seed 2 .* there are 20,000 events of seed 1"),
    ],
)
@pytest.mark.parametrize("keep", [True, False])
def test_more_than_the_shipped_events_needs_pythia(without_pythia, options, sentence, keep, home):
    assert wb.make_dataset("z_jets", 20_000).sizes["event"] == 20_000
    with pytest.raises(ValueError, match=sentence):
        wb.make_dataset("z_jets", cache=keep, **options)
    assert not list(home.glob("*.h5"))


@pytest.fixture
def quick(monkeypatch) -> list[tuple[int, ...]]:
    """Chunks of 100 from the shipped events instead of Pythia's; the numbers asked for, request by request."""
    asked: list[tuple[int, ...]] = []

    def produce(name, numbers, seed, done):
        asked.append(tuple(numbers))
        made = {number: np.full((100, 5, 4), float(number)) for number in numbers}
        done(100 * len(made))
        return made

    def momenta(self, chunk):
        number = int(chunk[0, 0, 0])
        return shipped("z_jets").momenta[100 * number : 100 * (number + 1)]

    monkeypatch.setattr(collisions, "produce", produce)
    monkeypatch.setattr(collisions, "missing_packages", lambda: [])
    monkeypatch.setattr(collisions, "provenance", lambda name: {"title": name})
    monkeypatch.setattr(samples.Source, "chunk", 100)
    monkeypatch.setattr(collisions.Collision, "momenta", momenta)
    shipped("z_jets")
    return asked


def test_only_what_is_lacking_is_made(quick, home):
    first = wb.make_dataset("z_jets", 150, 5)
    longer = wb.make_dataset("z_jets", 420, 5)
    assert quick == [(0, 1), (2, 3, 4)] and [cached.events for cached in list_cached()] == [500]
    np.testing.assert_array_equal(points(longer)[:150], points(first))
    assert points(wb.make_dataset("z_jets", 300, 5)).shape == (300, 5, 4) and len(quick) == 2
    three = wb.make_dataset("z_jets", 40, 5, jets=3)
    assert points(three).shape == (40, 5, 4) and sum(map(len, quick)) * 100 == list_cached()[0].events >= 40 / 0.06
    assert sorted(number for numbers in quick for number in numbers) == list(range(sum(map(len, quick))))
    np.testing.assert_array_equal(points(wb.make_dataset("z_jets", 40, 5, jets=3, cache=False)), points(three))


def test_work_that_is_stopped_leaves_nothing(quick, home):
    def stop(fraction: float, text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wb.make_dataset("z_jets", 200, 5, progress=stop)
    assert not list(home.glob("*.h5")) and not list(home.glob(".*.tmp"))
    assert wb.make_dataset("z_jets", 200, 5).sizes["event"] == 200


def test_progress_says_how_many_there_are(quick):
    heard: list[tuple[float, str]] = []
    make_sample("z_jets", 250, 5, cache=False, progress=lambda fraction, text: heard.append((fraction, text)))
    assert heard == [(1.0, "made 300 of 300 events")]


@with_pythia
def test_pythia_goes_on_where_the_shipped_sample_ends(home):
    texts: list[str] = []
    made = wb.make_dataset("tt_partons", 6_001, progress=lambda fraction, text: texts.append(text))
    assert made.sizes["event"] == 6_001 and texts[-1] == "made 10,000 of 10,000 events" and list_cached()[0].events == 10_000
    if made.attrs["made_with"] == wb.make_dataset("tt_partons", 1).attrs["made_with"]:
        np.testing.assert_allclose(points(made)[:6_000], points(wb.make_dataset("tt_partons", 6_000)), rtol=1e-6, atol=1e-5)


def test_splits_share_the_test_events_whatever_the_training_size(without_pythia):
    for name in ("wedge", "z_jets", "tt_partons"):
        small, large = (sample_for(recipe(name, events=events)) for events in (100, 3_000))
        np.testing.assert_array_equal(small.test.points, large.test.points)
        assert [len(part) for part in (large.test, large.validation, large.train)] == [300, 1_000, 3_000]
    two = sample_for(recipe("z_jets", jets=2))
    assert two.train.points.shape == (900, 4, 4) and two.train.dataset == "z_jets"


def test_too_many_events_for_what_is_shipped_is_said_with_what_would_fit(without_pythia):
    with pytest.raises(
        ValueError, match=r"z_jets has 3,000 events, but .* events=2000 and test_events=500 would fit, .*pip install .pythia8mc"
    ):
        sample_for(recipe("z_jets", jets=3, events=100_000, test_events=1_000))
    assert len(sample_for(recipe("z_jets", jets=3, events=2_000, test_events=500)).train) == 2_000


# The user's own


@pytest.fixture
def own(tmp_path):
    """Writes momenta or points as HDF5 or CSV."""

    def write(array: np.ndarray, kind: str = "csv", name: str = "") -> os.PathLike:
        path = tmp_path / f"mine.{kind}"
        if kind == "h5":
            with h5py.File(path, "w") as file:
                file[name or ("momenta" if array.ndim == 3 else "points")] = array
        else:
            legs = array.shape[1]
            header = ",".join(f"{c}{leg}" for leg in range(1, legs + 1) for c in ("E", "px", "py", "pz")) if array.ndim == 3 else "x,y"
            np.savetxt(path, array.reshape(len(array), -1), delimiter=",", header=name or header, comments="", fmt="%.17g")
        return path

    return write


@pytest.mark.parametrize("kind", ["csv", "h5"])
@pytest.mark.parametrize(("name", "jets"), [("ring", 0), ("tt_partons", 0), ("z_jets", 0), ("z_jets", 1), ("z_jets", 2), ("z_jets", 3)])
def test_own_events_are_read_as_they_are(own, kind, name, jets):
    array = points(wb.make_dataset(name, 300, **({"jets": jets} if jets else {})))
    loaded = load_sample(own(array, kind), name)
    np.testing.assert_array_equal(loaded.points, array)
    splits = sample_for(recipe(name, file=str(own(array, kind)), events=100, test_events=100))
    assert [len(part) for part in (splits.test, splits.validation, splits.train)] == [100, 100, 100]
    assert not np.array_equal(splits.test.points, array[:100], equal_nan=True)


def changed(array: np.ndarray, row: int, leg: int, value) -> np.ndarray:
    array = array.copy()
    array[row - 1, leg] = value(array[row - 1, leg]) if callable(value) else value
    return array


NAN = np.full(4, np.nan)
JETS3 = {"jets": 3}
PROBLEMS = {
    "number": ("z_jets", lambda p: changed(p, 4, 2, [np.nan, 1, 2, 3]), r"has E3 = nan in row 4; .* nan in all four of a jet"),
    "no jet": ("z_jets", lambda p: changed(p, 4, slice(2, 5), NAN), "has no jet in row 4; leave such events out"),
    "gap": ("z_jets", lambda p: changed(p, 9, 3, NAN), "has jet 3 but no jet 2 in row 9; begin with the hardest"),
    "muon": ("z_jets", lambda p: p[:, [2, 0, 1, 3, 4]], r"has mu- with E = .* in row 1; muons come first"),
    "order": ("z_jets", lambda p: p[:, [0, 1, 3, 2, 4]], "has jet 2 harder than jet 1 in row 1; order jets by p_T"),
    "soft": ("z_jets", lambda p: changed(p, 5, 4, lambda q: q / 4), r"has jet 3 with p_T = .* GeV in row 5; jets have more than 20 GeV"),
    "close": (
        "z_jets",
        lambda p: changed(p, 6, 3, p[5, 2] * 0.99),
        r"has jets 1 and 2 with ΔR = .* in row 6; jets are more than 0.4 apart",
    ),
    "massless": ("z_jets", lambda p: changed(p, 6, 2, [50.0, 50.0, 0.0, 0.0]), r"has jet 1 with E = 50 and .* jets need a mass"),
    "beam": ("z_jets", lambda p: changed(p, 3, 0, [50.0, 0.0, 0.0, 50.0]), "has mu- along the beam in row 3"),
    "MeV": ("z_jets", lambda p: p * 1_000, r"has M_μμ of .* GeV; are the momenta in MeV\?"),
    "TeV jets": ("z_jets", lambda p: p / 1_000, r"has M_μμ of .* GeV; are the momenta in TeV\?"),
    "TeV": (
        "tt_partons",
        lambda p: p / 1_000,
        r"has top masses of 0.173 GeV; are the momenta in TeV\? Say so with units = 'TeV'",
    ),
    "massive": (
        "tt_partons",
        lambda p: changed(p, 2, 0, lambda q: q * [1.1, 1, 1, 1]),
        r"has b with E = .* row 2; partons are massless here",
    ),
    "few": ("z_jets", lambda p: p[:50], "has 50 events; at least 210 are needed"),
    "infinite": ("ring", lambda p: changed(p, 7, 1, np.inf), "has y = inf in row 7; a number is needed"),
    "constant": ("ring", lambda p: p * [1, 0], "has the same y in all rows; there is no density to learn"),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_what_is_wrong_with_a_file_is_said_with_row_and_column(case, own):
    name, change, sentence = PROBLEMS[case]
    array = points(wb.make_dataset(name, 250, **(JETS3 if name == "z_jets" else {})))
    for kind in ("csv", "h5"):
        with pytest.raises(FileProblem, match=rf"mine\.{kind} {sentence}") as problem:
            load_sample(own(change(array), kind), name)
        assert "\n" not in str(problem.value) and len(str(problem.value)) < 400


def test_the_shape_of_a_file_is_checked(own):
    array = points(wb.make_dataset("z_jets", 250, jets=3))
    with pytest.raises(FileProblem, match=r"has momenta of the shape \(250, 2, 4\); \(event, 3, 4\) or .* or \(event, 5, 4\) is needed"):
        load_sample(own(array[:, :2], "h5"), "z_jets")
    with pytest.raises(FileProblem, match=r"has no dataset 'points' .*momenta|has no dataset 'points'"):
        load_sample(own(array, "h5"), "wedge")
    with pytest.raises(FileProblem, match="has no column 'px5'"):
        load_sample(own(array, "csv", ",".join(columns("z_jets")).replace("px5", "other")), "z_jets")
    path = own(array)
    path.write_text("\n".join(path.read_text().splitlines()[1:]))
    np.testing.assert_array_equal(load_sample(path, "z_jets").points, array)
    with pytest.raises(FileProblem, match="has 20 columns and no header; 24 are needed: E1, …, pz6"):
        load_sample(path, "tt_partons")
    with pytest.raises(ValueError, match=r"no dataset 'z_jest'. Did you mean 'z_jets'\?"):
        load_sample(path, "z_jest")


def test_samples_are_checked_at_birth():
    array = points(wb.make_dataset("z_jets", 20, jets=2))
    with pytest.raises(ValueError, match=r"have the shape \(event, 2\), not \(20, 4, 4\)"):
        Sample(array, "ring")
    with pytest.raises(ValueError, match="1 of 20 events are not finite, the first of them event 3; jets that are not there are NaN"):
        Sample(changed(array, 4, 2, NAN), "z_jets")
    with pytest.raises(ValueError, match="read-only"):
        Sample(array, "z_jets").points[0] = 0


def test_weights_stay_with_their_events_and_their_number_of_jets():
    momenta = shipped("z_jets").momenta[:200]
    weight = np.linspace(1, 3, 200)
    sample = Sample(momenta, "z_jets", weight)
    two = sample.with_jets(2)
    np.testing.assert_array_equal(two.weight, weight[sample.jets == 2])
    np.testing.assert_array_equal(sample[5:50].weight, weight[5:50])
    np.testing.assert_array_equal(Sample.from_dataset(two.to_dataset()).weight, two.weight)
    toy = Sample(np.zeros((3, 2)), "ring")
    assert toy.weight is None and "weight" not in toy.to_dataset() and Sample.from_dataset(toy.to_dataset()).weight is None
    with pytest.raises(ValueError, match=r"1 of 3 weights are not positive and finite, the first of them w = nan of event 2"):
        Sample(np.zeros((3, 2)), "ring", np.array([1, 2, np.nan]))
