"""Runs that there are."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from workbench.commands.progress import follow, interrupts, result
from workbench.commands.usage import Usage, store_of, word
from workbench.runs.files import RunError
from workbench.runs.folder import Status
from workbench.runs.run import Run
from workbench.runs.store import EXAMPLES, RunStore, open_run

NEWEST = 100
"""Runs that are listed."""


def runs_command(options: argparse.Namespace) -> int:
    from workbench.runs.launcher import attend

    store = store_of(options)
    actions: dict[str, Callable[[Run], int]] = {
        "show": show_run,
        "delete": lambda run: delete_run(store, run),
        "resume": lambda run: resume_run(run, options.background, options.on),
        "stop": stop_run,
    }
    if options.action == "list":
        attend(store.root)
        return list_runs(store, most=None if options.all else NEWEST)
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


def list_runs(store: RunStore, most: int | None) -> int:
    runs = store.runs()
    if not runs:
        print(f"There are no runs in {store.root}.")
    for run in runs[:most]:
        try:
            print(line_of(run))
        except RunError as problem:
            print(f"{run.id:20} damaged    {problem}")
    if rest := len(runs) - len(runs[:most]):
        print(f"… and {rest:,} older runs: workbench runs --all")
    return 0


def line_of(run: Run) -> str:
    status = run.status
    axes = run.recipe.axes
    changes = [f"{name} {word(value)}" for name, value in run.recipe.to_dict(only_changes=True).items() if name != "axes"]
    about = [run.title, f"sweep over {word(axes)}" if axes else "", ", ".join(changes) or "default recipe" * (not axes)]
    if status.eta is not None:
        about.append(f"{status.eta:.0f} s left")
    if status.job and status.live:
        about.append(status.message if status.state == "queued" else on_cluster(status))
    if status.queue_position:
        about.append(f"number {status.queue_position} in the queue")
    steps = f"{status.step:>9,} of {status.steps:<9,}"
    return f"{run.id:20} {status.state:10} {steps} {run.created[:16].replace('T', ' ')}  {' · '.join(filter(None, about))}"


def on_cluster(status: Status) -> str:
    """Where a job trains: 'job 12 on n1 of slurm, 35 min until its time is over'."""
    left = f", {status.left / 60:.0f} min until its time is over" if status.left is not None and status.live else ""
    return f"job {status.job}{f' on {status.node}' if status.node else ''} of {status.place}{left}"


def show_run(run: Run) -> int:
    status = run.status
    state = f"{status.state}, step {status.step:,} of {status.steps:,}, {status.seconds:.1f} s of training"
    lines = [str(run.path), run.title, f"{state}, attempt {status.attempt} on {status.device or 'no device yet'}", status.message]
    lines += [on_cluster(status)] if status.job else []
    lines += [", ".join(f"{some:,} of {whole:,} {name}" for name, (some, whole) in run.kept.items()) + " are kept." * bool(run.kept)]
    lines += [run.recipe.as_command(), run.recipe.as_python(), *run.problems()]
    print("\n".join(filter(None, [*lines, result(run) if status.state == "finished" else ""])))
    return 0


def delete_run(store: RunStore, run: Run) -> int:
    (store if run.path.parent == store.root else RunStore(run.path.parent)).delete(run.id)
    print(f"Deleted {run.id}.")
    return 0


def resume_run(run: Run, background: bool, on: str | None) -> int:
    with interrupts() as asked:
        run.resume(on=on)
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
