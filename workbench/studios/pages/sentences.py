"""What a page says: where a run stands, which buttons make sense, how long it will take, how two recipes differ."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from workbench.families import family_of, product_named
from workbench.figures import REPORTS, Entry
from workbench.results.product import FIRST_POINTS
from workbench.runs.folder import Status
from workbench.runs.run import Run
from workbench.stories.verdict import MARKS
from workbench.studios.pages.draft import as_words, differences, values_of
from workbench.training.recipe import Recipe

if TYPE_CHECKING:
    from workbench.studios.live.hub import Picture
    from workbench.studios.pages.slide import Slide

HELP = {
    "train": "Train the recipe on the left (Space)",
    "again": "Train the same recipe once more, as a new run",
    "pause": "Pause the training process itself (Space)",
    "continue": "Go on (Space)",
    "step": "Train one block of steps, then pause again (→)",
    "stop": "End the training process; what was learned stays and can be resumed",
    "resume": "Go on from the last checkpoint (Space)",
    "reset": "Back to the preset and its finished run (R)",
}


def transport(
    status: Status | None, *, example: bool, same: bool, ready: bool, busy: str, trains: bool = True, wrong: str = ""
) -> dict[str, Any]:
    """The bar of a run: state, buttons, progress and one sentence.

    *Arguments*: status, of the run that is shown; same, whether it has the recipe of the form; ready, whether that recipe is usable;
    busy, a sentence while something is being started; trains, whether whoever looks may train; wrong, what is to be corrected in the form.
    """
    state = "none" if status is None or example else status.state
    live = status is not None and status.live and not example
    paused, active = state == "paused", state in ("running", "preparing", "queued")
    again = same and state == "finished"
    train = _button(
        "train", "Train again" if again else "Train", ready and not busy and not (same and live), HELP["again" if again else "train"]
    )
    if not ready:
        train["title"] = wrong or "One of the options cannot be used; its sentence stands beside it"
    resumable = status is not None and status.resumable and not example
    first = _button("resume", "Resume", not busy, HELP["resume"]) if resumable else None
    buttons = [
        *([first] if first else []),
        train,
        _button("continue", "Continue", not busy, HELP["continue"])
        if paused
        else _button("pause", "Pause", active and not busy, HELP["pause"]),
        _button("step", "Step", paused and not busy, HELP["step"]),
        _button("stop", "Stop", live and not busy, HELP["stop"]),
        _button("reset", "Reset", not busy, HELP["reset"]),
    ]
    sentence = busy or " ".join(filter(None, [where(status, example=example, trains=trains) if live or not wrong else "", wrong]))
    return {
        "state": state,
        "buttons": buttons,
        "busy": bool(busy) or (live and state != "paused"),
        "progress": None if busy or status is None else progress(status),
        "sentence": sentence,
        "spoken": busy or spoken(status, example=example, trains=trains),
        "device": f"on {status.device}" if status is not None and status.device else "",
    }


def change(recipe: Recipe, turned: dict[str, Any], *, ready: bool) -> dict[str, Any]:
    """The button that lets a run train on with other values of options that may change meanwhile."""
    words = ", ".join(f"{recipe.options()[name].called} {as_words(value)}" for name, value in turned.items())
    return _button("change", "Change now", ready, f"Let this training go on with {words} from the next step on")


def _button(name: str, label: str, enabled: bool, title: str) -> dict[str, Any]:
    return {"name": name, "label": label, "enabled": enabled, "title": title}


def where(status: Status | None, *, example: bool = False, trains: bool = True) -> str:
    """One sentence about where a run stands."""
    if status is None:
        return "No runs yet." + " Choose a preset and press Train." * trains
    done = f"step {status.step:,} of {status.steps:,}"
    if example:
        return f"A finished example: {status.steps:,} steps in {duration(status.seconds)}." + " Change something and press Train." * trains
    if status.state == "queued" and status.queue_position:
        before = status.queue_position - 1
        ahead = f"{before} {'run is' if before == 1 else 'runs are'} before this one" if before else "next to start"
        return f"Waiting for a free slot: {ahead}."
    if status.state == "queued":
        return f"{status.message}." if status.job else f"{status.message or 'Starting'} …"
    if status.state == "preparing":
        share = f" {status.progress:.0%}" if status.progress else ""
        return f"{(status.message or 'Preparing data').rstrip('. …')}{share} …"
    if status.state == "running":
        return f"Training{f' on {on_cluster(status)}' * bool(status.job)}: {done}, {left(status.eta)}."
    if status.state == "paused":
        return f"Paused at {done}." + (f" {status.message}" if status.message else "")
    if status.state == "finishing":
        return "Making the final predictions …"
    if status.state == "finished":
        return f"Finished: {status.steps:,} steps in {duration(status.seconds)}."
    if status.state == "stopped":
        why = f" {status.message}" if status.job and status.message else ""
        return f"Stopped at {done}.{why} Resume goes on from there."
    if status.state == "died" and status.job:
        return f"{status.message[:1].upper()}{status.message[1:].rstrip('.')} ({done})."
    if status.state == "died":
        return f"The training process died at {done}. Everything up to there is kept; Resume goes on from the last checkpoint."
    return f"Failed at {done}: {status.message or 'see log.txt in the run folder.'}"


def ended(runs: Sequence[Status]) -> str:
    """How many of the runs of a sweep have ended: '1 of 3 runs has ended.'"""
    count = sum(not status.live for status in runs)
    return f"{count} of {len(runs)} runs {'has' if count == 1 else 'have'} ended."


def spoken(status: Status | None, *, example: bool = False, trains: bool = True) -> str:
    """The sentence for screen readers: it changes with the state only, not with every step."""
    if status is None or example or status.state not in ("running", "preparing", "paused"):
        return where(status, example=example, trains=trains)
    return {"running": "Training.", "preparing": "Preparing data.", "paused": "Paused."}[status.state]


def progress(status: Status) -> float | None:
    """From 0 to 1 within the present stage, None while it is unknown."""
    if status.state in ("running", "paused", "stopped", "died", "failed"):
        return status.step / status.steps if status.steps else None
    return 1.0 if status.state == "finished" else status.progress


def left(seconds: float | None) -> str:
    """'about 12 s left', rounded so that it does not pretend to know more."""
    return "timing the first steps" if seconds is None else f"{about(seconds)} left"


def about(seconds: float) -> str:
    """'about 40 s'."""
    rounded = max(1, round(seconds)) if seconds < 20 else 5 * round(seconds / 5) if seconds < 90 else 30 * round(seconds / 30)
    return f"about {duration(rounded)}"


def belongs(
    owner: str, wanted: str, *, compared: int = 0, live: bool = False, ready: bool = True, trains: bool = True, seconds: float | None = None
) -> list[str]:
    """Whose the figures are while the form holds another recipe: the pieces of a sentence, every second one a name.

    *Arguments*: compared, how many more runs are in the figures; live, whether the owner trains; ready, whether the recipe wanted is
    usable; trains, whether whoever looks may train, now; seconds, how long that will take here, where it is known.
    """
    others = f" and {compared} compared {'run' if compared == 1 else 'runs'}" if compared else ""
    goes_on = ", whose training goes on unaffected" if live else ""
    begun = ["These figures belong to ", owner, f"{others}{goes_on}."]
    if not trains:
        return begun
    if not ready:
        return [*begun[:2], begun[2] + " Correct the option that is marked, then press Train."]
    return [*begun[:2], begun[2] + " Press Train to learn ", wanted, f" ({about(seconds)} here)." if seconds else "."]


def duration(seconds: float) -> str:
    """'12 s', '1 min 30 s', '2 h 5 min'."""
    if seconds < 10:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def kept(parts: dict[str, tuple[int, int]]) -> list[str]:
    """What a run that comes with the package has kept: '2,000 of 10,000 test events'."""
    return [f"{some:,} of {whole:,} {name} kept" for name, (some, whole) in parts.items()]


def on_cluster(status: Status) -> str:
    """Where a job stands: 'n1 (slurm, job 12, 35 min of its time left)'; why it waits, where it does."""
    if status.state == "queued":
        return status.message
    time = f", {duration(status.left)} of its time left" if status.left is not None and status.live else ""
    where = f"{status.place}, job {status.job}{time}"
    return f"{status.node} ({where})" if status.node else where


def steps(status: Status) -> str:
    return f"{status.steps:,}" if status.state == "finished" else f"{status.step:,} of {status.steps:,}"


def when(created: str) -> str:
    """The local date and time of an ISO date; the text itself where it is none."""
    try:
        return datetime.fromisoformat(created).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return created[:20]


def day(created: str) -> str:
    """The day of an ISO date, '27 Nov 2026'; the text itself where it is none."""
    try:
        made = datetime.fromisoformat(created)
    except ValueError:
        return created[:20]
    return f"{made.day} {made:%b %Y}"


def differs(base: Recipe, other: Recipe) -> str:
    """What sets a recipe apart from that of the run shown."""
    if family_of(base) is not family_of(other):
        return "another kind of recipe"
    options = other.options()
    changes = differences(base, other).items()
    words = [f"{options[name].label} {as_words(new)} instead of {as_words(old)}" for name, (old, new) in changes]
    more = f", and {len(words) - 4} more" if len(words) > 4 else ""
    return ", ".join(words[:4]) + more if words else "the same recipe as the run shown"


def only_differences(runs: list[tuple[str, Recipe]]) -> dict[str, Any] | None:
    """The options in which compared runs differ, with a value for each run; None for a single run. `text` has tabs between columns."""
    if len(runs) < 2:
        return None
    base, values = runs[0][1], [values_of(recipe) for _, recipe in runs]
    names = [name for name in values[0] if base.matters(name) and any(name in differences(base, other) for _, other in runs[1:])]
    rows: list[dict[str, Any]] = [
        {"name": name, "label": base.options()[name].titled, "values": [as_words(own[name]) for own in values]} for name in names
    ]
    lines = [["Option", *(name for name, _ in runs)], *([row["label"], *row["values"]] for row in rows)]
    return {"runs": [name for name, _ in runs], "rows": rows, "text": "\n".join("\t".join(line) for line in lines) + "\n"}


def story(slide: Slide, seconds: int, busy: str, *, back: bool = False) -> dict[str, Any]:
    """Buttons, progress and sentence of a story. `seconds`: how long its trainings take on two cores; `back`: one has gone back to the
    shipped numbers although there are trainings here."""
    live, done = bool(slide.live), slide.finished == slide.wanted
    resumable = any(status.resumable for _, status in slide.runs)
    label = "Resume" if resumable else "Train what is missing" if slide.runs else "Train this story"
    return {
        "train": {
            "label": f"{label} (about {duration(seconds)} on two cores)",
            "enabled": slide.looked and not (live or done or busy),
            "shown": not (live or done or back),
        },
        "other": "To what is trained here" if back else "Back to the shipped numbers" if slide.shipped else "",
        "stop": live and not busy,
        "live": live or bool(busy),
        "progress": slide.done / slide.steps if slide.runs and not done and slide.steps else None,
        "sentence": busy or _story_sentence(slide),
    }


def _story_sentence(slide: Slide) -> str:
    if not slide.looked:
        return "Looking at its trainings …"
    several = slide.wanted > 1
    share = f"{slide.finished} of {slide.wanted} trainings have finished" if several else ""
    steps = f"step {slide.done:,} of {slide.steps:,}"
    if failed := slide.failed:
        run, status = failed[0]
        return f"Run {run.id} failed at step {status.step:,}: {status.message or 'see log.txt in the run folder.'}"
    if slide.live:
        live = [(run, status) for run, status in slide.runs if status.live]
        if not slide.done and not any(status.state == "running" for _, status in live):
            return next((_preparing(run, status) for run, status in live if status.state == "preparing"), where(live[0][1]))
        return f"Training: {steps}, {left(slide.eta)}{f'; {share}' if several else ''}."
    if slide.finished == slide.wanted:
        together = f", {slide.wanted} trainings together" if several else ""
        return f"Trained in {duration(sum(status.seconds for _, status in slide.runs))}{together}."
    if slide.kept and not slide.runs:
        return f"Shipped result of {slide.kept}."
    if not slide.runs:
        return f"Not trained yet: {f'{slide.wanted} trainings' if several else 'one training'}, {slide.steps:,} steps."
    return f"Not complete: {share + ', ' if several else ''}{steps}."


def _preparing(run: Run, status: Status) -> str:
    share = f" {status.progress:.0%}" if status.progress else ""
    return f"Preparing {getattr(run.recipe, 'events', 0):,} events{share} …"


def verdict(slide: Slide) -> dict[str, Any] | None:
    """Our numbers beside the talk's; while something is missing, nothing is decided."""
    told = slide.verdict
    if not slide.looked:
        return {"state": "unknown", "words": "not known yet", "sentence": "", "columns": [], "rows": []}
    if told is None or not (slide.runs or slide.kept):
        return None
    complete = slide.finished == slide.wanted or not slide.runs
    state, words = (told.state, told.headline) if complete else ("unknown", "not known yet")
    sentence = told.sentence if complete or told.holds is None else "The training goes on; these are the numbers so far."
    shipped = {row.what: row.ours for row in slide.shipped.rows} if slide.shipped else {}
    beside = [[shipped.get(row.what, "–")] if shipped else [] for row in told.rows]
    rows = [[row.mark, MARKS[row.mark], row.what, *other, row.ours, row.expected] for row, other in zip(told.rows, beside, strict=True)]
    columns = ["", "what", *(["shipped", "here, now"] if shipped else ["ours"]), "expected"]
    return {"state": state, "words": words, "sentence": sentence, "columns": columns, "rows": rows}


