"""The command line. Its options, their ranges and their help grow from the recipe's declarations."""

from __future__ import annotations

import argparse
import atexit
import contextlib
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

INTERRUPTED = 130


def end_at_once(*_: object) -> NoReturn:
    """Ctrl+C while nothing has begun, or all has ended: an exception would be shown by whoever imports, or be lost there."""
    os.write(2, b"Interrupted.\n")
    os._exit(INTERRUPTED)


BEFORE = signal.getsignal(signal.SIGINT)
if BEFORE is signal.default_int_handler and threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, end_at_once)

try:
    os.getcwd()
except OSError:  # importing param would end in a traceback
    print("workbench: The folder that this shell stands in is gone; go to one that exists.", file=sys.stderr)
    sys.exit(2)

import workbench
from workbench import terminal
from workbench.data.own_file import beside
from workbench.families import FAMILIES, PRESETS, product_named
from workbench.home import NoHome
from workbench.physics.datasets import DATASETS
from workbench.runs.files import Lock, RunError
from workbench.runs.store import EXAMPLES, Run, RunStore, open_run
from workbench.training.option import Choice, Number, Option
from workbench.training.recipe import AmplitudeRecipe, Recipe, RecipeError

if TYPE_CHECKING:
    import xarray

    from workbench.stories import Story

DATA_OPTIONS = ("process", "events", "data_seed", "beams", "sampling", "sqrt_s")
MADE_EVENTS = 90_000


