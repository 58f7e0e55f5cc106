"""What is saved is read again with the same numbers, trains, and says where it cannot be saved."""

from __future__ import annotations

import gzip
from pathlib import Path

import h5py
import numpy as np
import pytest
import uproot
from own import lhe, muon_pair, top_pair

import workbench as wb
from workbench.__main__ import main
from workbench.data.catalogue import events_for
from workbench.data.events import Events
from workbench.data.files import columns, load_any, load_file, load_sample
from workbench.data.samples import Sample
from workbench.data.saving import save
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.families.generators.recipe import GeneratorRecipe

ENDS = ("h5", "hdf5", "csv", "csv.gz", "npy", "npz", "parquet")


@pytest.mark.parametrize("end", ENDS)
def test_amplitudes_are_saved_read_and_trained_with_equal_numbers(end, events, tmp_path):
    path = wb.save_events(tmp_path / f"mine.{end}", events.momenta, events.amplitude)
    loaded = load_file(path)
    np.testing.assert_allclose(loaded.momenta, events.momenta, rtol=1e-12, atol=0)
    np.testing.assert_allclose(loaded.amplitude, events.amplitude, rtol=1e-12, atol=0)
    options = {"events": 100, "test_events": 100, "steps": 2, "hidden": [8], "uncertainty": "deterministic", "device": "cpu"}
    recipe = AmplitudeRecipe(file=str(path), **options)
    assert len(list(wb.train(recipe))) > 0
    splits = events_for(recipe)
    assert len(splits.train) == len(splits.test) == 100 and set(splits.test.amplitude) <= set(events.amplitude)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("name", ["z_jets", "tt_partons", "ring"])
def test_samples_are_saved_and_read_with_equal_numbers(name, end, tmp_path):
    made = wb.make_dataset(name, 250)
    what = "points" if name == "ring" else "momenta"
    path = wb.save_events(tmp_path / f"mine.{end}", **{what: made[what].values})
    np.testing.assert_array_equal(load_any(path).points, made[what].values)


def written(path: Path, events: Events | Sample) -> Path:
    """Events in a format that others write: by our own function where there is one, else by that of its library."""
    end = path.name.partition(".")[2]
    if end in ENDS:
        return save(path, events)
    if end == "nc":
        events.to_dataset().to_netcdf(path, engine="h5netcdf")
        return path
    arrays = {"momenta": events.momenta, "amplitude": events.amplitude} if isinstance(events, Events) else {"momenta": events.points}
    rows = np.column_stack([array.reshape(len(events), -1) for array in arrays.values()])
    if end == "root":
        with uproot.recreate(path) as file:
            file["events"] = arrays
    elif end == "flat.h5":  # one dataset for each process, as amplitudes are published
        with h5py.File(path, "w") as file:
            file["aag"] = rows
    elif end == "labels.npz":
        np.savez(path, data=rows[:, :-1], labels=rows[:, -1])
    elif end == "txt":
        np.savetxt(path, rows, header=" ".join(columns("gg_yyg")), fmt="%.17g")
    else:
        text = lhe(map(top_pair if events.dataset == "tt_partons" else muon_pair, events.points))
        path.write_bytes(gzip.compress(text.encode()) if end.endswith("gz") else text.encode())
    return path


OTHERS = ("root", "nc", "flat.h5", "labels.npz", "txt")
LHE = ("lhe", "lhe.gz")
OF_KIND = {
    "gg_yyg": (*ENDS, *OTHERS),
    "gg_yygg": (*ENDS, "root"),
    "z_jets": (*ENDS, "root", "nc", *LHE),
    "tt_partons": (*ENDS, "root", "nc", *LHE),
    "wedge": (*ENDS, "nc"),
}


@pytest.mark.parametrize("kind", OF_KIND)
def test_a_training_from_a_file_of_any_format_has_the_losses_of_one_from_hdf5(kind, events, two_jets, tmp_path):
    """What is saved is read and trained with: three steps on each are equal to the last digits."""
    options = {"events": 120, "test_events": 100, "steps": 3, "hidden": [8], "batch_size": 64, "device": "cpu", "bayesian": False}
    made: Events | Sample
    if kind in ("gg_yyg", "gg_yygg"):
        made, recipe_type = events if kind == "gg_yyg" else two_jets, AmplitudeRecipe
        options |= {"process": kind, "uncertainty": "deterministic"}
        del options["bayesian"]
    else:
        made, recipe_type = Sample.from_dataset(wb.make_dataset(kind, 300)), GeneratorRecipe
        options |= {"dataset": kind, "blocks": 2, "bins": 4} | ({"jets": 0} if kind == "z_jets" else {})
    losses, digests = {}, set()
    for end in OF_KIND[kind]:
        recipe = recipe_type(file=str(written(tmp_path / f"mine.{end}", made)), **options).fixed()
        losses[end] = [{**report.losses, **report.validation} for report in wb.train(recipe)]
        digests.add(recipe.file_digest)
    assert len(losses["h5"]) == 3 and len(losses["h5"][0]) > 1 and len(digests) >= len(losses) - 1, "each was read, and none instead of it"
    for end, found in losses.items():
        for step, wanted in zip(found, losses["h5"], strict=True):
            assert step == pytest.approx(wanted, rel=1e-12, abs=1e-12), end


