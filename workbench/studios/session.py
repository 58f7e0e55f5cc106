"""A studio: a page that binds a recipe, its runs and their figures. What is special to amplitudes or generators stands elsewhere.

One `Studio` belongs to one session. It keeps nothing that matters: the draft of the recipe, which runs are shown and which tab is open
stand in the address; everything else stands in the run folders.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import panel as pn

from workbench import figures
from workbench.figures.drawing import sentence as figure_of_sentence
from workbench.home import runs_folder
from workbench.runs import launcher
from workbench.runs.files import RunError
from workbench.runs.store import EXAMPLES, ID, Run, RunStore
from workbench.studios import address as addresses
from workbench.studios import errands, sentences, shell
from workbench.studios.draft import Draft, differences, form
from workbench.studios.live import HUB, Picture
from workbench.studios.parts import Bar, Form, Frame, RunTable, as_json
from workbench.studios.plot_view import ENGINE_URL, PlotView, engine, pack
from workbench.training.recipe import Recipe, shown

TICK = 250  # milliseconds between two looks of a session at the newest pictures
MOST_NOTICES = 6
MOST_LOOKED_AT = 20  # of the user's newest runs, in search of one that is worth showing first
LIST_EVERY = 4  # ticks between two looks at the list of runs

HEARD = ("preset", "option", "undo", "title", "action", "key", "open", "compare", "delete", "tab", "observable", "dismiss", "theme")

ASIDE = {"test_events", "draws"}
"""Options that say how closely a network is looked at, not what it is: examples are small."""
SAID = (OSError, ValueError, RunError)
"""Errors whose message is a sentence for the page."""

log = logging.getLogger(__name__)
STARTER = ThreadPoolExecutor(max_workers=4, thread_name_prefix="start runs")


@dataclass(frozen=True)
class Card:
    """A figure of `workbench.figures` at its place on a page; `choose` offers the observables."""

    name: str
    tab: str
    choose: bool = False

    @property
    def entry(self) -> figures.Entry:
        return figures.FIGURES[self.name]


@dataclass(frozen=True)
class Tab:
    name: str
    title: str
    lead: str = ""


def letters_for(count: int) -> list[str]:
    """Names of compared runs in legends, as in the table above them: A, B, C; a single run needs none."""
    return [chr(ord("A") + position) for position in range(count)] if count > 1 else [""] * count


class Studio:
    """The session's side of a page.

    *Arguments*: runs, the folder with the run folders.
    """

    title: ClassVar[str]
    recipe_type: ClassVar[type[Recipe]]
    tabs: ClassVar[tuple[Tab, ...]]
    cards: ClassVar[tuple[Card, ...]]
    columns: ClassVar[tuple[tuple[str, str], ...]]

    def __init__(self, *, runs: str | os.PathLike[str] | None = None):
        self.store = RunStore(Path(runs) if runs else runs_folder())
        self.examples = RunStore(EXAMPLES)
        self.draft = Draft(self.recipe_type)
        self.shown: list[Run] = []
        self.tab = self.tabs[0].name
        self.observable = next(iter(self.observables()), "")
        self.notices: list[str] = []
        self.theme, self.projector = "light", False
        self.busy = ""  # a sentence while a run is being started
        self.ticks = 0
        self._soon: Callable[[Callable[[], None]], Any] = lambda work: work()  # runs something on the session's own thread
        self._build()

    # What a special studio says

    def observables(self) -> dict[str, str]:
        """Names and titles of the observables to choose from."""
        return {}

    def describe(self, recipe: Recipe) -> str:
        """A recipe in one short line: what kind of network, on which data."""
        raise NotImplementedError

    def numbers(self, picture: Picture) -> list[str]:
        """One text per column for a run's row of numbers."""
        raise NotImplementedError

    # The parts

    def _build(self) -> None:
        self.form = Form(self.hear, spec=as_json(form(self.recipe_type)))
        self.bar = Bar(self.hear)
        self.table = RunTable(self.hear)
        self.plots: dict[str, PlotView] = {}
        options = list(self.observables().items())
        cards = [
            {
                "name": c.name,
                "tab": c.tab,
                "title": c.entry.title,
                "look": c.entry.look_at,
                "formula": c.entry.formula,
                "options": options if c.choose else [],
            }
            for c in self.cards
        ]
        self.frame = Frame(
            self.hear,
            controls=self.form,
            bar=self.bar,
            runs=self.table,
            cards=as_json(cards),
            tabs=as_json([{"name": tab.name, "title": tab.title, "lead": tab.lead} for tab in self.tabs]),
        )

    def __panel__(self) -> Frame:
        return self.frame

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        """The same page in a notebook cell; what it needs of JavaScript travels in the cell's output."""
        from IPython.display import Javascript, display

        pn.extension(inline=True)
        self.frame.stylesheets = [*self.frame.stylesheets, shell.cell_style()]
        self._soon = asyncio.get_running_loop().call_soon_threadsafe
        display(Javascript(f"{engine().decode()}\n(globalThis.workbenchPlotly ??= {{}})[{ENGINE_URL!r}] = Promise.resolve(window.Plotly)"))
        if not self.shown:
            self.show_finished(self.draft.recipe)
        self.refresh(everything=True)
        pn.state.add_periodic_callback(self.tick, period=TICK)
        return self.frame._repr_mimebundle_(include, exclude)

    def page(self) -> Frame:
        """Become the page of the session that is being opened, in the state that its address names."""
        document = pn.state.curdoc
        assert document, "only a session has a page"
        self._soon = document.add_next_tick_callback
        shell.dress(f"workbench · {self.title}")
        look = shell.appearance()
        self.theme, self.projector = str(look["theme"]), bool(look["projector"])
        self.restore(
            addresses.read(
                pn.state.session_args or {}, self.recipe_type, tabs=[t.name for t in self.tabs], observables=list(self.observables())
            )
        )
        self.refresh(everything=True)
        pn.state.add_periodic_callback(self.tick, period=TICK)
        return self.frame

    def restore(self, address: addresses.Address) -> None:
        """Take over what a link says: runs first, then the recipe, which may differ from that of the run."""
        for problem in address.problems:
            self.note(problem)
        self.tab = address.tab or self.tab
        self.observable = address.observable or self.observable
        for name in dict.fromkeys([address.run, *address.compare]):
            if name and (run := self.find(name)) is not None:
                self.shown.append(run)
        if address.preset is not None or address.options:
            self.draft = Draft(self.recipe_type, address.preset or "", address.options)
        elif self.shown:
            self.draft.adopt(self.shown[0].recipe)
        if not self.shown:
            self.show_finished(self.draft.recipe)

    @property
    def address(self) -> addresses.Address:
        """Where the page stands now."""
        run = self.shown[0] if self.shown else None
        named = [other.id for other in self.shown if not (other is run and self.is_example(other) and len(self.shown) == 1)]
        first = next(iter(self.draft.presets))
        same = run is not None and bool(named) and self._recipe(run) == self.draft.recipe.to_dict()
        options = {} if same else {name: new for name, (_, new) in self.draft.changes.items()}
        preset = None if same or (self.draft.preset == first and (options or not named)) else self.draft.preset
        return addresses.Address(
            preset,
            options,
            named[0] if named else "",
            named[1:],
            "" if self.tab == self.tabs[0].name else self.tab,
            "" if self.observable == next(iter(self.observables()), "") else self.observable,
        )

    # Runs

    def find(self, name: str) -> Run | None:
        """A run by its id, among the user's own and the examples; a sentence on the page where there is none that can be read."""
        try:
            for store in (self.store, self.examples):
                if ID.fullmatch(name) and (store.root / name).exists():
                    run = store.open(name)
                    _ = run.recipe
                    return run
            self.note(f"There is no run {shown(name)} among your own and the examples.")
        except SAID as problem:
            self.note(str(problem))
        return None

    def is_example(self, run: Run) -> bool:
        return run.path.parent == self.examples.root

    def show_finished(self, recipe: Recipe) -> bool:
        """Show a finished run of this recipe, or an example of it. Says whether there was one; without one, and with nothing to see yet,
        the example that resembles it most is shown.
        """
        own = self.store.find(recipe)
        if own is not None and own.status.state == "finished":
            self.shown = [own]
            return True
        candidates = [*self.examples.runs(), *self.store.runs()[:MOST_LOOKED_AT]]
        finished = [run for run in candidates if run.status.state == "finished"]
        near = min(finished, key=lambda run: len(differences(recipe, run.recipe)), default=None)
        like = near is not None and set(differences(recipe, near.recipe)) <= ASIDE
        if near is not None and (like or not self.shown):
            self.shown = [near]
        return like

    def name_of(self, run: Run) -> str:
        """A run's title, else that of its preset, else its recipe in short."""
        recipe = self._recipe(run)
        return run.title or HUB.once(
            ("name", run.path),
            lambda: next((p.title for p in self.draft.presets.values() if p.recipe.to_dict() == recipe), "") or self.describe(run.recipe),
        )

    def _recipe(self, run: Run) -> dict[str, Any]:
        return HUB.once(("recipe", run.path), lambda: run.recipe.to_dict())

    def pictures(self) -> list[tuple[Run, Picture]]:
        """Shown runs with what is known of them; a run that is gone leaves with a sentence."""
        found = []
        for run in list(self.shown):
            try:
                if not (run.path / "recipe.json").exists():
                    raise FileNotFoundError
                found.append((run, HUB.picture(run)))
            except SAID as problem:
                self.shown.remove(run)
                HUB.forget(run)
                self.note(f"Run {run.id} is gone: its folder was deleted." if isinstance(problem, FileNotFoundError) else str(problem))
        return found

    def note(self, sentence: str) -> None:
        """Put a sentence on the page, where it stays until it is dismissed."""
        if sentence not in self.notices:
            self.notices = [*self.notices, sentence][-MOST_NOTICES:]

    # What is shown

    def tick(self) -> None:
        """The session's look at the newest pictures, four times a second."""
        self.ticks += 1
        try:
            self.refresh()
        except Exception:  # the bottom of a callback: the page stays as it was
            log.exception("Refreshing the page")

    def refresh(self, *, everything: bool = False) -> None:
        pictures = self.pictures()
        if everything:
            self.form.tell(**self.draft.view())
        self.bar.tell(**self.transport(pictures[0] if pictures else None))
        self.frame.tell(
            tab=self.tab,
            observable=self.observable,
            notices=self.notices,
            query=self.address.query(),
            numbers=self.table_of_numbers(pictures),
        )
        if self.tab == "runs" and (everything or self.ticks % LIST_EVERY == 0):
            self.table.tell(rows=self.rows())
        drawn = {card.name: self.drawn(card, pictures) for card in self.cards if card.tab == self.tab and pictures}
        for name, frame in drawn.items():
            if name not in self.plots:
                self.plots[name] = PlotView(frame=frame, sizing_mode="stretch_both", margin=0)
            self.plots[name].frame = frame
        if len(self.plots) > len(self.frame.plots):  # the first look at a tab
            self.frame.param.update(plots=list(self.plots.values()), placed=as_json(list(self.plots)))

    def drawn(self, card: Card, pictures: list[tuple[Run, Picture]]) -> bytes:
        """The packed figure of these pictures, drawn once for all pages that show the same."""
        reports = card.entry.takes == "reports"
        moments = tuple((run.path, picture.cursor if reports else picture.moment, picture.status.state) for run, picture in pictures)
        names = tuple(letters_for(len(pictures)))
        chosen = self.observable if card.choose else ""
        key = (card.name, self.theme, self.projector, chosen, names, moments)
        return HUB.once(key, lambda: pack(self.draw(card, names, [picture for _, picture in pictures], chosen)))

    def draw(self, card: Card, names: Sequence[str], pictures: Sequence[Picture], chosen: str = "") -> dict[str, Any]:
        """A figure of the runs that have what it takes; where none has, one that says why."""
        takes = {"reports": "reports", "summary": "events", "draws": "prediction"}[card.entry.takes]
        theme = shell.figure_theme(self.theme, projector=self.projector)
        data = [(name, getattr(picture, takes)) for name, picture in zip(names, pictures, strict=True)]
        there = [position for position, (_, dataset) in enumerate(data) if dataset is not None]
        if not there:
            return figure_of_sentence(sentences.folded(sentences.missing(takes, pictures[0].status)), theme)
        # a run that has nothing to draw yet keeps its colour
        order = [*there, *(position for position in range(len(theme.colours)) if position not in there)]
        theme = replace(theme, colours=tuple(theme.colour(position) for position in order))
        try:
            return card.entry.as_dict([data[position] for position in there], theme, **({"observable": chosen} if chosen else {}))
        except ValueError as problem:
            return figure_of_sentence(sentences.folded(str(problem)), theme)

    def transport(self, first: tuple[Run, Picture] | None) -> dict[str, Any]:
        """Buttons, progress and sentence of the first run shown."""
        status = first[1].status if first else None
        example = first is not None and self.is_example(first[0])
        same = first is not None and not example and self._recipe(first[0]) == self.draft.recipe.to_dict()
        return sentences.transport(status, example=example, same=same, ready=self.draft.ready, busy=self.busy)

    def table_of_numbers(self, pictures: list[tuple[Run, Picture]]) -> dict[str, Any]:
        rows: list[dict[str, Any]] = []
        colours, letters = shell.figure_theme(self.theme).colours, letters_for(len(pictures))
        for position, (run, picture) in enumerate(pictures):
            values = HUB.once(("numbers", run.path, picture.moment), functools.partial(self.numbers, picture))
            rows.append(
                {
                    "id": run.id,
                    "title": self.name_of(run),
                    "about": self.about(run),
                    "state": picture.status.state,
                    "first": position == 0,
                    "words": "example" if self.is_example(run) else picture.status.state,
                    "values": values,
                    "letter": letters[position],
                    "colour": colours[position % len(colours)],
                }
            )
        return {"columns": [{"label": label, "help": help} for label, help in self.columns], "rows": rows}

    def about(self, run: Run) -> str:
        """One line under a run's title: its recipe in short, unless that is the title, its date and its id."""
        words = self.describe(run.recipe)
        when = run.created[:10]
        return " · ".join(word for word in ("" if words == self.name_of(run) else words, f"made {when}" if when else "", run.id) if word)

    def rows(self) -> list[dict[str, Any]]:
        """The list of runs, newest first, the examples last."""
        rows = []
        for store in (self.store, self.examples):
            for run in store.runs():
                try:
                    rows.append(self.row(run, example=store is self.examples))
                except SAID as problem:
                    log.info("Run %s is left out of the list: %s", run.id, problem)
        return rows

    def row(self, run: Run, *, example: bool) -> dict[str, Any]:
        status = run.status
        first = self.shown[0] if self.shown else None
        return {
            "id": run.id,
            "title": self.name_of(run),
            "about": sentences.differs(first.recipe, run.recipe) if first else self.describe(run.recipe),
            "state": status.state,
            "words": "example" if example else status.state,
            "steps": sentences.steps(status),
            "when": sentences.when(run.created),
            "example": example,
            "live": status.live,
            "open": first is not None and run.path == first.path,
            "compared": any(run.path == other.path for other in self.shown),
        }

    # What is pressed

    def hear(self, message: dict[str, Any]) -> None:
        """A message from the browser: one key that names it. Anything unknown is ignored."""
        hearer = next((getattr(self, f"on_{key}") for key in message if key in HEARD), None)
        if hearer is None:
            return
        try:
            hearer(message)
        except (*SAID, KeyError, TypeError) as problem:
            log.info("On %s: %s", message, problem)
            self.note(str(problem))
        self.refresh(everything=True)

    def on_preset(self, message: dict[str, Any]) -> None:
        if str(message["preset"]) in self.draft.presets:
            self.draft.choose(str(message["preset"]))
            if not self._busy_here():
                self.show_finished(self.draft.recipe)

    def on_option(self, message: dict[str, Any]) -> None:
        value = message.get("value")
        self.draft.set(str(message["option"]), value if isinstance(value, bool) else str(value)[:2_000])

    def on_undo(self, message: dict[str, Any]) -> None:
        if str(message["undo"]) in self.recipe_type.options():
            self.draft.undo(str(message["undo"]))

    def on_title(self, message: dict[str, Any]) -> None:
        self.draft.title = "".join(c for c in str(message["title"])[:80] if c.isprintable())

    def on_tab(self, message: dict[str, Any]) -> None:
        if message["tab"] in [tab.name for tab in self.tabs]:
            self.tab = message["tab"]

    def on_observable(self, message: dict[str, Any]) -> None:
        if message["observable"] in self.observables():
            self.observable = message["observable"]

    def on_dismiss(self, message: dict[str, Any]) -> None:
        if 0 <= int(message["dismiss"]) < len(self.notices):
            del self.notices[int(message["dismiss"])]

    def on_theme(self, message: dict[str, Any]) -> None:
        self.theme = "dark" if message["theme"] == "dark" else "light"
        self.projector = bool(message.get("projector"))

    def on_open(self, message: dict[str, Any]) -> None:
        if (run := self.find(str(message["open"]))) is not None:
            self.shown = [run]
            self.draft.adopt(run.recipe)
            self.tab = self.tabs[0].name

    def on_compare(self, message: dict[str, Any]) -> None:
        name = str(message["compare"])
        if not message.get("on"):
            self.shown = self.shown[:1] + [run for run in self.shown[1:] if run.id != name]
        elif len(self.shown) > addresses.MOST_COMPARED:
            self.note(f"At most {addresses.MOST_COMPARED + 1} runs fit into one figure; take one out of the comparison first.")
        elif name not in [run.id for run in self.shown] and (run := self.find(name)) is not None:
            self.shown.append(run)

    def on_delete(self, message: dict[str, Any]) -> None:
        name = str(message["delete"])
        self.store.delete(name)
        self.shown = [run for run in self.shown if run.id != name or self.is_example(run)]
        if not self.shown:
            self.show_finished(self.draft.recipe)

    def on_key(self, message: dict[str, Any]) -> None:
        buttons = {button["name"] for button in self.transport(next(iter(self.pictures()), None))["buttons"] if button["enabled"]}
        wanted = {"space": ("pause", "continue", "resume", "train"), "right": ("step",), "r": ("reset",)}.get(message["key"], ())
        if action := next((name for name in wanted if name in buttons), None):
            self.on_action({"action": action})

    def on_action(self, message: dict[str, Any]) -> None:
        run = self.shown[0] if self.shown else None
        action = message["action"]
        if action == "train" and self.draft.ready and not self.busy:
            self._start(run)
        elif action == "reset":
            self.draft.choose(self.draft.preset)
            self.shown = []
            self.show_finished(self.draft.recipe)
        elif run is not None and not self.is_example(run):
            if action == "pause":
                run.pause()
            elif action == "continue":
                run.resume()
            elif action == "step":
                run.step()
            elif action == "stop":
                self._later("Stopping …", run.stop)
            elif action == "resume" and not self.busy:
                self._later("Starting the training process again …", functools.partial(launcher.resume, run))

    def _start(self, run: Run | None) -> None:
        recipe, file = self.draft.recipe, getattr(self.draft.recipe, "file", "")
        again = run is not None and not self.is_example(run) and self._recipe(run) == recipe.to_dict()

        def work() -> Run:
            if file:
                errands.check_events(recipe)
            return launcher.launch(recipe, runs=self.store.root, title=self.draft.title, reuse=not again)

        self._later("Reading the file …" if file else "Starting the training process …", work, self._started)

    def _started(self, run: Run) -> None:
        self.draft.title = ""
        self.shown = [run, *(other for other in self.shown[1:] if other.id != run.id)]
        if self.tab == "runs":
            self.tab = self.tabs[0].name

    def _later(self, sentence: str, work: Callable[[], Any], then: Callable[[Any], None] = lambda _: None) -> None:
        """Do what may take a while on another thread; its result comes back on the session's own."""
        self.busy = sentence

        def finish(result: Any, problem: Exception | None) -> None:
            self.busy = ""
            if problem is None:
                then(result)
            else:
                self.note(str(problem))
            self.refresh(everything=True)

        def run() -> None:
            try:
                result, problem = work(), None
            except Exception as met:  # the bottom of a thread: the page says it
                if not isinstance(met, SAID):
                    log.exception("In the background")
                result, problem = None, met
            self._soon(functools.partial(finish, result, problem))

        STARTER.submit(run)

    def _busy_here(self) -> bool:
        return bool(self.shown) and not self.is_example(self.shown[0]) and self.shown[0].status.live
