"""The command line as a user meets it: help, sentences for mistakes, a training from beginning to end."""

from __future__ import annotations

import io
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench import terminal
from workbench.__main__ import main
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.runs.store import RunStore

TINY = ["--events", "300", "--test-events", "200", "--hidden", "8", "--draws", "4"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("WORKBENCH_RUNS", raising=False)
    return tmp_path / "home"


def refused(capsys: pytest.CaptureFixture, *arguments: str) -> str:
    """The one sentence on stderr with which a command is refused."""
    assert main(list(arguments)) == 2
    captured = capsys.readouterr()
    assert (
        captured.out == "" and captured.err.startswith("workbench: ") and captured.err.count("\n") == 1 and "Traceback" not in captured.err
    )
    return captured.err


@pytest.mark.parametrize(
    ("name", "recipe", "choice"),
    [
        ("train", AmplitudeRecipe, "one of momenta, invariants, ordered]"),
        ("generate", GeneratorRecipe, "one of rational_quadratic, cubic, affine]"),
    ],
)
def test_help_names_every_option_with_its_group_default_and_range(capsys: pytest.CaptureFixture, name, recipe, choice):
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])
    text = capsys.readouterr().out
    for name, option in recipe.options().items():
        assert f"--{name.replace('_', '-')} " in text and option.label.split()[0] in text
    assert [group for group in recipe.groups if f"\n{group}:\n" in text] == list(recipe.groups)
    assert "from 0.001 to 1,000]" in " ".join(text.split()) and choice in " ".join(text.split())


@pytest.mark.parametrize("command", [["--help"], ["train", "--help"], ["runs", "--help"], ["data", "--help"], ["--version"]])
def test_help_needs_no_torch_and_less_than_a_second(command: list[str]):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    program = f"""
import sys
from workbench import terminal
from workbench.__main__ import main
try:
    main({command!r})
finally:
    assert not {{"torch", "panel"}} & {{*sys.modules}}
"""
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert answer.returncode == 0 and answer.stdout and not answer.stderr
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 1.0


def test_mistakes_get_one_sentence_and_exit_code_2(capsys: pytest.CaptureFixture, tmp_path: Path):
    assert "Did you mean 'prior_width'?" in refused(capsys, "train", "--prior-with", "3")
    assert "noise = '3' is not possible: it must be a number between 0 and 0.1." in refused(capsys, "train", "--noise", "3")
    assert "noise = 'nan' is not possible" in refused(capsys, "train", "--noise=nan")
    assert "hidden = '1,2' is not possible" in refused(capsys, "train", "--hidden", "1,2")
    assert "'more' is not understood" in refused(capsys, "train", "more")
    assert "There is no preset 'nose': one of" in refused(capsys, "train", "--preset", "nose")
    assert "nowhere.json: No such file" in refused(capsys, "train", "--recipe", str(tmp_path / "nowhere.json"))
    assert "expected one argument" in refused(capsys, "train", "--noise")
    assert "invalid choice: 'shw'" in refused(capsys, "runs", "shw")
    assert "is not a run folder" in refused(capsys, "runs", "show", "../../etc")
    assert "needs the id of a run" in refused(capsys, "runs", "delete")
    assert "There is no run 'abc-1'" in refused(capsys, "runs", "delete", "abc-1")
    assert "There is no dataset 'x'" in refused(capsys, "data", "remove", "x")
    assert "events = '-1' is not possible" in refused(capsys, "data", "make", "--events", "-1")
    assert "Did you mean 'z_jets'?" in refused(capsys, "data", "make", "z_jet", "--events", "100")
    assert "one dataset at a time" in refused(capsys, "data", "make", "z_jets", "--process", "gg_yyg")
    assert "--port '70000' is not possible" in refused(capsys, "--port", "70000")
    assert "only with --token" in refused(capsys, "--host", "0.0.0.0")
    assert "invalid choice: 'serv'" in refused(capsys, "serv")
    assert "Did you mean 'dataset'?" in refused(capsys, "generate", "--datset", "ring")
    assert "There is no preset 'noise': one of wedge" in refused(capsys, "generate", "--preset", "noise")
    (tmp_path / "amplitude.json").write_text(AmplitudeRecipe().to_json())
    assert "which `workbench train` trains" in refused(capsys, "generate", "--recipe", str(tmp_path / "amplitude.json"))
    (tmp_path / "generator.json").write_text(GeneratorRecipe().to_json())
    assert "which `workbench generate` trains" in refused(capsys, "train", "--recipe", str(tmp_path / "generator.json"))


