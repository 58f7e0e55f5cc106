"""Tables of any columns: read as text, numpy and HDF5 write them, with nothing left out, scaled or moved without a word."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from own import of_file, refused

X = np.linspace(-2.0, 2.0, 60).round(6)
Y = np.sin(X).round(6)
ROWS = [f"{x!r},{y!r}" for x, y in zip(X.tolist(), Y.tolist(), strict=True)]
CURVES = {
    "two comments": ["# made by hand, on a Sunday", "# y,x", *(",".join(reversed(row.split(","))) for row in ROWS)],
    "one comment without names": ["# made by hand, on a Sunday", *ROWS],
    "sep=": ["sep=;", "x;y", *(row.replace(",", ";") for row in ROWS)],
    "decimal commas": ["x;y", *(row.replace(",", ";").replace(".", ",") for row in ROWS)],
    "quotes": ['"x","y"', *('"' + row.replace(",", '","') + '"' for row in ROWS)],
    "trailing commas": [f"{row}," for row in ("x,y", *ROWS)],
    "Fortran": [f"{x:.6e} {y:.6e}".replace("e", "D") for x, y in zip(X, Y, strict=True)],
    "pandas": [",x,y", *(f"{number},{row}" for number, row in enumerate(ROWS))],
    "R": ['"x","y"', *(f'"{number}",{row}' for number, row in enumerate(ROWS, start=1))],
    "a comment behind a row": [*ROWS[:30], f"{ROWS[30]} # here it turns", *ROWS[31:]],
}


@pytest.mark.parametrize("written", CURVES)
def test_curves_are_read_as_programs_write_them(written, tmp_path):
    (tmp_path / "a.csv").write_text("\n".join(CURVES[written]))
    found = of_file(tmp_path / "a.csv", "curve")
    np.testing.assert_allclose(found["x"], X, rtol=1e-6)
    np.testing.assert_allclose(found["y"], Y, rtol=1e-6)


def test_by_which_columns_a_curve_was_read_is_said(tmp_path):
    (tmp_path / "a.csv").write_text("\n".join(["time,value", *ROWS]))
    notes: list[str] = []
    of_file(tmp_path / "a.csv", "curve", notes=notes)
    assert notes == ["a.csv has the columns time, value, which were read as x, y."]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["x,y", *(f"1.5,{row}" for row in ROWS)], "has 3 columns in row 1, but its header names 2; every column needs a name"),
        ([*ROWS[:40], "1,5,2", *ROWS[41:]], "has 3 columns in row 41, but 2 in row 1"),
        (["x,y", *ROWS[:40], "1,5,2"], "has 3 columns in row 41, but 2 in its header"),
        (["-2_0,0.5", *ROWS], "has '-2_0' in row 1, column 1; a number is needed"),
        ([f"{row},signal" for row in ROWS], "has 'signal' in row 1, column 3; a number is needed"),
    ],
)
def test_rows_that_may_be_read_in_two_ways_are_refused(lines, sentence, tmp_path):
    (tmp_path / "a.csv").write_text("\n".join(lines))
    assert sentence in refused(tmp_path / "a.csv", "curve")


def test_more_cells_than_the_first_row_has_are_no_reason_to_drop_jets(tmp_path):
    import workbench as wb

    jets = wb.make_dataset("z_jets", 250)["momenta"].values
    rows = [",".join(repr(float(number)) for number in event[np.isfinite(event)]) for event in jets]
    rows.sort(key=len)
    (tmp_path / "a.csv").write_text("\n".join(rows))
    assert "columns in row" in (said := refused(tmp_path / "a.csv", "z_jets")) and "in row 1" in said


def test_points_with_more_numbers_than_names_are_not_taken_for_rows_with_names(tmp_path):
    points = np.random.default_rng(1).normal(size=(300, 3))
    np.savetxt(tmp_path / "p.csv", points, delimiter=",", header="x,y", comments="")
    assert "has 3 columns in row 1, but its header names 2" in refused(tmp_path / "p.csv", "ring")


def test_columns_of_hdf5_are_unpacked_and_what_is_none_is_said(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"], file["b"], file["c"] = np.arange(60), Y, X[:, None]
        file["a"].attrs["scale_factor"] = 0.01
        file["picture"] = np.ones((60, 2))
    notes: list[str] = []
    found = of_file(tmp_path / "a.h5", "table", notes=notes)
    assert list(found) == ["a", "b", "c"]
    np.testing.assert_allclose(found["a"], np.arange(60) / 100)
    np.testing.assert_array_equal(found["c"], X)
    assert any("has picture (60, 2), which are no columns beside the others and are left out" in note for note in notes)
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file["b"].attrs["_FillValue"] = Y[7]
    assert "has b = nan in row 8" in refused(tmp_path / "a.h5", "table")


def test_columns_of_npz_are_read_whatever_their_shape_or_refused(tmp_path):
    notes: list[str] = []
    np.savez(tmp_path / "a.npz", a=X, b=Y[:, None], picture=np.ones((60, 2)))
    assert list(of_file(tmp_path / "a.npz", "table", notes=notes)) == ["a", "b"] and "picture (60, 2)" in notes[0]
    np.savez(tmp_path / "a.npz", a=X, b=Y, c=Y + 1j)
    assert "has c of the type complex128; numbers are needed" in refused(tmp_path / "a.npz", "table")
