"""Events that cannot be what they should be are named with row and column, and what to do."""

from __future__ import annotations

import decimal

import awkward
import h5py
import numpy as np
import pyarrow
import pytest
import uproot
from own import at, moved, of_file, problem, refused
from pyarrow import parquet

import workbench as wb
from workbench.data.files import FileNote, count_events, load_file, load_sample
from workbench.data.reader.kinds import repetition


def test_that_events_are_weighted_is_said(events, tmp_path):
    notes: list[str] = []
    of_file(wb.save_events(tmp_path / "a.npz", events.momenta, events.amplitude, weight=np.linspace(1, 2, 300)), notes=notes)
    assert notes == ["a.npz has weights, by which its events count."]


def test_weights_of_another_group_are_used_unless_it_has_events_of_its_own(events, hdf5):
    weight = np.linspace(1, 2, 300)

    def fill(file):
        file["a/momenta"], file["a/amplitude"], file["meta/weight"] = events.momenta, events.amplitude, weight

    assert np.array_equal(of_file(hdf5(fill))["weight"], weight)

    def fill_two(file):
        file["momenta"], file["amplitude"] = events.momenta, events.amplitude
        file["test/momenta"], file["test/weight"] = events.momenta[:7], weight[:7]

    assert "weight" not in of_file(hdf5(fill_two))


def test_weights_of_any_type_are_used_or_refused_and_never_overlooked(tmp_path):
    points, weight = np.random.default_rng(4).normal(size=(300, 2)), np.linspace(1, 2, 300).round(3)
    columns = {"x": points[:, 0], "y": points[:, 1]}
    exact = [decimal.Decimal(f"{value:.3f}") for value in weight]
    for kind in (exact, [[value] for value in weight]):
        parquet.write_table(pyarrow.table(columns | {"weight": kind}), tmp_path / "a.parquet")
        np.testing.assert_allclose(of_file(tmp_path / "a.parquet", "ring")["weight"], weight, rtol=1e-15)
    for kind, sentence in (
        (list(map(str, weight)), "has 'weight' of the type"),
        ([[1.0, 2.0]] * 300, "has 300 events but weight of the shape (300, 2)"),
        ([[1.0]] * 299 + [[]], "has lists of different lengths in 'weight'"),
    ):
        parquet.write_table(pyarrow.table(columns | {"weight": kind}), tmp_path / "a.parquet")
        assert sentence in refused(tmp_path / "a.parquet", "ring")
    with uproot.recreate(tmp_path / "a.root") as file:
        file["t"] = columns | {"weights": awkward.Array([[1.0, 2.0]] * 300)}
    assert "has 300 events but weights of the shape (300, 2)" in refused(tmp_path / "a.root", "ring")
    rows = np.zeros(300, dtype=[("points", "f8", (2,)), ("weight", "S4")])
    rows["points"] = points
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["t"] = rows
    assert "has 't' of the type |S4; numbers are needed" in refused(tmp_path / "a.h5", "ring")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: at(t, 17, 20, np.nan), "mine.csv has amplitude = nan in row 17; amplitudes must be positive"),
        (lambda t: at(t, 17, 20, np.inf), "has amplitude = inf in row 17"),
        (lambda t: at(t, 17, 20, 0), "has amplitude = 0 in row 17"),
        (lambda t: at(at(t, 17, 20, -1e-9), 18, 20, -2), "has amplitude = -1e-09 in row 17; amplitudes must be positive"),
        (lambda t: at(at(t, 17, 20, -1e-9), 18, 20, -2), "since their logarithm is learned (2 of 300 rows are so)"),
        (lambda t: np.column_stack([t[:, :20], 1e290 * t[:, 20]]), "so multiply all by one factor (300 of 300 rows are so)"),
        (lambda t: at(t, 9, 20, 1e-31), "has amplitude = 1e-31 in row 9; from 1e-30 to 1e+30 they have error bars that are numbers"),
        (lambda t: at(t, 3, 13, np.nan), "has px4 = nan in row 3; a number is needed"),
        (lambda t: at(t, 300, 0, -np.inf), "has E1 = -inf in row 300"),
        (lambda t: at(t, 5, 0, -t[4, 0]), "in row 5; all energies are positive, those of incoming particles too"),
        (lambda t: moved(t, E3=50), "has particle 3 (y1) with E ="),
        (lambda t: moved(t, px1=30, E1=1), "has the incoming particle 1 (g1) not along the beam, the z axis, in row 5"),
        (lambda t: moved(t, pz1=5, E1=5), "does not conserve momentum in row 5: E of incoming and outgoing particles differ by 5 GeV"),
        (lambda t: t[:, [1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12, 17, 18, 19, 16, 20]], "has E1 = 0 in row 1"),
        (lambda t: np.column_stack([t[:, :20] * 1e3, t[:, 20]]), "has collisions of √ŝ = 1e+06 GeV; are the momenta in MeV?"),
        (lambda t: np.column_stack([t[:, :20] / 1e4, t[:, 20]]), "has collisions of √ŝ = 0.1 GeV; are the momenta in TeV?"),
        (lambda t: t[:1], "has 1 event; at least 210 are needed"),
        (lambda t: t[:100], "has 100 events; at least 210 are needed"),
        (lambda t: t[:0], "has no events"),
    ],
)  # fmt: skip
def test_r13_numbers_that_cannot_be_right_are_named_with_row_and_column(change, sentence, table, write):
    assert sentence in problem(write(change(table)))