def test_flat_momenta_columns_of_amplitudes_and_other_types_are_taken(events, tmp_path):
    path = wb.save_events(tmp_path / "a.h5", events.momenta.reshape(300, 20).astype("f4"), events.amplitude[:, None].tolist())
    assert np.array_equal(load_file(path).amplitude, events.amplitude)
    with h5py.File(path) as file:
        assert file["momenta"].attrs["units"] == "GeV" and file["amplitude"].attrs["units"] == "GeV^-2"


@pytest.mark.parametrize(
    ("path", "given", "sentence"),
    [
        ("a.xlsx", {"momenta": np.ones((3, 5, 4))}, "a.xlsx says no format that is written: an end in .h5, .hdf5, .csv"),
        ("a.h5", {}, "Either momenta or points are needed"),
        ("a.h5", {"momenta": np.ones((3, 5, 3))}, r"The momenta have the shape \(3, 5, 3\); \(event, particle, 4\) is needed"),
        ("a.h5", {"points": np.ones((3, 3))}, r"The points have the shape \(3, 3\); \(event, 2\) is needed"),
        ("a.h5", {"momenta": np.ones((3, 5, 4)), "amplitude": np.ones(2)}, r"3 events need amplitudes of the shape \(3,\), not \(2,\)"),
        ("a.h5", {"points": np.ones((3, 2)), "amplitude": np.ones(3)}, "Points have no amplitude"),
        ("a.h5", {"points": np.ones((3, 2)), "weight": [1, -1, 1]}, "weights are not positive"),
        ("a.npy", {"points": np.ones((3, 2)), "weight": [1, 2, 1]}, "has no place for weights"),
    ],
)
def test_what_cannot_be_saved_is_said_and_nothing_is_left(path, given, sentence, tmp_path):
    with pytest.raises(ValueError, match=sentence):
        wb.save_events(tmp_path / path, **given)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_converted_by_the_command_line(events, tmp_path, capsys):
    rows = np.column_stack([events.momenta.reshape(300, 20) / 1e3, events.amplitude * 1e6])
    np.save(tmp_path / "aag.npy", rows)
    assert main(["data", "convert", str(tmp_path / "aag.npy"), str(tmp_path / "out.h5")]) == 2
    assert "are the momenta in TeV? Say so with units = 'TeV' (--units TeV)" in capsys.readouterr().err
    assert main(["data", "convert", str(tmp_path / "aag.npy"), str(tmp_path / "out.h5"), "--units", "TeV"]) == 0
    assert "out.h5: 300 events" in capsys.readouterr().out
    loaded = load_file(tmp_path / "out.h5")
    np.testing.assert_allclose(loaded.momenta, events.momenta, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(loaded.amplitude, events.amplitude, rtol=1e-12)
    points = np.random.default_rng(1).normal(size=(300, 2))
    np.savetxt(tmp_path / "p.csv", points[:, ::-1], delimiter=",", header="y,x", fmt="%.17g")
    assert main(["data", "convert", str(tmp_path / "p.csv"), str(tmp_path / "p.npz")]) == 0
    assert "has the names of its columns in a comment" in capsys.readouterr().err
    assert np.array_equal(load_sample(tmp_path / "p.npz", "wedge").points, points)
    assert main(["data", "convert", str(tmp_path / "p.csv")]) == 2 and "needs a file to read and one to write" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_starts_no_run_from_the_command_line(tmp_path, capsys, monkeypatch):
    """One of each kind; advice to resume what cannot work would follow from a run that failed."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    (tmp_path / "a.json").write_text('{"momenta": []}')
    np.save(tmp_path / "a.npy", np.ones((300, 5, 4)))
    sentences = {"a.json": "is a JSON file", "a.npy": "has momenta of 5 particles but no amplitudes", "a.h5": "does not exist"}
    for name, sentence in sentences.items():
        assert main(["train", "--file", str(tmp_path / name)]) == 2
        said = capsys.readouterr().err
        assert sentence in said and "resume" not in said and said.count("\n") == 1
    assert not (tmp_path / "home" / "runs").exists() or not list((tmp_path / "home" / "runs").glob("*-*"))