class Usage(Exception):
    """What the user asked for in a way that cannot be understood, in one sentence."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence instead of repeating the whole usage."""

    def error(self, message: str) -> NoReturn:
        raise Usage(f"{message[:1].upper()}{message[1:]}. `{self.prog} --help` shows what is possible.")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code: 0 done, 1 the training failed, 2 not possible as asked, 130 interrupted."""
    as_program = arguments is None and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    terminal.make_readable()
    try:
        code = run_command(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return code
    except (Usage, RecipeError, RunError, NoHome) as problem:
        return complain(str(problem))
    except BrokenPipeError:  # the reader of `workbench runs | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as problem:
        sentence = problem.strerror or str(problem)
        return complain(f"{problem.filename}: {sentence}." if problem.filename else sentence)
    except KeyboardInterrupt as interrupt:
        print(str(interrupt) or "Interrupted.", file=sys.stderr)
        return INTERRUPTED
    finally:
        if as_program:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
            signal.signal(signal.SIGINT, end_at_once)
            atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # all is said and done


def complain(sentence: str) -> int:
    print(f"workbench: {sentence}", file=sys.stderr)
    return 2


def run_command(arguments: list[str]) -> int:
    options, unknown = parser().parse_known_args(arguments)
    if unknown and options.command in TRAINED and unknown[0].startswith("--"):
        TRAINED[options.command].check(unknown[0][2:].split("=")[0].replace("-", "_"), "")
    if unknown:
        raise Usage(
            f"{unknown[0]!r} is not understood. `workbench {options.command or ''} --help` shows what is possible.".replace("  ", " ")
        )
    return options.do(options)


def parser() -> Parser:
    top = Parser(
        "workbench",
        description="Watch networks learn LHC amplitudes with error bars. Without a command: open the pages.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"workbench {workbench.__version__}")
    top.add_argument("--port", default="5006", help="port of the page server [5006]; 0 takes a free one")
    top.add_argument("--host", default="127.0.0.1", help="address to listen on [127.0.0.1]; any but this computer's own needs --token")
    top.add_argument("--no-browser", action="store_true", help="do not open a browser")
    add_runs(top)
    add_class(top.add_argument_group("for a class", CLASS))
    top.set_defaults(do=serve, command=None)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser, title="commands")

    for family in FAMILIES:
        add_training(command(commands, family.command, family.help, family.about), family.recipe)

    sweep = command(commands, "sweep", "train a recipe for all combinations of some options", SWEEP)
    sweep.add_argument("--title", type=terminal.in_unicode, default="", help="a name for the runs")
    sweep.add_argument("--out", metavar="FILE.nc", help="write the results, all dims and units, as netCDF")
    add_runs(sweep)
    for title, names in AmplitudeRecipe.groups.items():
        add_options(sweep.add_argument_group(title), names, several=True)
    sweep.set_defaults(do=sweep_command)

    story = command(commands, "story", "train what a plot of the talks needs, and judge it", STORY)
    story.add_argument("name", nargs="?", default="", help="the story; without one they are listed")
    story.add_argument("--full", action="store_true", help="the talk's sizes, which want a GPU")
    story.add_argument("--out", metavar="FOLDER", help="where figures, data and verdict are written [./NAME]")
    story.add_argument("--table", action="store_true", help="the numbers that ship with the stories beside the talks', of one or of all")
    add_runs(story)
    story.set_defaults(do=story_command)

    lab = command(commands, "lab", "open JupyterLab on a copy of the lecture notebooks", LAB)
    lab.add_argument("place", nargs="?", default="workbench-notebooks", metavar="FOLDER", help="where the copy is [./workbench-notebooks]")
    lab.add_argument(
        "--port", dest="lab_port", metavar="PORT", default="8888", help="port of JupyterLab [8888]; the next free one where it is taken"
    )
    lab.add_argument("--no-browser", dest="lab_quiet", action="store_true", help="only print the link")
    add_runs(lab)
    lab.set_defaults(do=lab_command)
    sample = command(commands, "sample", "draw new events from a trained generator", SAMPLE)
    sample.add_argument("id", help="the run: its id, the beginning of it, or its folder")
    sample.add_argument("--events", default="100000", metavar="N", help="how many; from 1 to 10,000,000 [100,000]")
    sample.add_argument("--output", metavar="FILE.h5", help="where they are written [ID.h5]")
    sample.add_argument(
        "--nuisance", default="0", metavar="NUMBER", help="the a of a generator that is conditioned on it; from 0 to 30 [0]"
    )
    sample.add_argument("--seed", default="1", metavar="N", help="another seed gives other events [1]")
    add_runs(sample)
    sample.set_defaults(do=sample_command)

    predict = command(commands, "predict", "what a trained network says of points of your own", PREDICT)
    predict.add_argument("id", help="the run")
    predict.add_argument("--file", required=True, metavar="FILE", help="points as a recipe's own file has them, with amplitudes or without")
    predict.add_argument("--output", metavar="FILE", help="where to write: .csv or .nc [RUN-predicted.csv]")
    predict.add_argument("--draws", metavar="N", help="draws of a Bayesian network [those of its recipe]")
    add_options(predict.add_argument_group("file"), ("units",))
    add_runs(predict)
    predict.set_defaults(do=predict_command)

    runs = command(commands, "runs", "list, show, delete, resume or stop runs", RUNS)
    runs.add_argument("action", nargs="?", default="list", choices=("list", "show", "delete", "resume", "stop"), help="what to do [list]")
    runs.add_argument("id", nargs="*", help="the run, or several")
    runs.add_argument("--waiting", action="store_true", help="stop: all runs that wait for their turn")
    runs.add_argument("--background", action="store_true", help="resume: return at once instead of following")
    add_runs(runs)
    runs.set_defaults(do=runs_command)

    data = command(commands, "data", "make, list or remove events", DATA)
    data.add_argument("action", nargs="?", default="list", choices=("make", "list", "remove", "convert"), help="what to do [list]")
    data.add_argument(
        "name",
        nargs="*",
        help=f'make: {", ".join(DATASETS)}; remove: the names of `workbench data`, or "all"; convert: a file to read, and '
        "one to write, whose end says the format: .h5, .csv, .csv.gz, .npy, .npz, .parquet",
    )
    add_options(data.add_argument_group("make"), DATA_OPTIONS, events=MADE_EVENTS)
    add_options(data.add_argument_group("convert"), ("units",))
    data.set_defaults(do=data_command)
    return top


CLASS = (
    "workbench --host 0.0.0.0 --token auto prints two links: one for the lecturer, one for the class. Students see the runs, train "
    "their own and change only those; equal recipes share one training, the others wait in a queue whose positions are shown."
)


def add_class(group: argparse._ArgumentGroup) -> None:
    made = "the word auto makes one; @FILE, its first line, or $WORKBENCH_{0} instead hide it from other users of this computer"
    group.add_argument("--token", metavar="TOKEN", help=f"what the class needs to come in; {made.format('TOKEN')}")
    group.add_argument(
        "--lecturer-token", metavar="TOKEN", help=f"what the lecturer, or you without a class, need [auto]; {made.format('LECTURER_TOKEN')}"
    )
    group.add_argument("--pages", metavar="N", help="pages that may be open at the same time [60]")
    group.add_argument("--jobs", metavar="N", help="runs that train at the same time [$WORKBENCH_SLOTS, or the number of cores, at most 4]")
    group.add_argument("--jobs-each", metavar="N", help="runs of one student that train or wait at the same time [2]; 0 for any number")
    kinds = group.add_mutually_exclusive_group()
    kinds.add_argument("--users", action="store_true", help="every browser's list shows its own runs only")
    kinds.add_argument("--gallery", action="store_true", help="students look at everything and train nothing")
    group.add_argument("--origin", metavar="URL", action="append", help="where a proxy offers the pages: https://hub.example.org")
    group.add_argument("--prefix", metavar="PATH", default="", help="path of the pages there: /user/name/workbench")


def add_training(train: Parser, recipe_type: type[Recipe]) -> None:
    """What a command takes that trains recipes of one kind."""
    train.add_argument("--title", type=terminal.in_unicode, default="", help="a name for the run")
    train.add_argument("--preset", metavar="NAME", help="begin from a preset; options given here change it")
    train.add_argument("--recipe", metavar="FILE", help="begin from a recipe.json, or from a JSON file of options")
    train.add_argument("--again", action="store_true", help="train even if an equal recipe has been trained already")
    train.add_argument("--background", action="store_true", help="return at once; `workbench runs` shows how it goes")
    train.add_argument("--foreground", action="store_true", help="train in this process, without a queue: for batch systems")
    add_runs(train)
    for title, names in recipe_type.groups.items():
        add_options(train.add_argument_group(title), names, of=recipe_type)
    train.set_defaults(do=train_command)


TRAINED: dict[str, type[Recipe]] = {"sweep": AmplitudeRecipe} | {family.command: family.recipe for family in FAMILIES}
"""The recipes that commands train."""
USAGE = {family.command: f"workbench {family.command} [options]" for family in FAMILIES} | {
    "sweep": "workbench sweep --OPTION VALUE,VALUE,… [options]",
    "story": "workbench story [NAME] [options]",
    "lab": "workbench lab [FOLDER] [options]",
    "predict": "workbench predict RUN --file IN [--output OUT.csv] [options]",
    "sample": "workbench sample RUN [--events N] [--output FILE.h5] [options]",
    "runs": "workbench runs [list | show ID | delete ID | resume ID | stop ID | stop --waiting] [options]",
    "data": "workbench data [list | make [NAME] | remove NAME | convert IN OUT] [options]",
}
SWEEP = (
    "Train a recipe for all combinations of the options that have several values: comma-separated, or the option given several times. "
    "What only changes noise, prior, uncertainty, repulsion, boosting or seed trains as one population. Finished runs are not repeated."
)
STORY = "Tell a story: train what it needs; write figures (HTML, no network needed), data (CSV), the scan (netCDF) and the verdict."
LAB = (
    "Copy the lecture notebooks into a folder, where notebooks that are there already stay as they are, and open JupyterLab on it: on this "
    "computer only, behind a token, without any need of a network."
)
SAMPLE = (
    "Draw new events of weight 1 from the weights of a finished or stopped generator, as HDF5 with the recipe that made them: momenta in "
    "GeV, or points. Portion by portion, so that ten million need no more memory than a few thousand."
)
PREDICT = (
    "Say what a trained network thinks of points of your own, also while it still trains: ⟨A⟩ with σ_syst, σ_stat and σ_tot of an "
    "amplitude, ln p with its spread of a generator. Any file that a recipe reads, with amplitudes or without; portion by portion."
)
RUNS = "Runs that were trained, are being trained, or were interrupted."
DATA = (
    "Events kept on disk for all runs: with exact amplitudes, or of a named dataset of the generators. They are made when a recipe needs "
    "them; `make` makes them before. `convert` reads a file of your own as a training would, and writes it in another format, in GeV."
)


def command(commands: Any, name: str, help: str, description: str) -> Parser:
    return commands.add_parser(name, help=help, description=description, formatter_class=Help, allow_abbrev=False, usage=USAGE[name])


class Help(argparse.HelpFormatter):
    """Room for the names of the options."""

    def __init__(self, prog: str):
        super().__init__(prog, max_help_position=34, width=min(120, int(os.environ.get("COLUMNS", "110"))))


def add_runs(to: argparse.ArgumentParser) -> None:
    to.add_argument(
        "--runs", metavar="FOLDER", dest="folder", default=None, help="folder of the runs [$WORKBENCH_RUNS, or .workbench/runs at home]"
    )


def add_options(
    group: argparse._ArgumentGroup, names: tuple[str, ...], *, several: bool = False, of: type[Recipe] = AmplitudeRecipe, **defaults: object
) -> None:
    """Command-line options for declared options. They stay text here: the recipe checks them, with better sentences than argparse."""
    action: Any = "append" if several else "store"
    for name in names:
        option = of.options()[name]
        default = defaults.get(name, option.default)
        text = f"{option.titled}. {option.doc} [{word(default)}{possible(option)}]"
        flag = f"--{name.replace('_', '-')}"
        group.add_argument(flag, dest=name, default=None, action=action, metavar=option.placeholder, help=text.replace("%", "%%"))


def possible(option: Option) -> str:
    if isinstance(option, Choice):
        return f"; one of {', '.join(option.objects)}" if len(option.objects) > 1 else ""
    if isinstance(option, Number):
        low, high = (f"{bound:,}" if isinstance(bound, int) else f"{bound:,g}" for bound in option.limits)
        return f"; from {low} to {high}"
    return ""


def word(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, dict):
        return " × ".join(f"{name}={','.join(map(word, values))}" for name, values in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value).lower() or "none"


def chosen(options: argparse.Namespace, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}


def store_of(options: argparse.Namespace) -> RunStore:
    try:
        return RunStore(options.folder)
    except RuntimeError as problem:  # none of ours, or none of ~somebody
        raise Usage("There is no home folder for runs; set WORKBENCH_HOME, or give --runs FOLDER.") from problem


def serve(options: argparse.Namespace) -> int:
    port = whole("--port", options.port, 0, 65_535)
    from workbench.studios.door import Door, new_token
    from workbench.studios.house import HOME, House

    token, lecturer = (
        token_of(f"--{name}", given or os.environ.get(f"WORKBENCH_{name.replace('-', '_').upper()}", ""))
        for name, given in (("token", options.token), ("lecturer-token", options.lecturer_token))
    )
    if token == "auto":  # noqa: S105
        token = new_token()
    if lecturer in ("", "auto"):
        lecturer = new_token()
    for name in ("pages", "jobs_each", "users", "gallery"):
        if getattr(options, name) and not token:
            raise Usage(f"--{name.replace('_', '-')} is for a class, which needs --token TOKEN (or --token auto).")
    pages, each = whole("--pages", options.pages or "60", 1, 10_000), whole("--jobs-each", options.jobs_each or "2", 0, 10_000)
    origins = tuple(origin.rstrip("/") for origin in options.origin or ())
    prefix = "/" + options.prefix.strip("/") if options.prefix.strip("/") else ""
    door = Door(options.host, port, prefix, token, lecturer, origins, pages)
    if problem := door.problem():
        raise Usage(problem)
    if options.jobs:
        os.environ["WORKBENCH_SLOTS"] = str(whole("--jobs", options.jobs, 1, 1_000))
    folder = store_of(options).root
    from workbench.studios import serve as serve_pages

    house = House(gallery=options.gallery, users=options.users, each=each) if token else HOME
    serve_pages(show=not options.no_browser, runs=folder, door=door, house=house)
    return 0


def token_of(option: str, given: str) -> str:
    """A token that was given, or the first line of the file that is named by @FILE. Raises: Usage."""
    if not given.startswith("@"):
        return given
    with Path(given[1:]).expanduser().open("rb") as file:
        first = file.readline(1_000).decode("utf-8", "replace").strip()
    if not first:
        raise Usage(f"{option} {given[:60]}: there is no token in the first line of this file.")
    return first


def whole(option: str, text: str, low: int, high: int) -> int:
    """The whole number that an option is given. Raises: Usage."""
    if not (text.isdecimal() and text.isascii() and low <= int(text[:20]) <= high):
        raise Usage(f"{option} {text[:20]!r} is not possible: a whole number from {low:,} to {high:,} is needed.")
    return int(text)


def lab_command(options: argparse.Namespace) -> int:
    port = whole("--port", options.lab_port, 1, 65_535)
    from workbench.studios.lab import lab

    if options.folder:
        os.environ["WORKBENCH_RUNS"] = str(store_of(options).root)  # for the kernels
    lab(options.place, port=port, show=not (options.lab_quiet or options.no_browser))
    return 0


def train_command(options: argparse.Namespace) -> int:
    from workbench.runs.launcher import launch

    recipe, store = recipe_of(options).fixed(), store_of(options)
    if not options.again and (found := store.find(recipe)):
        print(
            f"This recipe {'has been trained' if found.status.state == 'finished' else 'is being trained'} already; --again trains it anew."
        )
        with interrupts() as asked:
            return follow(found, asked, mine=False)
    check_own_file(recipe)
    if options.foreground:
        return train_here(*store.create_owned(recipe, options.title))
    with interrupts() as asked:
        run = launch(recipe, runs=store, title=options.title, reuse=not options.again)
        if not options.background or asked.is_set():
            return follow(run, asked)
    print(run.path)
    return 0


def check_own_file(recipe: Recipe) -> None:
    """Say what is to be said of the user's own file before a run is made of it. Raises: Usage when it cannot be read."""
    from workbench.data.files import FileProblem, check_file

    if not (file := getattr(recipe, "file", "")):
        return
    try:
        notes = check_file(file, recipe.subject, getattr(recipe, "units", "auto"))
    except FileProblem as problem:
        raise Usage(str(problem)) from problem
    for note in notes:
        print(f"workbench: {note}", file=sys.stderr)


