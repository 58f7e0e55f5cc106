"""A training is followed to its end, however it ends."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator

from workbench.commands.usage import INTERRUPTED
from workbench.families import product_named
from workbench.runs.run import Run


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