@pytest.fixture(scope="module")
def jets() -> np.ndarray:
    """Z with one to three jets, NaN where there is none."""
    return wb.make_dataset("z_jets", 300)["momenta"].values


@pytest.mark.parametrize("padding", [0.0, -999.0, -1.0, -99.0])
def test_jets_that_are_padded_are_not_there(padding, jets, tmp_path):
    padded = np.where(np.isnan(jets), padding, jets)
    for name in ("a.npz", "a.csv"):
        found = of_file(wb.save_events(tmp_path / name, padded), "z_jets")
        np.testing.assert_array_equal(found["momenta"], jets)
    without = np.where(np.arange(5)[:, None] > 1, padding, padded)
    assert "has no jet in row 1; leave such events out" in refused(wb.save_events(tmp_path / "b.h5", without), "z_jets")


@pytest.mark.parametrize(("factor", "unit"), [(1e3, "MeV"), (1e-3, "TeV"), (1e6, "MeV")])
def test_the_unit_is_asked_for_before_masses_are_judged_in_it(factor, unit, jets, tmp_path):
    path = wb.save_events(tmp_path / "a.npz", jets * factor)
    assert f"are the momenta in {unit}? Say so with units = {unit!r}" in refused(path, "z_jets")
    if factor < 1e6:
        np.testing.assert_allclose(load_sample(path, "z_jets", units=unit).points, jets, rtol=1e-14)


@pytest.mark.parametrize(("scale", "unit"), [(1e-3, "TeV"), (13e-3, "TeV"), (1e2, "MeV"), (1e3, "MeV")])
def test_hints_about_units_point_the_right_way(scale, unit, table, write):
    """Events of √ŝ = 1 TeV, as files in TeV or MeV give them; 13 TeV in TeV, and 100 GeV in MeV."""
    assert f"are the momenta in {unit}?" in refused(write(np.column_stack([table[:, :20] * scale, table[:, 20]])))


def test_units_may_still_be_said_after_a_file_was_sent(table, write):
    sent = count_events(write(np.column_stack([table[:, :20] / 1e3, table[:, 20] * 1e6])), "gg_yyg", "mine.csv")
    assert sent.events == 300 and sent.notes[0].startswith("mine.csv has collisions of √ŝ = 1 GeV; are the momenta in TeV?")


