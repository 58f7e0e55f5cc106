"""Runs on a cluster: its scheduler starts the ordinary worker on the ordinary run folder, which lies where all nodes see it.

    cluster = wb.Cluster(partition="gpu", gpus=1, time="8:00:00", setup=("module load python",))
    run = wb.launch(recipe, on=cluster)

or once in ~/.workbench/clusters.toml, and then `on="slurm"`:

    [slurm]
    partition = "gpu"
    gpus = 1
    time = "8:00:00"
    setup = ["module load python"]

Slurm is tested; PBS, LSF and Flux come with the engine, PSI/J, and are untested here. Nothing is pickled: a job is a program and a folder.
"""

from __future__ import annotations

import contextlib
import secrets
import sys
import tomllib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from workbench.home import home
from workbench.training.recipe import Recipe, RecipeError

from . import files, jobs
from .files import RunError
from .run import Run
from .store import now

SCHEDULERS = {"slurm": ("Slurm", "sbatch"), "pbs": ("PBS", "qsub"), "lsf": ("LSF", "bsub"), "flux": ("Flux", "flux")}
"""What each is called, and the program that submits to it."""
LEAD = 60.0  # seconds before the end of its time at which a job is told to save, at most a quarter of it
NEVER = 10**9  # seconds: the engine need not ask the scheduler, we do
EACH = 'exec "$@" 2>"$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" "$0")/job.txt"'
"""What each job of an array does: its own command, with what goes wrong in the run's own folder."""
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Cluster:
    """What a job asks of a cluster.

    *Arguments*: scheduler, slurm, pbs, lsf or flux; partition and account, the scheduler's own choice where empty; gpus and cores of a job;
    memory in GB, 0 for the scheduler's own choice; time, of a job as H:MM:SS, after which the same run goes on in another one; setup, lines
    of shell before the training starts; python, the program there, by default the one that submits; at_once, how many jobs of a sweep run
    at the same time; name, how it is called in `clusters.toml`.
    """

    scheduler: str = "slurm"
    partition: str = ""
    account: str = ""
    gpus: int = 0
    cores: int = 1
    memory: float = 0.0
    time: str = "1:00:00"
    setup: tuple[str, ...] = ()
    python: str = ""
    at_once: int = 8
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "setup", (self.setup,) if isinstance(self.setup, str) else tuple(self.setup))
        if self.scheduler not in SCHEDULERS:
            raise RunError(f"There is no scheduler {self.scheduler!r}: one of {', '.join(SCHEDULERS)} is needed.")
        for name, least in {"gpus": 0, "cores": 1, "at_once": 1}.items():
            if type(value := getattr(self, name)) is not int or value < least:
                raise RunError(f"A cluster with {name} = {value!r} cannot be: a whole number from {least} is needed.")
        if isinstance(self.memory, bool) or not isinstance(self.memory, int | float) or not 0 <= self.memory < 1e5:
            raise RunError(f"A cluster with memory = {self.memory!r} cannot be: gigabytes are needed, 0 for the scheduler's own choice.")
        for name in ("partition", "account", "time", "python", "name"):
            if not isinstance(value := getattr(self, name), str) or not value.isprintable() or '"' in value:
                raise RunError(f"A cluster with {name} = {value!r} cannot be: a word is needed.")
        if not all(isinstance(line, str) for line in self.setup):
            raise RunError("The setup of a cluster is a list of lines of shell, each in quotes.")
        if not self.seconds:
            raise RunError(f"A cluster with time = {self.time!r} cannot be: hours, minutes and seconds are needed, such as 8:00:00.")

    @property
    def seconds(self) -> float:
        """The time of a job."""
        return (jobs.seconds(self.time) or 0.0) if self.time.count(":") == 2 else 0.0

    @property
    def called(self) -> str:
        return SCHEDULERS[self.scheduler][0]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"setup": list(self.setup)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Cluster:
        """Raises: RunError naming what is not known."""
        known = [field.name for field in fields(cls)]
        if strange := [name for name in values if name not in known]:
            raise RunError(f"A cluster has no {strange[0]!r}: {', '.join(known)} can be said of it.")
        return cls(**values)

    def check(self, recipe: Recipe) -> None:
        """Raises: RecipeError for a recipe that cannot be trained there."""
        if getattr(recipe, "device", "") == "cuda" and not self.gpus:
            raise RecipeError(
                f"The recipe asks for a GPU (device = 'cuda') and jobs on {self.name or self.called} get none: "
                "describe the cluster with gpus = 1, or choose device = 'auto'."
            )


