"""All commands and their options."""

from __future__ import annotations

import argparse
from typing import Any

import workbench
from workbench import terminal
from workbench.commands.cluster import cluster_command
from workbench.commands.events import DATA_OPTIONS, MADE_EVENTS, data_command
from workbench.commands.points import export_command, predict_command, sample_command
from workbench.commands.runs import NEWEST, runs_command
from workbench.commands.serve import lab_command, serve
from workbench.commands.story import story_command
from workbench.commands.train import sweep_command, train_command
from workbench.commands.usage import Help, Parser, add_on, add_options, add_runs
from workbench.families import FAMILIES, FORMER
from workbench.physics.datasets import DATASETS
from workbench.training.recipe import Recipe


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
    add_sweep(sweep, FORMER.recipe)
    swept = sweep.add_subparsers(dest="trained", metavar="COMMAND", parser_class=Parser, title="what is trained", description=SWEPT)
    for family in FAMILIES:
        usage = USAGE["sweep"].replace("[COMMAND]", family.command)
        one = swept.add_parser(family.command, help=family.help, description=SWEEP, formatter_class=Help, allow_abbrev=False, usage=usage)
        add_sweep(one, family.recipe)

    story = command(commands, "story", "train what a plot of the talks needs, and judge it", STORY)
    story.add_argument("name", nargs="?", default="", help="the story; without one they are listed")
    story.add_argument("--full", action="store_true", help="the talk's sizes, which want a GPU")
    story.add_argument("--out", metavar="FOLDER", help="where figures, data and verdict are written [./NAME]")
    story.add_argument("--html", metavar="FILE", help="write one file instead, to take home: slide, figures over time, verdict, recipe")
    story.add_argument("--table", action="store_true", help="the numbers that ship with the stories beside the talks', of one or of all")
    add_on(story)
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

    export = command(commands, "export", "a trained amplitude as one file for other programs", EXPORT)
    export.formatter_class = argparse.RawDescriptionHelpFormatter
    export.add_argument("id", help="the run")
    export.add_argument("file", metavar="OUT", help="where to write: .onnx for ONNX Runtime, .pt2 for torch.export.load")
    export.add_argument("--draws", metavar="N", help="draws of a Bayesian network [those of its recipe]")
    add_runs(export)
    export.set_defaults(do=export_command)

    runs = command(commands, "runs", "list, show, delete, resume or stop runs", RUNS)
    runs.add_argument("action", nargs="?", default="list", choices=("list", "show", "delete", "resume", "stop"), help="what to do [list]")
    runs.add_argument("id", nargs="*", help="the run, or several")
    runs.add_argument("--all", action="store_true", help=f"list: all of them [the newest {NEWEST}]")
    runs.add_argument("--waiting", action="store_true", help="stop: all runs that wait for their turn")
    runs.add_argument("--background", action="store_true", help="resume: return at once instead of following")
    runs.add_argument("--on", metavar="CLUSTER", help='resume: on another cluster, or "here" on this computer [where it was]')
    add_runs(runs)
    runs.set_defaults(do=runs_command)

    cluster = command(commands, "cluster", "list the clusters that jobs can go to, or check one", CLUSTER)
    cluster.formatter_class = argparse.RawDescriptionHelpFormatter
    cluster.add_argument("action", nargs="?", default="list", choices=("list", "check"), help="what to do [list]")
    cluster.add_argument("name", nargs="?", default="", help="check: which one, where several are described")
    cluster.add_argument("--wait", metavar="SECONDS", default="600", help="check: how long to wait for the job to begin [600]")
    add_runs(cluster)
    cluster.set_defaults(do=cluster_command)

    data = command(commands, "data", "make, list or remove events", DATA)
    data.add_argument("action", nargs="?", default="list", choices=("make", "list", "remove", "convert"), help="what to do [list]")
    data.add_argument(
        "name",
        nargs="*",
        help=f'make: {", ".join(DATASETS)}; remove: the names of `workbench data`, or "all"; convert: a file to read, and '
        "one to write, whose end says the format: .h5, .csv, .csv.gz, .npy, .npz, .parquet",
    )
    making = data.add_argument_group("make")
    add_options(making, DATA_OPTIONS, events=MADE_EVENTS)
    making.add_argument("--on", metavar="CLUSTER", help="make them as a job of a cluster; see `workbench cluster --help`")
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
    jobs = "runs that train at the same time, and one more where all are one person's [$WORKBENCH_SLOTS, or the number of cores, at most 4]"
    group.add_argument("--jobs", metavar="N", help=jobs)
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
    add_on(train)
    add_runs(train)
    for title, names in recipe_type.groups.items():
        add_options(train.add_argument_group(title), names, of=recipe_type)
    train.set_defaults(do=train_command)