def sweep_command(options: argparse.Namespace) -> int:
    from workbench.runs.sweep import sweep

    known = AmplitudeRecipe.options()
    given = {name: [value for text in texts for value in known[name].listed(text)] for name, texts in chosen(options, tuple(known)).items()}
    axes = {name: values for name, values in given.items() if len(values) > 1}
    if not axes:
        raise Usage("No option has several values, so there is nothing to sweep; for instance: workbench sweep --noise 0,0.01,0.1")
    recipe = AmplitudeRecipe(**{name: values[0] for name, values in given.items()})
    swept: dict[str, Any] = dict(axes)
    results = sweep(recipe, runs=store_of(options), title=options.title, **swept)
    if options.out:
        from workbench.runs import files, netcdf

        files.replace(Path(options.out), netcdf.encode({"/": results}))
    print(table(results, axes))
    return 0


def table(results: xarray.Dataset, axes: dict[str, list[str]]) -> str:
    """The points of a sweep, a line each."""
    shown = {"delta_median": "median |Δ|", "sigma_syst_median": "σ_syst/A", "sigma_stat_median": "σ_stat/A", "pull_width": "pull width"}
    points = results[list(shown)].stack(point=list(axes))
    lines = [[*axes, *shown.values()]]
    for k in range(points.sizes["point"]):
        point = points.isel(point=k)
        lines.append([str(value) for value in point["point"].item()] + [f"{float(point[name]):.4g}" for name in shown])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def story_command(options: argparse.Namespace) -> int:
    from workbench.stories import STORIES

    if options.table:
        print(story_table([options.name] if options.name else list(STORIES), full=options.full))
        return 0
    if not options.name:
        for name in STORIES:
            told = told_story(name, full=options.full)
            print(f"{name:16} {told.title}  (about {told.seconds} s on two cores)")
        return 0
    told = told_story(options.name, full=options.full)
    begun = told.begin(store_of(options))
    told.wait(begun)
    verdict = told.judge(told.scan(begun))
    folder = told.write(Path(options.out or told.name), begun)
    print(f"{told.title}\n{verdict}\n{folder}")
    return 0 if verdict.holds else 1