def test_weights_are_read_wherever_they_are(events, tmp_path):
    weight = np.random.default_rng(3).uniform(0.5, 2.0, 300)
    for end in ("h5", "npz", "csv", "csv.gz", "parquet"):
        loaded = load_file(wb.save_events(tmp_path / f"a.{end}", events.momenta, events.amplitude, weight=weight))
        assert np.array_equal(loaded.weight, weight)
    points = np.random.default_rng(4).normal(size=(300, 2))
    for name in ("weight", "Weights", "WGT", "w", "event_weight", "w_nominal", "genWeight", "weight_mc", "xsec_weight", "EventWeight [pb]"):
        np.savetxt(tmp_path / "p.csv", np.column_stack([points, weight]), delimiter=",", header=f"x,y,{name}", comments="", fmt="%.17g")
        assert np.array_equal(of_file(tmp_path / "p.csv", "ring")["weight"], weight)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda w: np.where(w < 0.7, -w, w), "are not positive), which a loss cannot use"),
        (lambda w: np.where(w < 0.7, -w, w), "leave out events of weight 0, and cancel negative ones first by resampling"),
        (lambda w: np.where(np.arange(300) == 7, np.nan, w), "has the weight nan in row 8 (1 of 300"),
        (lambda w: np.where(np.arange(300) == 7, 0, w), "has the weight 0 in row 8"),
        (lambda w: w[:7], "has 300 events but weight of the shape (7,); (300,) is needed"),
    ],
)
def test_weights_that_no_density_can_have_are_refused(change, sentence, tmp_path):
    rng = np.random.default_rng(3)
    np.savez(tmp_path / "a.npz", points=rng.normal(size=(300, 2)), weight=change(rng.uniform(0.5, 2.0, 300)))
    assert sentence in refused(tmp_path / "a.npz", "ring")


def test_weights_that_are_all_equal_are_none(tmp_path):
    points = np.random.default_rng(3).normal(size=(300, 2))
    assert list(of_file(wb.save_events(tmp_path / "a.h5", points=points, weight=np.full(300, 0.3)), "ring")) == ["points"]


def test_events_that_are_there_twice_are_refused_and_points_are_told_to_be(events, tmp_path):
    """Test and training would share them. Rounded points repeat by chance, so they are no reason to refuse a file."""
    twice = np.concatenate([np.arange(150), np.arange(149, -1, -1)])
    said = problem(wb.save_events(tmp_path / "a.h5", events.momenta[twice], events.amplitude[twice]))
    assert "has the same event in rows 150 and 151 (150 of 300 rows repeat others), so that test and training would share events" in said
    points = np.random.default_rng(1).normal(size=(150, 2))[twice]
    with pytest.warns(FileNote, match="has the same point in rows 150 and 151"):
        assert np.array_equal(load_sample(wb.save_events(tmp_path / "b.h5", points=points), "ring").points, points)


def test_repetitions_are_found_and_no_others():
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(20_000, 20))
    assert repetition(rows) is None and repetition(np.round(rows, 3)) is None
    rows[[7, 19_000]], rows[[3, 11, 12]] = rows[100], rows[200]
    first, second, count = repetition(rows)
    assert (first, second) == (3, 11) and count == 5
    small = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5], [1.0, 0.0]])
    assert repetition(small) == (1, 3, 1)


def test_points_that_differ_too_little_for_their_size_are_told_so(tmp_path):
    points = np.random.default_rng(1).normal(size=(300, 2))
    said = refused(wb.save_events(tmp_path / "a.h5", points=1e9 + points), "ring")
    assert "has x that differ by" in said and "around 1e+09, too little for their size to be learned; subtract 1e+09 from them" in said
    assert len(of_file(wb.save_events(tmp_path / "a.h5", points=1e6 + points), "ring")["points"]) == 300
    assert "has the same y in all rows" in refused(wb.save_events(tmp_path / "a.h5", points=points * [1, 0] + 0.1), "ring")