def test_a_recipe_file_is_read_strictly(capsys: pytest.CaptureFixture, tmp_path: Path):
    for text, sentence in {
        '{"noise": 0.01, "noise": 0.02}': "stands twice",
        '{"noise": NaN}': "is not a number JSON knows",
        '{"nois": 1}': "Did you mean 'noise'?",
        "[": "is not valid JSON",
        "x" * 80_000: "at most 65,536 are read",
    }.items():
        (tmp_path / "my.json").write_text(text)
        assert sentence in refused(capsys, "train", "--recipe", str(tmp_path / "my.json"))


def test_a_home_that_cannot_be_written_is_one_sentence(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "file"))
    assert "Not a directory" in refused(capsys, "train", "--steps", "10")
    monkeypatch.delenv("WORKBENCH_HOME")
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("Could not determine home directory.")))
    assert "set WORKBENCH_HOME, or give --runs FOLDER" in refused(capsys, "runs")


def test_a_port_in_use_is_one_sentence(home: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        answer = subprocess.run(
            [sys.executable, "-m", "workbench", "--no-browser", "--port", port], capture_output=True, text=True, timeout=120
        )
    assert answer.returncode == 2 and port in answer.stderr and answer.stderr.count("\n") == 1 and "Traceback" not in answer.stderr


def command(*arguments: str, **options) -> subprocess.CompletedProcess:
    options = {"text": True, "timeout": 300, **options}
    return subprocess.run([sys.executable, "-m", "workbench", *arguments], capture_output=True, **options)


def test_train_list_show_and_delete(home: Path, capsys: pytest.CaptureFixture):
    trained = command("train", *TINY, "--steps", "40", "--title", "my first", "--foreground")
    assert trained.returncode == 0, trained.stderr
    run = RunStore().runs()[0]
    assert trained.stdout.startswith(f"{run.path}\nmedian |Δ| ") and run.path.parent == home / "runs"
    assert run.status.state == "finished" and run.recipe.steps == 40 and run.recipe.hidden == [8]
    again = command("train", *TINY, "--steps", "40")
    assert again.returncode == 0 and "has been trained already" in again.stdout and len(RunStore().runs()) == 1
    assert main(["runs"]) == 0
    assert run.id in (line := capsys.readouterr().out) and "finished" in line and "my first" in line
    assert main(["runs", "show", run.id[:6]]) == 0
    shown = capsys.readouterr().out
    assert run.recipe.as_command() in shown and run.recipe.as_python() in shown and "systematic pull" in shown
    assert main(["data"]) == 0 and "events" in capsys.readouterr().out
    assert main(["data", "make", "wedge", "--events", "300"]) == 0 and "300 events are ready" in capsys.readouterr().out
    assert main(["runs", "delete", run.id]) == 0 and RunStore().runs() == []

    program = subprocess.Popen([sys.executable, "-m", "workbench", "train", *TINY, "--steps", "1000000"], stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 120
    while not (runs := RunStore().runs()) or not runs[0].status.step:
        assert time.monotonic() < end
        time.sleep(0.05)
    os.kill(program.pid, signal.SIGINT)
    _, said = program.communicate(timeout=60)
    assert program.returncode == 130 and runs[0].status.state == "stopped"
    assert f"Interrupted; run {runs[0].id} was stopped at step" in said and f"workbench runs resume {runs[0].id}" in said
    assert "Traceback" not in said


def test_generate_trains_what_its_options_a_preset_and_a_file_say(home: Path, capsys: pytest.CaptureFixture, tmp_path: Path):
    (tmp_path / "mine.json").write_text('{"events": 2000, "test_events": 1000, "draws": 4, "hidden": [8], "blocks": 2, "steps": 30}')
    asked = ["generate", "--preset", "kicker", "--recipe", str(tmp_path / "mine.json"), "--steps", "40"]
    trained = command(*asked, "--foreground")
    assert trained.returncode == 0, trained.stderr
    (run,) = RunStore().runs()
    assert isinstance(run.recipe, GeneratorRecipe) and (run.recipe.events, run.recipe.steps) == (2_000, 40)
    assert trained.stdout.startswith(f"{run.path}\nlog loss ") and "|ratio − 1|" in trained.stdout
    again = command("generate", *run.recipe.as_command().split()[2:])
    assert "has been trained already" in again.stdout and len(RunStore().runs()) == 1
    assert main(["runs", "show", run.id]) == 0 and "exact entropy" in capsys.readouterr().out


@pytest.fixture
def terminal_of(monkeypatch: pytest.MonkeyPatch):
    """Runs a command in a terminal of some encoding: its exit code, and what stands there."""

    def run(encoding: str, *arguments: str) -> tuple[int, str]:
        seen = io.BytesIO()
        for name in ("stdout", "stderr"):
            monkeypatch.setattr(sys, name, io.TextIOWrapper(seen, encoding=encoding, errors="strict", write_through=True))
        try:
            return main(list(arguments)), seen.getvalue().decode(encoding)
        except SystemExit as end:  # help
            return int(end.code or 0), seen.getvalue().decode(encoding)

    return run


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252", "cp437", "utf-8"])
def test_a_terminal_of_any_encoding_gets_readable_text(home: Path, terminal_of, encoding: str):
    store = RunStore(home / "Größe")
    folder = ["--runs", str(store.root)]
    code, trained = terminal_of(encoding, "train", *TINY, "--steps", "20", "--foreground", *folder)
    (run,) = store.runs()
    assert code == 0 and f"median {'|Δ|' if encoding == 'utf-8' else '|Delta|'} " in trained
    assert ("Gr\\xf6\\xdfe" if encoding == "ascii" else "Größe") in trained
    said = ""
    for command in (["runs", *folder], ["runs", "show", run.id, *folder], ["story"], ["train", "--help"], ["--help"], ["data"]):
        code, more = terminal_of(encoding, *command)
        assert code == 0, command
        said += more
    assert "20 of 20" in said and ("σ_syst" if encoding in ("utf-8", "cp437") else "sigma_syst") in said
    code, refusal = terminal_of(encoding, "train", "--noise", "ω")
    assert code == 2 and ("noise = 'ω'" if encoding == "utf-8" else "noise = 'omega'") in refusal


def test_a_locale_that_knows_only_ascii_keeps_what_was_typed(home: Path):
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    trained = command("train", *TINY, "--steps", "20", "--title", "Größe", env=environment)
    assert (trained.returncode, trained.stderr) == (0, "") and "median |Delta| " in trained.stdout
    assert RunStore().runs()[0].title == "Größe"


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_closed_streams_stop_no_training(home: Path, closed: str):
    program = " ".join([sys.executable, "-m", "workbench", "train", *TINY, "--steps", "20", closed])
    answer = subprocess.run(["sh", "-c", program], capture_output=True, timeout=300)
    (run,) = RunStore().runs()
    assert answer.returncode == 0 and run.status.state == "finished" and not run.problems()


def test_a_folder_that_is_gone_is_one_sentence(tmp_path: Path):
    program = f"mkdir gone && cd gone && rmdir ../gone && {sys.executable} -P -m workbench runs"
    answer = subprocess.run(["sh", "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == "workbench: The folder that this shell stands in is gone; go to one that exists.\n"


ODD = "a b'#%?[\xe9]*;$x"  # what shells, addresses and patterns take apart
AROUND = {
    "an odd name": (ODD, ""),
    "32 open files": ("home", "ulimit -n 32; "),
    "a path of 2,500 characters": ("/".join(["x" * 99] * 25), ""),
}


@pytest.mark.parametrize("kind", AROUND)
def test_odd_surroundings_are_no_reason_not_to_train(tmp_path: Path, kind: str):
    place, before = AROUND[kind]
    home = tmp_path / place
    home.mkdir(parents=True)
    environment = {**os.environ, "WORKBENCH_HOME": str(home)}
    for words in (["train", *TINY, "--steps", "20"], ["runs"], ["data"]):
        script = f'{before}exec "$0" -m workbench "$@"'
        done = subprocess.run(["sh", "-c", script, sys.executable, *words], env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    (run,) = RunStore(home / "runs").runs()
    assert run.status.state == "finished" and run.problems() == []


@pytest.mark.parametrize(("kind", "before"), [("little address space", "ulimit -v 700000; "), ("a path of 3,900 characters", "")])
def test_where_a_training_cannot_be_it_ends_in_a_word_and_leaves_no_process(tmp_path: Path, kind: str, before: str):
    """Either it works, or what is said says why; nothing hangs, and no run counts as one that trains."""
    home = tmp_path / ("home" if before else "/".join(["x" * 99] * 39)[: 3_900 - len(str(tmp_path))])
    try:
        home.mkdir(parents=True)
    except OSError:
        pytest.skip("paths cannot be that long here")
    script = f'{before}exec "$0" -m workbench "$@"'
    words = ["train", *TINY, "--steps", "20"]
    environment = {**os.environ, "WORKBENCH_HOME": str(home)}
    done = subprocess.run(["sh", "-c", script, sys.executable, *words], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1, 2) and (done.returncode == 0 or done.stderr.strip()), done
    assert not [run for run in RunStore(home / "runs").runs() if run.status.live]


def test_a_full_disk_behind_the_output_is_one_sentence(home: Path):
    answer = subprocess.run(["sh", "-c", f"{sys.executable} -m workbench story > /dev/full"], capture_output=True, text=True)
    assert answer.returncode == 2 and answer.stderr == "workbench: No space left on device\n"


def test_the_newest_runs_are_listed_and_the_others_counted(home: Path, capsys, monkeypatch):
    from workbench.commands import runs
    from workbench.families.basics.recipe import BasicsRecipe

    monkeypatch.setattr(runs, "NEWEST", 2)
    made = [RunStore().create(BasicsRecipe(seed=seed)).id for seed in range(4)]
    for k, name in enumerate(made):
        os.utime(RunStore().open(name).path / "recipe.json", ns=(k, k))
    capsys.readouterr()
    assert main(["runs"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said[:-1]] == made[:1:-1] and said[-1] == "… and 2 older runs: workbench runs --all"
    assert main(["runs", "--all"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == made[::-1]


def test_letters_are_spelled_in_words():
    assert terminal.in_ascii("median |Δ| 0.5 %, σ_stat/√M → 2.5·10⁻⁴ ± χ²/n₁₂ …") == (
        "median |Delta| 0.5 %, sigma_stat/sqrt M -> 2.5*10^-4 +- chi^2/n_12 ..."
    )
    assert "γγ".encode("latin-1", "spelled") == b"gammagamma" and "µ²".encode("latin-1", "spelled") == b"\xb5\xb2"
    assert "a\udcf6σ".encode("ascii", "spelled") == b"a\xf6sigma"


PROGRAM = """
import sys

class Tell:
    def find_spec(self, name, *_):
        if name == "param":
            sys.meta_path.remove(self)
            print("it imports", flush=True)

sys.meta_path.insert(0, Tell())
from workbench.__main__ import main
sys.exit(main())
"""


LONG = ["--steps", "1000000", "--seed", "7"]
EARLY, LATE = (0.002, 0.004, 0.009, 0.02, 0.04, 0.08, 0.2, 0.4), (0.8, 1.7, 3.6)
SOME = (0.02, 1.2, 3.0)
COMMANDS = {
    "runs": (["runs"], EARLY),
    "story": (["story"], EARLY),
    "a story": (["story", "fit"], (0.02, *LATE)),
    "train": (["train", *TINY, *LONG], EARLY + LATE),
    "generate": (["generate", "--events", "500", "--test-events", "500", *LONG], SOME),
    "learn": (["learn", *LONG], SOME),
    "infer": (["infer", "--events", "2000", *LONG], SOME),
    "formula": (["formula", *LONG], SOME),
    "sweep": (["sweep", *TINY, "--hidden", "8,16", "--steps", "1000000"], (0.02, *LATE)),
    "data make": (["data", "make", "--events", "3000000"], (0.02, *LATE)),
    "data convert": (["data", "convert", "points.csv", "out.h5"], (0.02, *LATE)),
    "predict": (["predict", "x", "--file", "points.csv"], (0.02, 0.4)),
    "export": (["export", "x", "out.onnx"], (0.02, 0.4)),
    "pages": (["--no-browser", "--port", "0"], (0.02, *LATE)),
    "lab": (["lab", "notebooks", "--no-browser"], (0.02, *LATE)),
}
"""Words of a command, and seconds after its first import when Ctrl+C comes."""


@pytest.mark.parametrize("name", COMMANDS)
def test_ctrl_c_at_any_instant_is_a_word_and_leaves_nothing_behind(home: Path, tmp_path: Path, name: str):
    """From the first import to the first steps of a training: no traceback, 130, and no run that goes on; where one was begun it is said
    that it was stopped."""
    words, instants = COMMANDS[name]
    (tmp_path / "points.csv").write_text("x,y\n" + "0.5,0.25\n0.125,0.75\n" * 200_000)
    codes, known = [], set()
    for wait in instants:
        command = [sys.executable, "-c", PROGRAM, *words]
        program = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
        )
        program.stdout.readline()
        time.sleep(wait)
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=120)
        runs = {run.id: run for run in RunStore().runs()}
        begun, known = set(runs) - known, set(runs)
        assert "Traceback" not in said, (wait, said)
        codes.append(program.returncode)
        if name in ("pages", "lab"):
            assert program.returncode in (130, 0), (wait, said)
            continue
        assert program.returncode == 130 or (program.returncode in (0, 2) and name not in TRAINS), (wait, said)
        assert program.returncode != 130 or "Interrupted" in said, (wait, said)
        assert not [run for run in runs.values() if run.status.live], wait
        assert not begun or "stopped" in said, (wait, said)
        assert program.returncode == 0 or not [*tmp_path.glob("*.tmp"), *tmp_path.glob("out.h5")], wait
    assert codes[0] == 130


TRAINS = ("a story", "train", "generate", "learn", "infer", "formula", "sweep")


@pytest.mark.parametrize("name", ["a story", "sweep"])
def test_ctrl_c_between_the_start_of_trainings_and_their_bar_stops_them_all(home: Path, tmp_path: Path, name: str):
    """The bar is imported when all have been begun: there the program interrupts itself."""
    itself = PROGRAM.replace('"param"', '"tqdm.auto"').replace('print("it imports", flush=True)', "__import__('signal').raise_signal(2)")
    command = [sys.executable, "-c", itself, *COMMANDS[name][0]]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    runs = RunStore().runs()
    assert ended.returncode == 130 and "stopped, and the same again resumes" in ended.stderr, ended.stderr
    assert runs and not [run for run in runs if run.status.live]


@pytest.mark.timing
def test_ctrl_c_while_a_training_is_started_gives_the_prompt_back_within_two_and_a_half_seconds(home: Path, slowdown):
    """As long as loading takes, and 2.5 s more at most."""
    for wait in (0.0, 0.3, 1.0, 2.0):
        program = subprocess.Popen([sys.executable, "-m", "workbench", "train", *TINY, *LONG], stderr=subprocess.PIPE, text=True)
        before, end = len(RunStore().runs()), time.monotonic() + 120
        while len(RunStore().runs()) == before:
            assert time.monotonic() < end and program.poll() is None
            time.sleep(0.01)
        time.sleep(wait)
        begin = time.monotonic()
        program.send_signal(signal.SIGINT)
        program.wait(timeout=120)
        took = time.monotonic() - begin
        _, said = program.communicate(timeout=120)  # until the process that was to start trainings has closed its end too
        assert program.returncode == 130 and "was stopped" in said and took < 2.5 * slowdown(), (wait, took, said)


def test_an_option_without_effect_is_said_and_a_file_that_would_not_be_read_refused(
    capsys: pytest.CaptureFixture, home: Path, tmp_path: Path
):
    small = ["--events", "100", "--test-events", "100", "--steps", "2", "--draws", "2", "--hidden", "8", "--blocks", "2"]
    assert main(["generate", "--coordinates", "boson", "--magic", "true", *small]) == 0
    assert "workbench: --coordinates, --magic have no effect with these options.\n" in capsys.readouterr().err
    (tmp_path / "mine.csv").write_text("x,y\n" + "\n".join(f"{k},{k * k}" for k in range(50)))
    said = refused(capsys, "formula", "--file", str(tmp_path / "mine.csv"))
    assert "mine.csv is not read with target = score; choose target = table, or leave the file out." in said