def clusters_file() -> Path:
    return home() / "clusters.toml"


def clusters() -> dict[str, Cluster]:
    """Those that were described once, by their names. Raises: RunError."""
    path = clusters_file()
    try:
        with path.open("rb") as file:
            found = tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise RunError(f"{path} cannot be read: {problem}.") from problem
    described = {}
    for name, values in found.items():
        if not isinstance(values, dict):
            raise RunError(f"{path} says {name} outside of any cluster: begin with a line such as [slurm].")
        try:
            described[name] = Cluster.from_dict({**values, "name": name})
        except RunError as problem:
            raise RunError(f"{path}, [{name}]: {problem}") from problem
    return described


def cluster_of(on: Cluster | str) -> Cluster:
    """A cluster by its name in `clusters.toml`, or as it is. Raises: RunError."""
    if isinstance(on, Cluster):
        return on
    known = clusters()
    if on in known:
        return known[on]
    if known:
        raise RunError(f"There is no cluster {str(on)[:40]!r} in {clusters_file()}: it describes {', '.join(known)}.")
    raise RunError(
        f"No cluster is described in {clusters_file()}: write [{str(on)[:40]}] there, and below it what `workbench cluster --help` shows."
    )


def cluster_again(job: jobs.Job) -> Cluster:
    """Where a job was, as `clusters.toml` describes it by now: what was wrong there may have been put right. Raises: RunError."""
    return clusters().get(str(job.cluster.get("name"))) or Cluster.from_dict(job.cluster)


def submit(run: Run, cluster: Cluster) -> str:
    """Have a run trained by a job, and write down by which. Whoever calls owns the run.

    Returns: where it waits now, in words. Raises: RunError when the scheduler does not take it.
    """
    return _noted(run, start(cluster, run.path.parent, "node", run.path))


def _noted(run: Run, job: jobs.Job) -> str:
    """Write down by which job a run is trained; the same in words."""
    files.replace(run.path / "job.json", files.seal({"job": job.id, "cluster": job.cluster, "submitted": now()}))
    return f"Submitted to {job.place} as job {job.id}"


def submit_all(runs: Sequence[Run], cluster: Cluster) -> list[str]:
    """The same for several runs of one folder, as one array of jobs where the scheduler is Slurm, of which `at_once` run at a time."""
    if cluster.scheduler != "slurm" or len(runs) < 2:
        return [submit(run, cluster) for run in runs]
    scripts = runs[0].path.parent / ".queue" / "jobs"
    scripts.mkdir(mode=0o700, parents=True, exist_ok=True)
    listed = scripts / f"array-{runs[0].id}-{secrets.token_hex(4)}.txt"
    files.replace(listed, "".join(f"{run.path}\n" for run in runs).encode())
    words = ["/bin/sh", "-c", EACH, str(listed), *_command(cluster, "node", f"@{listed}")]
    array = _submitted(cluster, scripts, words, None, f"wb-{runs[0].id}", array=f"0-{len(runs) - 1}%{cluster.at_once}")
    return [_noted(run, jobs.Job(f"{array}_{number}", cluster.to_dict())) for number, run in enumerate(runs)]


def start(cluster: Cluster, root: Path, module: str, folder: Path) -> jobs.Job:
    """Submit a job that runs a module of ours on a folder beside the runs in `root`. Raises: RunError."""
    command = _command(cluster, module, str(folder))
    return jobs.Job(_submitted(cluster, root / ".queue" / "jobs", command, folder / "job.txt", f"wb-{folder.name}"), cluster.to_dict())


def withdraw(run: Run) -> None:
    """Cancel a run's job where there may still be one, but for that in which this process is."""
    job = jobs.job_of(run.path)
    if job and not job.mine and not job.seen.ended:
        cancel(job)


def cancel(job: jobs.Job) -> None:
    """Raises: RunError when the scheduler cannot be asked."""
    cluster = Cluster.from_dict(job.cluster)
    with _in_words(cluster, f"does not cancel job {job.id}"):
        import psij

        one, executor = psij.Job(), _executor(cluster, home())
        executor.attach(one, job.id)
        executor.cancel(one)
    jobs.slurm.forget(job.id)