def told_story(name: str, *, full: bool) -> Story:
    """A story by its name. Raises: Usage."""
    from workbench.stories import story

    try:
        return story(name, full=full)
    except ValueError as problem:
        raise Usage(str(problem)) from problem


def story_table(names: list[str], *, full: bool) -> str:
    """Stories as they were judged from the numbers that ship: headline, and each row with its mark, our number and what is expected."""
    from workbench.stories import MARKS, lines

    parts = [
        f"{MARKS['agrees']} as expected   {MARKS['differs']} not as expected   {MARKS['untested']} no number to compare with   "
        f"{MARKS['missing']} not measured"
    ]
    for name in names:
        told = told_story(name, full=full)
        kept = told.kept
        if kept is None:
            parts.append(f"{name}: {told.title}\n  No numbers come with the package; `workbench story {name}` makes them.")
            continue
        found = told.judge(kept)
        parts.append("\n".join([f"{name}: {found.headline}", f"  {told.title}. {told.talk}", *lines(found.rows)]))
    return "\n\n".join(parts)


def recipe_of(options: argparse.Namespace) -> Recipe:
    recipe_type = TRAINED[options.command]
    values: dict[str, object] = {}
    if options.preset:
        presets = PRESETS[recipe_type.kind]
        if options.preset not in presets:
            raise Usage(f"There is no preset {options.preset[:40]!r}: one of {', '.join(presets)} is needed.")
        values |= presets[options.preset].changes
    if options.recipe:
        read = read_recipe(Path(options.recipe), recipe_type)
        if not isinstance(read, recipe_type):
            raise Usage(f"{options.recipe} is a recipe of the kind {read.kind}, which `workbench {read.command}` trains.")
        values |= read.to_dict()
        values.pop("file_digest", None)
    return recipe_type(**{**values, **chosen(options, tuple(recipe_type.options()))})