def add_sweep(sweep: Parser, recipe_type: type[Recipe]) -> None:
    """What a command takes that trains recipes of one kind for all combinations of some options."""
    sweep.add_argument("--title", type=terminal.in_unicode, default="", help="a name for the runs")
    sweep.add_argument("--out", metavar="FILE.nc", help="write the results, all dims and units, as netCDF")
    add_on(sweep)
    add_runs(sweep)
    for title, names in recipe_type.groups.items():
        add_options(sweep.add_argument_group(title), names, several=True, of=recipe_type)
    sweep.set_defaults(do=sweep_command)


USAGE = {family.command: f"workbench {family.command} [options]" for family in FAMILIES} | {
    "sweep": "workbench sweep [COMMAND] --OPTION VALUE,VALUE,… [options]",
    "story": "workbench story [NAME] [options]",
    "lab": "workbench lab [FOLDER] [options]",
    "predict": "workbench predict RUN --file IN [--output OUT.csv] [options]",
    "export": "workbench export RUN OUT.onnx [--draws N] [options]",
    "sample": "workbench sample RUN [--events N] [--output FILE.h5] [options]",
    "runs": "workbench runs [list | show ID | delete ID | resume ID | stop ID | stop --waiting] [options]",
    "cluster": "workbench cluster [list | check [NAME]] [options]",
    "data": "workbench data [list | make [NAME] | remove NAME | convert IN OUT] [options]",
}
SWEEP = (
    "Train a recipe for all combinations of the options that have several values: comma-separated, or the option given several times. "
    "Finished runs are not repeated. Of amplitudes, what only changes noise, prior, uncertainty, repulsion, boosting or seed trains as one "
    "population."
)
SWEPT = f"Whose options have several values [{FORMER.command}]: workbench sweep {FAMILIES[0].command} --help"
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
    "amplitude, ln p with its spread of a generator. Any file that a recipe reads, with amplitudes or without; portion by portion. "
    "`distance` says how far a point of an amplitude lies from what was trained on, in units of what training events are apart."
)
EXPORT = """\
Write one file that maps momenta in GeV to an amplitude with its error bars, with the order of identical legs, scaling and weight draws
inside: input momenta (event, particle, 4), outputs mean, sigma_syst and sigma_stat (event), all in 64 bits. Some thousand events at a
time. The file says run, units and particles. .onnx needs pip install "workbench[export]"; of L-GATr it takes some seconds per draw.

From C++ with ONNX Runtime:

    #include <onnxruntime_cxx_api.h>
    std::array<std::vector<double>, 3> surrogate(std::vector<double>& momenta, int64_t particles) {  // E, px, py, pz of each
      static Ort::Env environment;
      static Ort::Session session(environment, "surrogate.onnx", Ort::SessionOptions{});
      int64_t events = momenta.size() / (4 * particles), shape[] = {events, particles, 4};
      const char *in[] = {"momenta"}, *out[] = {"mean", "sigma_syst", "sigma_stat"};
      auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
      auto input = Ort::Value::CreateTensor<double>(memory, momenta.data(), momenta.size(), shape, 3);
      auto found = session.Run(Ort::RunOptions{}, in, &input, 1, out, 3);
      std::array<std::vector<double>, 3> columns;
      for (int k = 0; k < 3; k++) columns[k].assign(found[k].GetTensorData<double>(), found[k].GetTensorData<double>() + events);
      return columns;
    }

From Python: onnxruntime.InferenceSession("surrogate.onnx").run(None, {"momenta": momenta}), or of .pt2
torch.export.load("surrogate.pt2").module()(torch.tensor(momenta)); neither needs workbench."""
RUNS = "Runs that were trained, are being trained, or were interrupted."
CLUSTER = """\
Train on a cluster: describe it once in clusters.toml in the home folder ($WORKBENCH_HOME, or .workbench), then --on NAME.

    [slurm]                          # its name
    partition = "gpu"                # account = "…"; what is left out is the scheduler's own choice
    gpus = 1                         # cores = 1, memory = 8 (GB)
    time = "8:00:00"                 # of one job; a training that needs more goes on in the next one
    setup = ["module load python"]   # lines of shell before it starts
    python = "/home/me/venv/bin/python"   # the python there, with workbench in it; by default this one
    at_once = 8                      # jobs of a sweep that run at the same time
    scheduler = "slurm"              # pbs, lsf and flux come with the engine (PSI/J) and are untested

The runs folder must lie where all nodes see it. pip install "workbench[cluster]" installs the engine.
`check` submits one small job and says what works: queue, shared folder, Python, torch, GPU, locks, clock, time limit."""
DATA = (
    "Events kept on disk for all runs: with exact amplitudes, or of a named dataset of the generators. They are made when a recipe needs "
    "them; `make` makes them before. `convert` reads a file of your own as a training would, and writes it in another format, in GeV."
)


def command(commands: Any, name: str, help: str, description: str) -> Parser:
    return commands.add_parser(name, help=help, description=description, formatter_class=Help, allow_abbrev=False, usage=USAGE[name])