def time(newest: Picture, shown: Picture, playing: float | None) -> dict[str, Any] | None:
    """The slider over the snapshots of a run; None where there are too few."""
    steps = newest.steps
    if len(steps) < 2:
        return None
    now = shown is newest
    step = newest.moment[1] if now else shown.moment[1]
    words = (" · live" if newest.status.live else " · end") if now else ""
    return {
        "count": len(steps),
        "index": len(steps) - 1 if now else steps.index(step),
        "sentence": f"step {step:,} of {newest.status.steps:,}{words}",
        "newest": now,
        "live": newest.status.live,
        "playing": playing is not None,
    }


def following(*, led: bool, over: bool, at: int | None) -> str:
    """What stands above a page that follows a lecture. `at`: the step that the lecturer looks at, where it is not the newest."""
    if over:
        return "The lecture is over; this is the last that was shown."
    if not led:
        return "The lecturer has left; this is the last that was shown. It goes on here if they come back."
    return "You are following the lecture" + (f", now at step {at:,}." if at is not None else ".")


def missing(entry: Entry, picture: Picture, *, replayed: bool = False) -> str:
    """Why a figure cannot be drawn, or not yet. `replayed`: the page shows an older snapshot."""
    status = picture.status
    if entry.takes not in (REPORTS, picture.product):
        return product_named(entry.takes).meant
    if entry.finished and replayed:
        return "This figure needs all weight draws, which are saved at the end of the training and not in its snapshots."
    if entry.finished and status.state != "finished":
        return "This figure needs all weight draws, which are saved at the end of the training."
    if status.state == "queued":
        return "Waiting for a free slot."
    if status.state in ("preparing", "running"):
        return product_named(picture.product).awaited if status.state == "running" and entry.takes != REPORTS else FIRST_POINTS
    return "This run has nothing to show here: it ended before the first snapshot."


def folded(sentence: str) -> str:
    """A sentence as the text of a figure: in short lines, and what plotly would read as markup spelled out."""
    return "<br>".join(textwrap.wrap(html.escape(sentence, quote=False), 40))