def read_recipe(path: Path, recipe_type: type[Recipe]) -> Recipe:
    if path.is_dir():
        return open_run(path).recipe
    if path.name == "recipe.json" and path.parent.name and (path.parent / "status.json").exists():
        return open_run(path.parent).recipe
    with path.open(encoding="utf-8", errors="replace") as file:
        recipe = recipe_type.from_json(file.read(70_000))
    own = getattr(recipe, "file", "")
    return recipe.replace(file=beside(own, path.parent)) if own else recipe


def train_here(run: Run, lock: Lock) -> int:
    from workbench.runs.worker import run_job

    run.write_control("run", fresh=True)
    watcher = threading.Thread(target=show_progress, args=(run, threading.Event()), daemon=True)
    watcher.start()
    run_job(run.path, lock=lock)
    watcher.join(2.0)
    return say_how_it_ended(run)


@contextlib.contextmanager
def interrupts() -> Iterator[threading.Event]:
    """Ctrl+C sets an event: an exception may be lost in an import, or leave a run that nobody knows of."""
    asked = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: asked.set())
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


def follow(run: Run, asked: threading.Event, *, mine: bool = True) -> int:
    """Show a run's progress to its end. When `asked`, stop the run if it is `mine`, and else only watching it."""
    show_progress(run, asked)
    if not asked.is_set():
        return say_how_it_ended(run)
    if not mine:
        print(f"\nRun {run.id} goes on; `workbench runs stop {run.id}` stops it.", file=sys.stderr)
        return INTERRUPTED
    print("\nStopping …", file=sys.stderr)
    status = run.stop().status
    if status.state != "stopped":
        return say_how_it_ended(run)
    print(f"Interrupted; run {run.id} was stopped at step {status.step:,} of {status.steps:,}.", file=sys.stderr)
    print(f"Go on with: workbench runs resume {run.id}", file=sys.stderr)
    return INTERRUPTED


