"""The user's own file: what is trained is what stands in the file of that path at that moment, whoever asks, from wherever."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import workbench as wb
from workbench.__main__ import main
from workbench.data.files import MOST_BYTES, FileNote, columns, load_sample
from workbench.data.own_file import digest
from workbench.families.amplitudes.page import Amplitudes
from workbench.families.amplitudes.recipe import SweepRecipe
from workbench.families.generators.page import Generators
from workbench.home import uploads_folder
from workbench.physics.phase_space import flat_events
from workbench.runs import launcher
from workbench.runs.files import RunError, seal, unseal
from workbench.runs.run import Run
from workbench.runs.store import RunStore
from workbench.runs.worker import FAILED, run_job
from workbench.studios.pages.draft import differences

SMALL = {"events": 200, "test_events": 100, "hidden": [4], "steps": 20, "uncertainty": "deterministic", "device": "cpu"}
ASKED = ["train", "--events", "200", "--test-events", "100", "--hidden", "4", "--steps", "20", "--uncertainty", "deterministic"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("WORKBENCH_RUNS", raising=False)
    return tmp_path / "home"


def write(path: Path, scale: float = 1.0, events: int = 400) -> Path:
    """A file of amplitudes around `scale` in the unit of exp(−18)."""
    rng = np.random.default_rng(4)
    table = np.column_stack([flat_events(2 * events, rng)[:events].reshape(events, 20), scale * np.exp(rng.normal(-18, 1, events))])
    path.parent.mkdir(exist_ok=True)
    np.savetxt(path, table, delimiter=",", header=",".join(columns("gg_yyg")), comments="", fmt="%.17g")
    return path


def trained(*more: str) -> Run:
    """What the command line trains, in this process, or the run that it finds."""
    assert main([*ASKED, *more, "--foreground"]) == 0
    return RunStore().runs()[0]


def middle(run: Run) -> float:
    return float(np.median(run.prediction("test")["amplitude_true"]))


def test_the_same_name_in_two_folders_is_two_trainings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    for folder, scale in (("one", 1.0), ("two", 1e6)):
        write(tmp_path / folder / "events.csv", scale)
    monkeypatch.chdir(tmp_path / "one")
    first = trained("--file", "events.csv")
    monkeypatch.chdir(tmp_path / "two")
    second = trained("--file", "events.csv")
    assert first.id != second.id and middle(second) > 1e5 * middle(first)
    assert second.recipe.file == str(tmp_path / "two" / "events.csv")
    assert second.recipe.file_digest == digest(tmp_path / "two" / "events.csv") != first.recipe.file_digest
    capsys.readouterr()
    assert trained("--file", "events.csv").id == second.id and "has been trained already" in capsys.readouterr().out


def test_a_file_that_was_rewritten_is_another_recipe_and_a_copy_the_same(tmp_path: Path):
    path = write(tmp_path / "events.csv")
    recipe = wb.AmplitudeRecipe(**SMALL, file=path)
    first, before = recipe.fixed(), path.stat()
    write(path, 2.0)
    assert recipe.fixed().hash != first.hash and first.fixed().hash == recipe.fixed().hash  # what is asked for is the file as it is now
    shutil.copy(path, tmp_path / "other name.csv")
    same = wb.AmplitudeRecipe(**SMALL, file=tmp_path / "other name.csv").fixed()
    assert same.hash == recipe.fixed().hash and same.identity == recipe.fixed().identity and same.file != recipe.fixed().file
    run = trained("--file", str(path))
    assert trained("--file", str(tmp_path / "other name.csv")).id == run.id and len(RunStore().runs()) == 1
    write(path, 1e6)
    assert middle(trained("--file", str(path))) > 1e5 * middle(run)
    assert before.st_size > 0 and len(RunStore().runs()) == 2


def test_a_change_that_leaves_size_and_dates_alone_is_seen(tmp_path: Path):
    import os

    path = tmp_path / "events.bin"
    path.write_bytes(b"a" * 100)
    os.utime(path, (1e9, 1e9))
    first = digest(path)
    path.write_bytes(b"b" * 100)
    os.utime(path, (1e9, 1e9))
    assert digest(path) != first


def test_a_relative_path_means_the_folder_of_who_asks_also_for_a_process_that_was_started_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for folder, scale in (("a", 1.0), ("b", 1e6)):
        write(tmp_path / folder / "events.csv", scale)
    monkeypatch.chdir(tmp_path / "a")
    first = wb.launch(wb.AmplitudeRecipe(**SMALL, file="events.csv")).wait(120)
    monkeypatch.chdir(tmp_path / "b")
    second = wb.launch(wb.AmplitudeRecipe(**SMALL, file="events.csv", seed=5)).wait(120)
    assert middle(second) > 1e5 * middle(first)
    swept = {}
    for folder in "ab":
        monkeypatch.chdir(tmp_path / folder)
        swept[folder] = wb.sweep(wb.AmplitudeRecipe(**SMALL, file="events.csv"), noise=[0.0, 0.1], progress=False)["amplitude_true"]
    assert float(swept["b"].median()) > 1e5 * float(swept["a"].median())


def test_a_sweep_after_the_file_was_rewritten_trains_anew(tmp_path: Path):
    path = write(tmp_path / "events.csv")
    recipe = wb.AmplitudeRecipe(**SMALL, file=str(path))
    before = wb.sweep(recipe, noise=[0.0, 0.1], progress=False)
    assert wb.sweep(recipe, noise=[0.0, 0.1], progress=False).attrs["runs"] == before.attrs["runs"]
    write(path, 1e6)
    after = wb.sweep(recipe, noise=[0.0, 0.1], progress=False)
    assert after.attrs["runs"] != before.attrs["runs"] and (after["amplitude_true"].median() > 1e5 * before["amplitude_true"].median())


def test_what_was_begun_with_one_content_does_not_go_on_with_another(tmp_path: Path, capsys: pytest.CaptureFixture):
    path = write(tmp_path / "events.csv")
    run = RunStore().create(wb.AmplitudeRecipe(**SMALL, file=path).fixed())
    content = path.read_bytes()
    write(path, 1e6)
    with pytest.raises(RunError, match=r"cannot go on: the content of .*events\.csv has changed") as problem:
        run.resume()
    assert str(problem.value).count("\n") == 0 and not run.alive()
    assert main(["runs", "resume", run.id]) == 2 and f"workbench: {problem.value}\n" == capsys.readouterr().err
    page = Amplitudes()
    page.shown = [run]
    page.hear({"action": "resume"})
    while page.busy:
        time.sleep(0.01)
    assert page.notices == [str(problem.value)] and not run.alive()
    assert run_job(run.path) == FAILED and "has changed" in run.status.message and run.status.hopeless and not run.status.resumable
    path.unlink()
    with pytest.raises(RunError, match=r"cannot go on: .* cannot be read"):
        run.resume()
    path.write_bytes(content)
    assert run_job(run.path) == 0 and run.status.state == "finished"


def test_a_training_or_sweep_stopped_half_way_goes_on_with_the_same_content_only(tmp_path: Path):
    for number, axes in enumerate(({}, {"noise": [0.0, 0.1]})):
        path = write(tmp_path / f"events{number}.csv")
        recipe = wb.AmplitudeRecipe(**{**SMALL, "steps": 40_000}, file=path)
        run = wb.launch(SweepRecipe(**recipe.to_dict(), axes=axes) if axes else recipe)
        end = time.monotonic() + 120
        while run.status.step == 0:
            assert time.monotonic() < end and run.status.live, run.status
            time.sleep(0.02)
        stopped = run.stop().status.step
        content, checkpoints = path.read_bytes(), run.checkpoints()
        assert stopped and checkpoints
        write(path, 1e6)
        with pytest.raises(RunError, match=r"cannot go on: the content of .*events\d\.csv has changed"):
            run.resume()
        assert not run.alive() and run.checkpoints() == checkpoints
        path.write_bytes(content)
        run.resume()
        while run.status.step <= stopped:
            assert time.monotonic() < end and run.status.live, run.status
            time.sleep(0.02)
        run.stop()


def test_a_file_that_changes_while_it_is_read_is_not_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from workbench.data import catalogue

    path = write(tmp_path / "events.csv")
    recipe = wb.AmplitudeRecipe(**SMALL, file=path).fixed()
    read = catalogue.load_file

    def slow(*asked):
        found = read(*asked)
        write(path, 1e6)
        return found

    monkeypatch.setattr(catalogue, "load_file", slow)
    with pytest.raises(ValueError, match="has changed since"):
        catalogue.events_for(recipe)


def test_the_page_trains_what_stands_in_the_file_when_the_button_is_pressed(tmp_path: Path):
    page, path, runs = Amplitudes(), write(tmp_path / "events.csv"), []
    for name, value in {**SMALL, "hidden": "4", "file": f' "{path}" '}.items():
        page.hear({"option": name, "value": str(value)})
    for scale in (1.0, 1e6):
        write(path, scale)
        page.hear({"action": "train"})
        end = time.monotonic() + 120
        while page.busy and time.monotonic() < end:
            time.sleep(0.05)
        assert not page.notices and page.of_draft
        runs.append(page.shown[0].wait(120))
    assert runs[0].id != runs[1].id and middle(runs[1]) > 1e5 * middle(runs[0])
    told = differences(runs[0].recipe, runs[1].recipe)
    assert list(told) == ["file"] and told["file"][0] == f"{path} ({runs[0].recipe.file_digest[:8]})" != told["file"][1]
    again = Amplitudes()
    again.draft.adopt(runs[1].recipe)
    assert again.draft.recipe.file == str(path) and not again.draft.recipe.file_digest


def test_a_relative_path_typed_on_the_page_means_the_folder_of_the_program_and_is_kept_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = write(tmp_path / "events.csv")
    monkeypatch.chdir(tmp_path)
    page = Amplitudes()
    for name, value in {**SMALL, "hidden": "4", "file": "events.csv"}.items():
        page.hear({"option": name, "value": str(value)})
    page.hear({"action": "train"})
    end = time.monotonic() + 120
    while page.busy and time.monotonic() < end:
        time.sleep(0.05)
    assert not page.notices and page.shown[0].wait(120).recipe.file == str(path) and page.of_draft


def test_a_recipe_file_names_a_file_beside_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    write(tmp_path / "project" / "events.csv")
    (tmp_path / "project" / "recipe.json").write_text(json.dumps(SMALL | {"file": "events.csv"}))
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--recipe", "project/recipe.json", "--foreground"]) == 0
    run = RunStore().runs()[0]
    assert run.recipe.file == str(tmp_path / "project" / "events.csv")
    capsys.readouterr()
    assert main(["train", "--recipe", str(run.path / "recipe.json")]) == 0 and "has been trained already" in capsys.readouterr().out


def test_a_file_that_is_not_there_is_one_sentence_and_no_run(tmp_path: Path, capsys: pytest.CaptureFixture):
    assert main([*ASKED, "--file", str(tmp_path / "events.csv")]) == 2
    assert capsys.readouterr().err == f"workbench: {tmp_path / 'events.csv'} does not exist.\n" and RunStore().runs() == []
    with pytest.raises(wb.RecipeError, match="does not exist"):
        wb.launch(wb.AmplitudeRecipe(**SMALL, file=tmp_path / "events.csv"))
    with pytest.raises(wb.RecipeError, match="does not exist"):
        wb.sweep(wb.AmplitudeRecipe(**SMALL, file=tmp_path / "events.csv"), noise=[0.0, 0.1])


def test_nobody_is_told_to_resume_what_cannot_work(tmp_path: Path, capsys: pytest.CaptureFixture):
    for path, sentence in unreadable(tmp_path).items():
        assert main([*ASKED, "--file", str(path), "--foreground"]) == 2
        said = capsys.readouterr().err
        assert sentence in said and "runs resume" not in said and said.count("\n") == 1
    assert RunStore().runs() == [], "what cannot work is refused before a run is made of it"
    run = RunStore().create(wb.AmplitudeRecipe(**SMALL, file=path).fixed())  # by whoever does not ask before
    assert run_job(run.path) == FAILED and sentence in run.status.message and not run.status.resumable
    assert main(["runs", "show", run.id]) == 0 and "runs resume" not in "".join(capsys.readouterr())


def unreadable(folder: Path) -> dict[Path, str]:
    """Files of which no run can be made, and why."""
    few, wrong, other = write(folder / "few.csv", events=250), folder / "wrong.csv", folder / "other.json"
    wrong.write_text("a,b\n1,2\n")
    other.write_text('{"momenta": []}')
    return {other: "is a JSON file", wrong: "has no column", few: "has 250 events, but"}


def test_python_a_sweep_and_the_command_line_refuse_what_cannot_be_read_before_a_run_is_made(tmp_path: Path, capsys: pytest.CaptureFixture):
    for path, sentence in unreadable(tmp_path).items():
        recipe = wb.AmplitudeRecipe(**SMALL, file=path)
        for begin in (wb.launch, lambda asked: wb.sweep(asked, noise=[0.0, 0.1], progress=False)):
            with pytest.raises(wb.RecipeError, match=sentence) as refused:
                begin(recipe)
            assert str(refused.value).startswith(str(path)) and str(refused.value).count("\n") == 0
        assert main(["sweep", *ASKED[1:], "--file", str(path), "--noise", "0,0.1"]) == 2
        said = capsys.readouterr()
        assert said.out == "" and said.err.startswith(f"workbench: {path}") and said.err.count("\n") == 1 and sentence in said.err
    assert RunStore().runs() == []


def test_no_point_of_a_sweep_begins_where_another_cannot(tmp_path: Path):
    recipe = wb.AmplitudeRecipe(**SMALL, file=write(tmp_path / "events.csv"))
    with pytest.raises(wb.RecipeError, match="has 400 events, but 5,000 for training"):
        wb.sweep(recipe, events=[200, 5_000], progress=False)
    assert RunStore().runs() == []


def test_what_is_to_be_said_of_a_file_is_said_before_it_is_trained(tmp_path: Path, capsys: pytest.CaptureFixture):
    path, told = write(tmp_path / "events.csv"), "has the names of its columns in a comment"
    path.write_text(f"# {path.read_text()}")
    assert main(["sweep", *ASKED[1:], "--file", str(path), "--noise", "0,0.1"]) == 0
    assert (said := capsys.readouterr().err).count(told) == 1 and said.startswith("workbench: ")
    program = [sys.executable, "-m", "workbench", *ASKED, "--file", str(path)]
    for more in ([], ["--foreground", "--again"]):
        trained = subprocess.run([*program, *more], capture_output=True, text=True, timeout=300)
        assert trained.returncode == 0 and trained.stderr == f"workbench: {path} {told}, and was read by them.\n"
    path.write_text(f"{path.read_text()}\n")  # other content
    with pytest.warns(FileNote, match=told):
        wb.launch(wb.AmplitudeRecipe(**SMALL, file=path)).wait(120)


def test_units_are_trained_with_and_another_unit_is_another_recipe(tmp_path: Path):
    in_gev = write(tmp_path / "events.csv")
    in_mev = tmp_path / "mev.csv"
    table = np.loadtxt(in_gev, delimiter=",", skiprows=1)
    np.savetxt(in_mev, table * np.r_[np.full(20, 1e3), 1.0], delimiter=",", header=",".join(columns("gg_yyg")), comments="", fmt="%.17g")
    told = trained("--file", str(in_mev), "--units", "MeV")
    plain = trained("--file", str(in_gev))
    np.testing.assert_allclose(told.prediction("test")["momenta"], plain.prediction("test")["momenta"], rtol=1e-12)
    launched = wb.launch(told.recipe.replace(file=in_mev, file_digest=""))
    assert launched.id == told.id and len(RunStore().runs()) == 2
    other = wb.AmplitudeRecipe(file=in_gev, units="TeV", **SMALL).fixed()
    assert other.identity != wb.AmplitudeRecipe(file=in_gev, **SMALL).fixed().identity


def test_amplitudes_that_are_all_alike_end_in_a_sentence_without_a_word_of_resuming(tmp_path: Path, capsys: pytest.CaptureFixture):
    path = write(tmp_path / "events.csv")
    table = np.loadtxt(path, delimiter=",", skiprows=1)
    table[:, -1] = 2e-9
    np.savetxt(path, table, delimiter=",", header=",".join(columns("gg_yyg")), comments="", fmt="%.17g")
    assert main([*ASKED, "--file", str(path), "--foreground"]) == 0  # smeared by 1 %, they are not alike
    assert "nan" not in "".join(capsys.readouterr())
    assert main([*ASKED, "--file", str(path), "--noise", "0", "--foreground"]) != 0
    said = "".join(capsys.readouterr())
    assert "All 200 training amplitudes are equal (2e-09)" in said
    assert "resume" not in said.lower() and "Traceback" not in said
    assert not [run for run in RunStore().runs() if run.status.resumable]


def test_a_file_behind_a_link_or_an_odd_name_and_the_ends_of_lines_of_old_programs_make_no_difference(tmp_path: Path):
    first = trained("--file", str(write(tmp_path / "events.csv")))
    odd = tmp_path / "ünï ☂ (1).csv"
    odd.write_bytes((tmp_path / "events.csv").read_bytes())
    link = tmp_path / "link.csv"
    link.symlink_to(odd)
    assert trained("--file", str(odd)).id == trained("--file", str(link)).id == first.id
    old = tmp_path / "old.csv"
    old.write_bytes(odd.read_bytes().replace(b"\n", b"\r"))
    assert middle(trained("--file", str(old))) == middle(first)


def test_points_of_a_file_count_by_its_weights(tmp_path: Path):
    """Uniform points of weight 2x are the ramp."""
    points = np.random.default_rng(1).random((8_000, 2))
    path = tmp_path / "weighted.csv"
    np.savetxt(path, np.column_stack([points, 2 * points[:, 0]]), delimiter=",", header="x,y,weight", comments="")
    asked = [
        "generate",
        "--file",
        str(path),
        "--events",
        "5000",
        "--test-events",
        "2000",
        "--steps",
        "400",
        "--hidden",
        "16",
        "--bins",
        "8",
    ]
    assert main([*asked, "--blocks", "4", "--bayesian", "false", "--edges", "known", "--device", "cpu", "--foreground"]) == 0
    (run,) = RunStore().runs()
    new = load_sample(run.sample(4_000, tmp_path / "new.h5"), "wedge")
    assert new.points[:, 0].mean() == pytest.approx(2 / 3, abs=0.03) and new.points[:, 1].mean() == pytest.approx(0.5, abs=0.03)


def test_a_file_of_gigabytes_is_refused_unread(tmp_path: Path, capsys: pytest.CaptureFixture):
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    assert main([*ASKED, "--file", str(path), "--foreground"]) != 0
    said = "".join(capsys.readouterr())
    assert "large.csv has 2,147,483,649 bytes; at most" in said and not RunStore().runs(), said


def test_a_run_from_before_contents_counted_is_read_and_one_of_a_sent_file_found_again(tmp_path: Path):
    content = write(tmp_path / "events.csv").read_bytes()
    sent = f"uploads/{digest(tmp_path / 'events.csv')[:16]}-events.csv"
    uploads_folder().mkdir(parents=True)
    (uploads_folder() / sent.partition("/")[2]).write_bytes(content)
    store = RunStore()
    for file, found in ((sent, True), ("events.csv", False)):
        asked = wb.AmplitudeRecipe(**SMALL, file=file, warm_start=0.2, sqrt_s=500)  # options without effect, which counted then
        run = store.create(asked)
        record = unseal((run.path / "recipe.json").read_bytes(), "recipe.json")
        record["recipe"] = {"recipe": "amplitude", **asked.to_dict()}
        (run.path / "recipe.json").write_bytes(seal(record))
        former = run.path.rename(store.root / f"{asked.former_hash}-1")
        assert asked.former_hash != asked.hash and Run(former).recipe.to_dict() == asked.to_dict()
        (tmp_path / "events.csv").write_bytes(content)
        assert bool(store.alike(asked.replace(file=file if found else tmp_path / "events.csv").fixed())) == found


FLOW = ["generate", "--events", "300", "--test-events", "100", "--steps", "20", "--hidden", "4", "--blocks", "2", "--bins", "4"]


def weighted_jets(path: Path, negative: bool) -> Path:
    """Events of Z with one jet and weights: of ±1, one in five negative, or between one half and two."""
    momenta = wb.make_dataset("z_jets", 1_600)["momenta"].values
    rng = np.random.default_rng(3)
    weight = np.where(rng.random(1_600) < 0.2, -1.0, 1.0) if negative else rng.uniform(0.5, 2.0, 1_600)
    np.savez(path, momenta=momenta, weight=weight)
    return path


def test_events_of_negative_weight_are_refused_by_every_way_before_a_run_is_made(tmp_path: Path, capsys: pytest.CaptureFixture):
    path = weighted_jets(tmp_path / "events.npz", negative=True)
    sentence = "cancel negative ones first by resampling"
    assert main([*FLOW, "--dataset", "z_jets", "--file", str(path), "--foreground"]) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1 and "events.npz has the weight -1 in row" in said
    recipe = wb.GeneratorRecipe(dataset="z_jets", file=path, events=300, test_events=100, steps=20)
    for begin in (wb.launch, lambda asked: wb.sweep(asked, seed=[1, 2], progress=False)):
        with pytest.raises(wb.RecipeError, match=sentence):
            begin(recipe)
    assert main(["data", "convert", str(path), str(tmp_path / "out.h5")]) == 2 and not (tmp_path / "out.h5").exists()
    assert sentence in capsys.readouterr().err and RunStore().runs() == []


def test_weights_that_a_training_would_replace_are_refused_by_every_way_before_a_run_is_made(tmp_path: Path, capsys: pytest.CaptureFixture):
    """Magic weights would take their place; a look at the same file without them changes nothing."""
    path, told = weighted_jets(tmp_path / "events.npz", negative=False), "has weights, and magic = true puts others in their place"
    options = {
        "dataset": "z_jets",
        "events": 300,
        "test_events": 100,
        "steps": 20,
        "hidden": "4",
        "blocks": 2,
        "bins": 4,
        "file": str(path),
    }
    plain = wb.GeneratorRecipe(**{**options, "hidden": [4]})
    launcher.check_file(plain.fixed())
    for recipe in (plain.replace(magic=True), plain.replace(magic=True, jets=0)):
        for begin in (wb.launch, lambda asked: wb.sweep(asked, seed=[1, 2], progress=False), lambda asked: next(wb.train(asked))):
            with pytest.raises(ValueError, match=rf"events\.npz {told}: choose magic = false, or unweight .* hit-or-miss") as refused:
                begin(recipe)
            assert str(refused.value).count("\n") == 0
    with pytest.raises(wb.RecipeError, match="in their place"):
        wb.sweep(plain, magic=[False, True], progress=False)
    asked = [*FLOW, "--dataset", "z_jets", "--file", str(path)]
    for more in ([], ["--foreground"]):
        assert main([*asked, "--magic", "true", *more]) == 2
        said = capsys.readouterr()
        *notes, refusal = said.err.splitlines()
        assert told in refusal and "resume" not in said.err and not said.out
        assert all("has weights, by which its events count" in note for note in notes)
    page = Generators()
    for name, value in {**options, "magic": True}.items():
        page.hear({"option": name, "value": value if name == "magic" else str(value)})
    page.hear({"action": "train"})
    end = time.monotonic() + 120
    while page.busy and time.monotonic() < end:
        time.sleep(0.05)
    assert [notice for notice in page.notices if told in notice] == page.notices != [] and RunStore().runs() == []
    assert main([*asked, "--magic", "false", "--foreground"]) == 0 and "nan" not in "".join(capsys.readouterr())


@pytest.mark.parametrize("more", [["momenta"], ["invariants"], ["ordered", "--symmetric", "true"]])
def test_swapped_incoming_particles_and_collinear_events_are_read_and_trained_without_nan(
    tmp_path: Path, capsys: pytest.CaptureFixture, more: list[str]
):
    """Products of collinear momenta are nothing but rounding, also below zero; and either gluon may come first."""
    path, rng = write(tmp_path / "events.csv"), np.random.default_rng(8)
    table = np.loadtxt(path, delimiter=",", skiprows=1)
    table[::3] = table[::3][:, [*range(4, 8), *range(4), *range(8, 21)]]
    direction = rng.normal(size=(40, 3))
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    share = rng.uniform(0.05, 0.95, 40)
    for row, (n, x) in enumerate(zip(direction, share, strict=True)):
        legs = [500.0 * np.r_[1, -n], 500.0 * x * np.r_[1, n], 500.0 * (1 - x) * np.r_[1, n]]
        table[10 * row + 1, 8:20] = np.concatenate(legs)
        table[10 * row + 1, :8] = [500, 0, 0, 500, 500, 0, 0, -500]
    pairs = table[1::10, 12:16] * table[1::10, 16:20] * [1, -1, -1, -1]
    assert (pairs.sum(axis=1) < 0).any() and (abs(pairs.sum(axis=1)) < 1e-9).all(), "rounding below zero is among them"
    np.savetxt(path, table, delimiter=",", header=",".join(columns("gg_yyg")), comments="", fmt="%.17g")
    assert main([*ASKED, "--inputs", *more, "--file", str(path), "--foreground"]) == 0
    (run,) = RunStore().runs()
    prediction = run.prediction("test")
    assert np.isfinite(prediction["mean"]).all() and (prediction["mean"] > 0).all() and "nan" not in "".join(capsys.readouterr())


def test_the_bulk_is_learned_as_without_an_outlier(tmp_path: Path):
    """One point of 10⁶ and 10³⁰ among four thousand moves no quantile of what is generated by more than a tenth of a width."""
    points = np.random.default_rng(2).normal(size=(4_000, 2))
    found = {}
    for name in ("plain", "outlier"):
        if name == "outlier":
            points[7] = [1e6, 1e30]
        path = wb.save_events(tmp_path / f"{name}.h5", points=points)
        flow = ["--blocks", "4", "--bins", "8", "--hidden", "16", "--steps", "300", "--events", "3000", "--test-events", "500"]
        assert main(["generate", "--file", str(path), *flow, "--bayesian", "false", "--device", "cpu", "--foreground"]) == 0
        run = RunStore().runs()[0]
        new = load_sample(run.sample(4_000, tmp_path / f"new-{name}.h5"), "wedge").points
        found[name] = np.quantile(new, [0.05, 0.25, 0.5, 0.75, 0.95], axis=0)
    np.testing.assert_allclose(found["outlier"], found["plain"], atol=0.12)
    np.testing.assert_allclose(found["outlier"][:, 0], [-1.645, -0.674, 0, 0.674, 1.645], atol=0.25)
