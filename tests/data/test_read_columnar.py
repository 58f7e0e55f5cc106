"""Parquet files and ROOT trees: columns of numbers, or lists with as many numbers in every event."""

from __future__ import annotations

import awkward
import numpy as np
import pyarrow
import pytest
import uproot
from own import of_file, refused, same
from pyarrow import parquet

from workbench.data.events import Events
from workbench.data.files import columns, load_file


@pytest.fixture
def named(events) -> dict[str, np.ndarray]:
    rows = np.column_stack([events.momenta.reshape(300, 20), events.amplitude])
    return dict(zip(columns("gg_yyg"), rows.T.copy(), strict=True))


def root(path, **trees):
    with uproot.recreate(path) as file:
        for name, branches in trees.items():
            file[name] = branches
    return path


def test_parquet_by_columns_and_by_lists(events, named, tmp_path):
    weight = np.linspace(1, 2, 300)
    parquet.write_table(pyarrow.table(named | {"event_weight": weight, "sample": ["a"] * 300}), tmp_path / "a.parquet")
    found = of_file(tmp_path / "a.parquet")
    assert same(Events(**found), events) and np.array_equal(found["weight"], weight)
    lists = {"momenta": events.momenta, "amplitude": events.amplitude}
    awkward.to_parquet(awkward.zip(lists, depth_limit=1), tmp_path / "b.parquet")
    assert same(Events(**of_file(tmp_path / "b.parquet")), events)
    assert same(load_file(tmp_path / "b.parquet"), events)


@pytest.mark.parametrize("of_all", [True, False])
def test_units_of_a_parquet_file_are_obeyed(of_all, events, tmp_path):
    said = {"Units": "MeV"}
    momenta = pyarrow.field("momenta", pyarrow.list_(pyarrow.list_(pyarrow.float64())), metadata=None if of_all else said)
    schema = pyarrow.schema([momenta, pyarrow.field("amplitude", pyarrow.float64())], metadata=said if of_all else None)
    table = pyarrow.table([pyarrow.array((events.momenta * 1e3).tolist()), pyarrow.array(events.amplitude * 1e-6)], schema=schema)
    parquet.write_table(table, tmp_path / "a.parquet")
    notes: list[str] = []
    assert same(Events(**of_file(tmp_path / "a.parquet", notes=notes)), events, rtol=1e-14) and "in MeV" in notes[0]


def test_root_by_branches_and_by_arrays(events, named, tmp_path):
    assert same(Events(**of_file(root(tmp_path / "a.root", events=named))), events)
    single = {"momenta": events.momenta, "amplitude": events.amplitude.astype("f4")}
    assert same(Events(**of_file(root(tmp_path / "b.root", tree=single))), events, rtol=1e-6)
    other = {"pt": np.ones(7)}
    assert same(load_file(root(tmp_path / "c.root", other=other, events=named)), events)


def test_jets_that_are_nulls_are_not_there(tmp_path):
    import workbench as wb

    momenta = wb.make_dataset("z_jets", 250)["momenta"].values
    names = columns("z_jets")
    table = {name: pyarrow.array(column, from_pandas=True) for name, column in zip(names, momenta.reshape(250, 20).T, strict=True)}
    parquet.write_table(pyarrow.table(table), tmp_path / "a.parquet")
    np.testing.assert_array_equal(of_file(tmp_path / "a.parquet", "z_jets")["momenta"], momenta)


def test_what_does_not_fit_is_named(events, named, tmp_path):
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"pt": named["E1"]}), path)
    assert "has no column 'momenta'; it has pt (300,), but momenta and amplitude, or 21 columns, are needed; wb.save" in refused(path)
    jagged = awkward.Array([[1.0, 2.0]] * 150 + [[1.0]] * 150)
    awkward.to_parquet(awkward.zip({"momenta": jagged, "amplitude": events.amplitude}, depth_limit=1), path)
    assert "has lists of different lengths in 'momenta'" in refused(path)
    path.write_bytes(path.read_bytes()[:-50])
    assert "is damaged" in refused(path)
    with uproot.recreate(tmp_path / "h.root") as file:
        file["h"] = np.histogram(events.amplitude)
    assert "is a ROOT file without a tree; it has h;1" in refused(tmp_path / "h.root")
    assert "has no branch 'momenta'; it has pt" in refused(root(tmp_path / "l.root", t={"pt": named["E1"]}))


def test_without_their_packages_it_is_said_what_to_install(named, tmp_path, monkeypatch):
    from workbench.data.reader import columnar

    parquet.write_table(pyarrow.table(named), tmp_path / "a.parquet")
    root(tmp_path / "a.root", events=named)
    monkeypatch.setattr(columnar, "find_spec", lambda name: None if name in ("pyarrow", "uproot") else name)
    assert "is read with pyarrow, not installed here: pip install 'workbench[files]'" in refused(tmp_path / "a.parquet")
    assert "is read with uproot, not installed here: pip install 'workbench[files]'" in refused(tmp_path / "a.root")