def show_progress(run: Run, asked: threading.Event) -> None:
    """Until the run has ended, or until it is asked not to."""
    from tqdm.auto import tqdm

    status = run.status
    with tqdm(total=status.steps, unit="step", disable=None, leave=False, dynamic_ncols=True) as bar:
        while status.live:
            bar.n = status.step
            part = f" {status.progress:.0%}" if status.progress is not None else ""
            bar.set_description_str(f"{status.message or status.state}{part}", refresh=False)
            reports = run.read_reports(None).reports[-1:] if not bar.disable else []
            bar.set_postfix(
                {name: f"{value:.4g}" for report in reports for name, value in report["losses"].items() if value is not None}, refresh=True
            )
            if asked.wait(0.1):
                return
            status = run.status


def say_how_it_ended(run: Run) -> int:
    status = run.status
    if status.state == "finished":
        print(f"{run.path}\n{result(run)}")
        return 0
    print(f"Run {run.id} {status.state} at step {status.step:,} of {status.steps:,}. {status.message}".rstrip(), file=sys.stderr)
    if status.resumable:
        print(f"Go on with: workbench runs resume {run.id}", file=sys.stderr)
    return INTERRUPTED if status.state == "stopped" else 1


def result(run: Run) -> str:
    """The quality of a finished run in one line."""
    from workbench.results.product import product_of

    prediction = run.prediction("test")
    return f"{product_named(product_of(prediction)).sentence(prediction)}, {run.status.seconds:.1f} s"


