"""numpy's files: one array with all columns, or several by name; pickled ones are never read."""

from __future__ import annotations

import numpy as np
import pytest
from own import of_file, refused, same

from workbench.data.events import Events
from workbench.data.files import load_file


@pytest.fixture
def rows(events) -> np.ndarray:
    return np.column_stack([events.momenta.reshape(300, 20), events.amplitude])


def test_the_layout_of_the_published_amplitude_sets_is_read(events, rows, tmp_path):
    """Rows of E px py pz per particle, the amplitude last."""
    for number, array in enumerate((rows, np.asfortranarray(rows), rows.astype(">f8"))):
        np.save(tmp_path / f"aag{number}.npy", array)
        assert same(Events(**of_file(tmp_path / f"aag{number}.npy")), events)
    assert same(load_file(tmp_path / "aag0.npy"), events)


@pytest.mark.parametrize(
    "arrays",
    [
        lambda p, a: {"momenta": p, "amplitude": a},
        lambda p, a: {"Momenta": p.reshape(300, 20), "AMPLITUDE": a[:, None]},
        lambda p, a: {"momenta": p.reshape(300, 20), "labels": a},
        lambda p, a: {"arr_0": p.reshape(300, 20), "arr_1": a},
        lambda p, a: {"arr_0": a, "arr_1": p},
        lambda p, a: {"aag": np.column_stack([p.reshape(300, 20), a]), "aagg": np.ones((300, 25))},
        lambda p, a: {f"{part}{leg + 1}": p[:, leg, k] for leg in range(5) for k, part in enumerate(("E", "px", "py", "pz"))} | {"me2": a},
    ],
)
def test_npz_by_any_names_and_shapes(arrays, events, tmp_path):
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "mine.npz", **arrays(events.momenta, events.amplitude))
        assert same(Events(**of_file(tmp_path / "mine.npz")), events)


def test_points_and_records(events, rows, tmp_path):
    points = np.random.default_rng(3).normal(size=(300, 2))
    np.save(tmp_path / "p.npy", points)
    np.savez(tmp_path / "p.npz", x=points[:, 0], Y=points[:, 1], w=np.full(300, 2.0))
    for name in ("p.npy", "p.npz"):
        found = of_file(tmp_path / name, "ring")
        assert list(found) == ["points"] and np.array_equal(found["points"], points)
    names = [f"{part}{leg}" for leg in range(1, 6) for part in ("E", "px", "py", "pz")] + ["amplitude"]
    np.save(tmp_path / "r.npy", np.rec.fromarrays(rows.T, names=names))
    assert same(Events(**of_file(tmp_path / "r.npy")), events)


def test_what_is_no_table_of_events_is_refused_with_what_to_do(events, rows, tmp_path):
    cases = {
        "momenta": (events.momenta, "has momenta of 5 particles but no amplitudes; wb.save_events(path, momenta, amplitude) writes both"),
        "flat": (rows[:, :20], "has numbers of the shape (300, 20); (event, 21) is needed: E1, …, amplitude; wb.save_events"),
        "labels": (events.amplitude, "has numbers of the shape (300,); (event, 21) is needed"),
        "six": (np.ones((300, 25)), "choose process='gg_yygg'"),
        "text": (np.full((300, 21), "x"), "has an array of the type <U1; numbers are needed"),
    }
    for name, (array, sentence) in cases.items():
        np.save(tmp_path / f"{name}.npy", array)
        assert sentence in refused(tmp_path / f"{name}.npy")
    (tmp_path / "cut.npy").write_bytes((tmp_path / "flat.npy").read_bytes()[:9_000])
    assert "is damaged: it declares 48,000 bytes but holds 9,000" in refused(tmp_path / "cut.npy")


def test_python_objects_are_never_read(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "a.npz", allow_pickle=True, momenta=np.array([{}], dtype=object))
    for name in ("a.npy", "a.npz"):
        assert "holds Python objects" in (said := refused(tmp_path / name)) and "never read since they can run programs" in said


def test_an_archive_that_unpacks_to_far_more_than_it_holds_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "bomb.npz", momenta=np.zeros((500_000, 5, 4)), amplitude=np.zeros(500_000))
    assert "declares far more bytes than it holds" in refused(tmp_path / "bomb.npz")