def _command(cluster: Cluster, module: str, *arguments: str) -> list[str]:
    """A module of runs as a program on the node: with this very workbench, or with the one that the python there has."""
    if cluster.python:
        return [cluster.python, "-m", f"workbench.runs.{module}", *arguments]
    from .launcher import FIND

    return [sys.executable, "-P", "-c", f"{FIND}from workbench.runs.{module} import main; sys.exit(main())", str(ROOT), *arguments]


def _submitted(cluster: Cluster, scripts: Path, command: list[str], said: Path | None, name: str, array: str = "") -> str:
    """Submit a command; the job's id. What it says on its error stream goes to the file `said`."""
    scripts.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = [*cluster.setup]
    if cluster.scheduler == "slurm":  # srun passes on neither of itself
        lines += ["export SLURM_EXPORT_ENV=ALL", f"export SRUN_CPUS_PER_TASK={cluster.cores}"]
    setup = scripts / f"setup-{zlib.crc32(chr(10).join(lines).encode()):08x}.sh"
    files.replace(setup, ("\n".join(lines) + "\n").encode())
    what = f"the job with {cluster.gpus} GPU{'s' * (cluster.gpus > 1)}" if cluster.gpus else "the job"
    with _in_words(
        cluster, f"does not take {what} for {f'partition {cluster.partition}' if cluster.partition else 'its default partition'}"
    ):
        import psij

        attributes = psij.JobAttributes(duration=timedelta(seconds=cluster.seconds))
        attributes.queue_name = cluster.partition or None
        attributes.account = cluster.account or None
        if cluster.scheduler == "slurm":
            attributes.set_custom_attribute("slurm.signal", f"TERM@{int(min(LEAD, cluster.seconds / 4))}")
            if array:
                attributes.set_custom_attribute("slurm.array", array)
        spec = psij.JobSpec(
            name=name,
            executable=command[0],
            arguments=command[1:],
            directory=scripts,
            stderr_path=said,
            attributes=attributes,
            resources=psij.ResourceSpecV1(
                node_count=1,
                process_count=1,
                cpu_cores_per_process=cluster.cores,
                gpu_cores_per_process=cluster.gpus or None,
                memory=int(cluster.memory * 1024**3) or None,
            ),
            launcher="srun" if cluster.scheduler == "slurm" else "single",
            pre_launch=setup,
        )
        job = psij.Job(spec)
        _executor(cluster, scripts).submit(job)
        assert job.native_id
        return job.native_id


_executors: dict[tuple[str, Path], Any] = {}


def _executor(cluster: Cluster, folder: Path) -> Any:
    """The engine for a scheduler, with its scripts in a folder that the nodes see too."""
    import psij
    from psij.executors.batch.batch_scheduler_executor import BatchSchedulerExecutorConfig

    if (cluster.scheduler, folder) not in _executors:
        config = BatchSchedulerExecutorConfig(work_directory=folder, queue_polling_interval=NEVER, initial_queue_polling_delay=NEVER)
        _executors[cluster.scheduler, folder] = psij.JobExecutor.get_instance(cluster.scheduler, config=config)
    return _executors[cluster.scheduler, folder]


@contextlib.contextmanager
def _in_words(cluster: Cluster, refusal: str) -> Iterator[None]:
    """What goes wrong with a scheduler is one sentence."""
    called, program = SCHEDULERS[cluster.scheduler]
    try:
        from psij import SubmitException
    except ImportError as problem:
        raise RunError("PSI/J, which submits jobs, is not installed: pip install 'workbench[cluster]'.") from problem
    try:
        yield
    except FileNotFoundError as problem:
        if problem.filename and "/" in str(problem.filename):
            raise
        raise RunError(
            f"There is no {called} here: {problem.filename or program} is not found; launch on a computer that has it."
        ) from problem
    except SubmitException as problem:
        said = [line.split("error: ", 1)[-1].strip() for line in str(problem).splitlines() if line.strip()]
        why = next((line for line in said if "Batch job submission failed" not in line), said[-1] if said else "it says nothing")
        raise RunError(f"{called} {refusal}: {why.rstrip('.')}.") from problem