def sample_command(options: argparse.Namespace) -> int:
    from tqdm.auto import tqdm

    numbers: dict[str, Any] = {}
    for name, kind in (("events", int), ("seed", int), ("nuisance", float)):
        try:
            numbers[name] = kind(getattr(options, name).replace("_", ""))
        except ValueError as problem:
            raise Usage(f"--{name} {getattr(options, name)[:40]!r} is not a number.") from problem
    if numbers["seed"] < 0:
        raise Usage(f"--seed {options.seed} is not possible: a whole number from 0 is needed.")
    run = find_run(store_of(options), options.id)
    with tqdm(total=numbers["events"], unit="event", unit_scale=True, disable=None, leave=False, dynamic_ncols=True) as bar:

        def progress(fraction: float, text: str) -> None:
            bar.set_description_str(text, refresh=False)
            bar.update(round(fraction * numbers["events"]) - bar.n)

        try:
            path = run.sample(file=options.output or f"{run.id}.h5", progress=progress, **numbers)
        except ValueError as problem:
            raise Usage(str(problem)) from problem
    print(path)
    return 0


def predict_command(options: argparse.Namespace) -> int:
    from tqdm.auto import tqdm

    from workbench.runs.files import replace

    run = find_run(store_of(options), options.id)
    target = Path(options.output or f"{run.id}-predicted.csv").absolute()
    if target.suffix not in (".csv", ".nc"):
        raise Usage(f"--output {target.name[:60]!r} says no format that is written: an end in .csv or .nc is needed.")
    try:
        draws = None if options.draws is None else int(options.draws)
    except ValueError as problem:
        raise Usage(f"--draws {options.draws[:40]!r} is not a number.") from problem
    with tqdm(
        total=1.0, disable=None, leave=False, delay=1.0, bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed} < {remaining}"
    ) as bar:

        def progress(fraction: float, text: str) -> None:
            bar.set_description_str(text, refresh=False)
            bar.update(fraction - bar.n)

        try:
            with noted():
                found = run.predict(options.file, draws, units=AmplitudeRecipe.check("units", options.units or "auto"), progress=progress)
        except ValueError as problem:
            raise Usage(str(problem)) from problem
    replace(target, written(found, target.suffix))
    print(f"{target}: {found.sizes['event']:,} points")
    return 0


def written(found: xarray.Dataset, suffix: str) -> bytes:
    """A prediction as CSV, one row per point with its units in the header, or as netCDF."""
    from workbench.runs import netcdf

    if suffix == ".nc":
        return netcdf.encode({"/": found})
    names = [f"{name} [{found[name].attrs['units']}]" for name in found]
    rows = zip(*(found[name].values.tolist() for name in found), strict=True)
    return "\n".join([",".join(names), *(",".join(map(repr, row)) for row in rows), ""]).encode()


def runs_command(options: argparse.Namespace) -> int:
    from workbench.runs.launcher import attend

    store = store_of(options)
    actions: dict[str, Callable[[Run], int]] = {
        "show": show_run,
        "delete": lambda run: delete_run(store, run),
        "resume": lambda run: resume_run(run, options.background),
        "stop": stop_run,
    }
    if options.action == "list":
        attend(store.root)
        return list_runs(store)
    if options.waiting and options.action == "stop" and not options.id:
        return stop_waiting_runs(store)
    if options.waiting:
        raise Usage("--waiting is for `workbench runs stop --waiting`, which stops all runs that wait for their turn.")
    if not options.id:
        raise Usage(f"`workbench runs {options.action}` needs the id of a run; `workbench runs` lists them.")
    return max([actions[options.action](find_run(store, name)) for name in options.id])


def find_run(store: RunStore, name: str) -> Run:
    """A run by id, by a beginning that only one has, or by the path of its folder."""
    if "/" in name:
        return open_run(name)
    alike = [run for run in store.runs() if run.id.startswith(name)]
    if len(alike) == 1:
        return alike[0]
    if (EXAMPLES / name / "recipe.json").is_file():
        return open_run(EXAMPLES / name)
    return store.open(name)


def list_runs(store: RunStore) -> int:
    runs = store.runs()
    if not runs:
        print(f"There are no runs in {store.root}.")
    for run in runs:
        try:
            print(line_of(run))
        except RunError as problem:
            print(f"{run.id:20} damaged    {problem}")
    return 0


def line_of(run: Run) -> str:
    status = run.status
    axes = run.recipe.axes
    changes = [f"{name} {word(value)}" for name, value in run.recipe.to_dict(only_changes=True).items() if name != "axes"]
    about = [run.title, f"sweep over {word(axes)}" if axes else "", ", ".join(changes) or "default recipe" * (not axes)]
    if status.eta is not None:
        about.append(f"{status.eta:.0f} s left")
    if status.queue_position:
        about.append(f"number {status.queue_position} in the queue")
    steps = f"{status.step:>9,} of {status.steps:<9,}"
    return f"{run.id:20} {status.state:10} {steps} {run.created[:16].replace('T', ' ')}  {' · '.join(filter(None, about))}"


def show_run(run: Run) -> int:
    status = run.status
    state = f"{status.state}, step {status.step:,} of {status.steps:,}, {status.seconds:.1f} s of training"
    lines = [str(run.path), run.title, f"{state}, attempt {status.attempt} on {status.device or 'no device yet'}", status.message]
    lines += [", ".join(f"{some:,} of {whole:,} {name}" for name, (some, whole) in run.kept.items()) + " are kept." * bool(run.kept)]
    lines += [run.recipe.as_command(), run.recipe.as_python(), *run.problems()]
    print("\n".join(filter(None, [*lines, result(run) if status.state == "finished" else ""])))
    return 0


def delete_run(store: RunStore, run: Run) -> int:
    (store if run.path.parent == store.root else RunStore(run.path.parent)).delete(run.id)
    print(f"Deleted {run.id}.")
    return 0


def resume_run(run: Run, background: bool) -> int:
    with interrupts() as asked:
        run.resume()
        if not background or asked.is_set():
            return follow(run, asked)
    print(run.path)
    return 0


def stop_run(run: Run) -> int:
    print(f"{run.id}: {run.stop().status.state}")
    return 0


def stop_waiting_runs(store: RunStore) -> int:
    from workbench.runs.launcher import stop_waiting

    stopped = stop_waiting(store.root)
    print("\n".join(f"{run.id}: stopped" for run in stopped) or "No run waits.")
    return 0


def data_command(options: argparse.Namespace) -> int:
    from workbench.data import catalogue

    if options.action == "remove" and not options.name:
        raise Usage('`workbench data remove` needs a name, or "all"; `workbench data` lists them.')
    try:
        if options.action == "make":
            values = {name: AmplitudeRecipe.check(name, value) for name, value in chosen(options, DATA_OPTIONS).items()}
            seed = {"seed": values.pop("data_seed")} if "data_seed" in values else {}
            if len(options.name) > 1 or (options.name and "process" in values):
                raise Usage("`workbench data make` makes one dataset at a time.")
            named = {"process": options.name[0]} if options.name else {}
            dataset = catalogue.make_dataset(**{"events": MADE_EVENTS, **values, **seed, **named})
            print(f"{dataset.sizes['event']:,} events are ready.")
        elif options.action == "convert":
            convert(options.name, AmplitudeRecipe.check("units", options.units or "auto"))
        elif options.action == "remove":
            freed = sum(catalogue.remove_cached(name) for name in options.name)
            print(f"Removed, {freed / 1e6:,.1f} MB freed.")
        else:
            for cached in catalogue.list_cached():
                events = f"{cached.events:,} events" if cached.events is not None else "damaged"
                print(f"{cached.name:50} {events:>20} {cached.size / 1e6:10,.1f} MB")
    except ValueError as problem:
        raise Usage(str(problem)) from problem
    return 0


def convert(names: list[str], units: str) -> None:
    """Read a file of one's own and write it in the format that the other name's end says. Raises: Usage, ValueError, OSError."""
    from workbench.data.files import load_any
    from workbench.data.saving import save

    if len(names) != 2:
        raise Usage("`workbench data convert` needs a file to read and one to write: workbench data convert IN OUT")
    with noted():
        events = load_any(names[0], units)
    print(f"{save(names[1], events)}: {len(events):,} events")


@contextlib.contextmanager
def noted() -> Iterator[None]:
    """What is to be said of files that are read meanwhile, to standard error."""
    from workbench.data.files import FileNote

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FileNote)
        yield
    for warning in caught:
        print(f"workbench: {warning.message}" if issubclass(warning.category, FileNote) else warning.message, file=sys.stderr)


if signal.getsignal(signal.SIGINT) is end_at_once:
    signal.signal(signal.SIGINT, BEFORE)

if __name__ == "__main__":
    sys.exit(main())
