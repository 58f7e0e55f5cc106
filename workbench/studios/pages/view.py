"""A studio: the page that shows a session. What is special to amplitudes or generators stands in files of their own."""

from __future__ import annotations

import functools
import logging
import os
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import panel as pn

from workbench import figures
from workbench.families import kind_of
from workbench.figures import drawing
from workbench.figures.drawing import sentence as figure_of_sentence
from workbench.figures.theme import Theme
from workbench.runs.folder import Status
from workbench.runs.launcher import waiting
from workbench.runs.run import Run
from workbench.studios.live.hub import HUB, Picture, identity
from workbench.studios.live.plot_view import PlotView, pack
from workbench.studios.pages import address as addresses
from workbench.studios.pages import sentences, slide
from workbench.studios.pages.draft import form, hideable, in_menu
from workbench.studios.pages.hearing import Hearing
from workbench.studios.pages.parts import Bar, Form, Frame, RunTable, Stories, as_json
from workbench.studios.pages.session import SAID
from workbench.studios.server import downloads, shell
from workbench.studios.server.house import Guest
from workbench.studios.server.pulse import PULSE
from workbench.training.recipe import Recipe

TICK = 250  # milliseconds between two looks of a page in a notebook, and of any page that moves by itself
REST = 1.0  # seconds between two looks of a page that nothing moves
LIST_EVERY = 1.0  # seconds between two looks at the list of runs
MOST_LISTED = 100  # runs in one part of the list

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Card:
    """A figure of `workbench.figures` at its place on a page.

    `choose` names the choosers of the page that stand beside it, `follows` others that it is drawn by; `formula` replaces the figure's own.
    """

    name: str
    tab: str
    choose: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    formula: str = ""

    @property
    def entry(self) -> figures.Entry:
        return figures.FIGURES[self.name]


class Studio(Hearing):
    """A session and the parts that show it."""

    cards: ClassVar[tuple[Card, ...]]
    columns: ClassVar[tuple[tuple[str, str], ...]]
    tour: ClassVar[tuple[tuple[str, str], ...]] = ()  # four steps for whoever is here for the first time: what is pointed at, what is said

    def __init__(self, *, runs: str | os.PathLike[str] | None = None, guest: Guest | None = None):
        super().__init__(runs=runs, guest=guest)
        self.listed = 0.0  # when the list of runs was looked at
        self.total = 0  # how many runs it has, in all its parts
        self.told = ""  # the story whose figures stand on the slide
        self.early: list[dict[str, Any]] | None = None  # what a page says that is not complete yet
        self._build()

    @abstractmethod
    def describe(self, recipe: Recipe) -> str:
        """A recipe in one short line: what kind of network, on which data."""

    @abstractmethod
    def numbers(self, picture: Picture) -> list[str]:
        """One text per column for a run's row of numbers."""

    def download(self, run: Run) -> str:
        """Where the page finds a file of a finished run's events; empty where there is none."""
        return ""

    def absent(self) -> set[str]:
        """Figures that make no sense for the runs shown; a tab all of whose figures are absent is hidden."""
        return set()

    def _build(self) -> None:
        self.form = Form(self.hear, spec=as_json(form(self.recipe_type)))
        self.bar = Bar(self.hear)
        self.table = RunTable(self.hear)
        self.slides = Stories(
            self.hear,
            spec=as_json([{"name": name, "title": (title := slide.told(name).title), "menu": in_menu(title)} for name in self.stories]),
        )
        self.plots: dict[str, PlotView] = {}
        choosers = {
            one.name: {"name": one.name, "label": one.label, "values": list(one.values.items()), "slides": one.slides}
            for one in self.choosers
        }
        cards = [
            {
                "name": c.name,
                "tab": c.tab,
                "title": c.entry.title,
                "look": c.entry.look_at,
                "formula": c.formula or c.entry.formula,
                "choosers": [choosers[name] for name in c.choose],
                "height": c.entry.height,
            }
            for c in self.cards
        ]
        self.frame = Frame(
            self.hear,
            controls=self.form,
            bar=self.bar,
            runs=self.table,
            stories=self.slides,
            tour=as_json(self.tour),
            cards=as_json(cards),
            tabs=as_json([{"name": tab.name, "title": tab.title, "lead": tab.lead} for tab in self.tabs]),
        )

    def hideable(self) -> list[dict[str, Any]]:
        """What a link to this page may hide; the first tab always stays."""
        return hideable(self.recipe_type, {tab.name: tab.title for tab in self.tabs[1:]})

    def __panel__(self) -> Frame:
        return self.frame

    def page(self) -> Frame:
        """Become the page of the session that is being opened, in the state that its address names."""
        document = pn.state.curdoc
        assert document, "only a session has a page"
        self.soon = document.add_next_tick_callback
        document.on_event("connection_lost", functools.partial(self.closed, document))
        self.early = []
        document.on_event("document_ready", lambda _: self.soon(self.complete))
        hideable = self.hideable()
        title = self.family.title
        shell.dress(f"workbench · {title}", here=title, stories=bool(self.stories), hideable=hideable, house=self.guest.invites)
        look = shell.appearance()
        self.theme, self.projector = str(look["theme"]), bool(look["projector"])
        self.restore(
            addresses.read(
                pn.state.session_args or {},
                self.recipe_type,
                tabs=[t.name for t in self.tabs],
                choosers={chooser.name: list(chooser.values) for chooser in self.choosers},
                stories=self.stories,
                hideable=[name for group in hideable for name in (group["name"], *(item for item, _ in group["items"])) if name],
            )
        )
        self.refresh(everything=True)
        PULSE.join(self, document)
        return self.frame

    def hear(self, message: dict[str, Any]) -> None:
        """A message from the browser, which has to be complete: Panel drops what is changed before."""
        if self.early is None:
            super().hear(message)
        else:
            self.early.append(message)

    def complete(self) -> None:
        """The browser has the whole page, and Panel knows it."""
        early, self.early = self.early or [], None
        for message in early:
            self.hear(message)

    def closed(self, document: Any, _: Any) -> None:
        """The browser has left: it will not come back to this page, since it loads a new one, so the session may end."""
        self.leave()
        context = document.session_context
        if context is not None and context.session is not None:
            context.session.request_expiration()

    def leave(self) -> None:
        """Be counted among those who follow a lecture no longer."""
        if self.follows is not None:
            self.follows.followers.discard(self)

    @property
    def pace(self) -> float:
        """Seconds until the page looks again when nothing moves its runs."""
        return TICK / 1_000 if self.playing is not None or self.busy or self.tab == "stories" else REST

    def watches(self, moved: tuple[str, str]) -> bool:
        """Whether the page shows the run of this identity."""
        return any(identity(run) == moved for run in self.shown)

    def tick(self) -> None:
        """The session's look at the newest pictures."""
        try:
            self.play()
            self.refresh()
        except Exception:  # the bottom of a callback: the page stays as it was
            log.exception("Refreshing the page")

    def refresh(self, *, everything: bool = False) -> None:
        self.attend()
        newest = self.pictures()
        pictures, absent = self.replayed(newest), self.absent()
        hidden = [tab.name for tab in self.tabs if (own := {c.name for c in self.cards if c.tab == tab.name}) and own <= absent]
        hidden += [tab.name for tab in self.tabs if tab.name in self.hide]
        if self.tab in hidden:
            self.tab = self.tabs[0].name
        if everything:
            time_of_all = self.library.time(self.draft.recipe) if self.draft.axes else ""
            self.form.tell(**self.draft.view(self.hide, time_of_all), places=self.places, where=self.where)
        self.bar.tell(
            **self.transport(newest),
            time=sentences.time(newest[0][1], pictures[0][1], self.playing) if newest and self.follows is None else None,
        )
        self.frame.tell(
            tab=self.tab,
            hidden=hidden,
            bare="recipe" in self.hide,
            absent=sorted(absent),
            chosen=self.drawn_at,
            offered={chooser.name: chooser.offers(self.recipes) for chooser in self.choosers},
            notices=self.notices,
            query=self.address.query(),
            awake=self.awake,
            lecture=self.lecture(PULSE.stir),
            numbers=self.table_of_numbers(pictures),
            belongs=self.belongs(newest),
            predicts=self.predicts(newest),
        )
        if self.tab == "runs" and (everything or time.monotonic() - self.listed > LIST_EVERY):
            self.listed = time.monotonic()
            self.table.tell(
                rows=self.rows(),
                differs=self.differs(),
                sought=self.sought,
                first=self.first,
                most=MOST_LISTED,
                total=self.total,
                waiting=len(waiting(self.library.own.root)) if self.guest.lecturer else 0,
            )
        if self.tab == "stories":
            self.tell_story()
        here = [card for card in self.cards if card.tab == self.tab and card.name not in absent and pictures]
        drawn = {card.name: self.drawn(card, pictures) for card in here}
        for name, frame in drawn.items():
            if name not in self.plots:
                self.plots[name] = PlotView(frame=frame, sizing_mode="stretch_both", margin=0)
            self.plots[name].draw(frame)
        if len(self.plots) > len(self.frame.plots):  # the first look at a tab
            self.frame.param.update(plots=list(self.plots.values()), placed=as_json(list(self.plots)))

    def predicts(self, newest: Sequence[tuple[Run, Picture]]) -> str:
        """The run that can be asked about own points: the first shown, if it is of an amplitude and has weights; else ''."""
        if not newest or self.follows is not None or self.guest.no_training:
            return ""
        run, picture = newest[0]
        if not kind_of(run.recipe).region or self.library.is_example(run):
            return ""
        moment = ("has weights", identity(run), picture.moment, picture.status.state)
        return run.id if HUB.fact(moment, lambda: bool(run.checkpoints())) else ""

    def tell_story(self) -> None:
        """The chosen story as it stands; its figures are drawn by the story's own thread."""
        theme = shell.figure_theme(self.theme, projector=self.projector)
        teller = self.teller
        told, now = teller.story, teller.slide(theme)
        doing = sentences.story(now, told.seconds, self.busy, back=self.shipped)
        if self.guest.no_training or self.follows is not None:
            doing |= {"train": doing["train"] | {"shown": False}, "stop": False}
        if self.follows is not None:
            doing |= {"other": ""}
        self.slides.tell(
            name=told.name,
            title=told.title,
            formula=told.formula,
            look=told.look_at,
            talk=told.talk,
            panels=[panel.title for panel in told.panels],
            python=told.python,
            command=f"workbench story {told.name}",
            home=downloads.story_address(told.name, shipped=self.shipped) if now.runs or now.kept else "",
            verdict=sentences.verdict(now),
            sources=[self.source(run, status) for run, status in now.runs],
            **doing,
            follows=self.follows is not None,
        )
        waiting = HUB.once(("waiting", theme), lambda: pack(figure_of_sentence("Looking at its trainings …", theme)))
        same, self.told = self.told == told.name, told.name
        frames = now.frames.get(theme) or ([] if same else [waiting] * len(told.panels))  # what stands there stays until there is more
        while len(self.slides.plots) < len(frames):
            self.slides.plots = [*self.slides.plots, PlotView(frame=frames[len(self.slides.plots)], sizing_mode="stretch_both", margin=0)]
        for plot, frame in zip(self.slides.plots, frames, strict=False):
            plot.draw(frame)

    def source(self, run: Run, status: Status) -> dict[str, str]:
        """A training behind a story: which, how it stands, when and where it was made."""
        device = status.device.split(",")[0]  # without its memory
        words = [status.state, sentences.when(run.created), f"on {device}" if device else ""]
        return {"id": run.id, "state": status.state, "title": self.described(run), "words": " · ".join(filter(None, words))}

    def drawn(self, card: Card, pictures: list[tuple[Run, Picture]]) -> bytes:
        """The packed figure of these pictures, drawn once for all pages that show the same."""
        reports = card.entry.takes == figures.REPORTS
        moments = tuple((identity(run), picture.cursor if reports else picture.moment, picture.status.state) for run, picture in pictures)
        names = tuple(letters_for(len(pictures)))
        chosen = {name: value for name, value in self.drawn_at.items() if name in (*card.choose, *card.follows)}
        at = (self.at, *(picture.moment for _, picture in pictures)) if self.at is not None else ()
        key = (card.name, self.theme, self.projector, tuple(chosen.items()), names, moments, at)
        newest = [picture for _, picture in pictures]
        return HUB.once(key, lambda: pack(self.signed(card, pictures, self.draw(card, names, newest, chosen))))

    def draw(self, card: Card, names: Sequence[str], pictures: Sequence[Picture], chosen: Mapping[str, str]) -> dict[str, Any]:
        """A figure of the runs that have what it takes; where none has, one that says why."""
        theme = shell.figure_theme(self.theme, projector=self.projector)
        data = [(name, picture.drawn_by(card.entry)) for name, picture in zip(names, pictures, strict=True)]
        there = [position for position, (_, dataset) in enumerate(data) if dataset is not None]
        if not there:
            reason = sentences.missing(card.entry, pictures[0], replayed=self.at is not None)
            return figure_of_sentence(sentences.folded(reason), theme)
        # a run that has nothing to draw yet keeps its colour
        order = [*there, *(position for position in range(len(theme.colours)) if position not in there)]
        theme = replace(theme, colours=tuple(theme.colour(position) for position in order))
        try:
            options: dict[str, Any] = {}
            for chooser in self.choosers:
                options |= chooser.option(chosen[chooser.name]) if chosen.get(chooser.name) else {}
            drawn = card.entry.as_dict([data[position] for position in there], theme, **options)
            return drawn if self.at is None or card.entry.takes != figures.REPORTS else with_marker(drawn, pictures[0].moment[1], theme)
        except ValueError as problem:
            return figure_of_sentence(sentences.folded(str(problem)), theme)
        except Exception as problem:  # the bottom of a figure: the others go on
            log.exception("Drawing %s", card.name)
            return figure_of_sentence(
                sentences.folded(f"This figure could not be drawn ({type(problem).__name__}); the log says why."), theme
            )

    def signed(self, card: Card, pictures: list[tuple[Run, Picture]], drawn: dict[str, Any]) -> dict[str, Any]:
        """A figure whose files say of which runs it is; a sentence is no figure."""
        if not drawn["data"]:
            return drawn
        runs = [run for run, _ in pictures]
        about = [card.entry.title, *(f"{self.name_of(run)} ({self.about(run)}, seed {run.recipe.to_dict()['seed']})" for run in runs)]
        return drawing.signed(drawn, "-".join([card.name, *(run.id for run in runs)]), "; ".join(about))

    def belongs(self, pictures: list[tuple[Run, Picture]]) -> list[str]:
        """Whose the figures are, where the form holds another recipe; else nothing."""
        if self.follows is not None or not pictures or not self.of_other:
            return []
        (run, picture), *others = pictures
        return sentences.belongs(
            self.name_of(run),
            self.draft.words(self.hide, run.recipe),
            compared=len(others),
            live=picture.status.live,
            ready=self.draft.ready,
            trains=not (self.guest.no_training or self.busy),
            seconds=self.library.total([recipe for _, recipe in self.draft.trainings]),
        )

    def table_of_numbers(self, pictures: list[tuple[Run, Picture]]) -> dict[str, Any]:
        rows: list[dict[str, Any]] = []
        colours, letters = shell.figure_theme(self.theme).colours, letters_for(len(pictures))
        for position, (run, picture) in enumerate(pictures):
            values = HUB.once(("numbers", identity(run), picture.moment), functools.partial(self.numbers_or_dashes, picture))
            rows.append(
                {
                    "id": run.id,
                    "title": self.name_of(run),
                    "about": self.about(run),
                    "state": picture.status.state,
                    "first": position == 0,
                    "words": "example" if self.library.is_example(run) else picture.status.state,
                    "values": values,
                    "letter": letters[position],
                    "colour": colours[position % len(colours)],
                }
            )
        return {"columns": [{"label": label, "help": help} for label, help in self.columns], "rows": rows}

    def numbers_or_dashes(self, picture: Picture) -> list[str]:
        try:
            return self.numbers(picture)
        except ValueError as problem:  # nothing finite to average, for instance
            log.info("No numbers: %s", problem)
            return ["–"] * len(self.columns)

    def name_of(self, run: Run) -> str:
        """A run's title, else its recipe in short."""
        return self.library.title(run) or self.described(run)

    def described(self, run: Run) -> str:
        """A run's recipe in short."""
        return HUB.fact(("described", identity(run), len(run.changes)), lambda: self.describe(run.recipe))

    def about(self, run: Run) -> str:
        """One line under a run's title: its recipe in short, unless that is the title, its date and its id."""
        words = self.described(run)
        when = run.created[:10]
        told = ["" if words == self.name_of(run) else words, f"made {when}" if when else "", run.id, *sentences.kept(run.kept)[:1]]
        return " · ".join(filter(None, told))

    def rows(self) -> list[dict[str, Any]]:
        """The part of the list of runs that is looked at: the runs that are sought, newest first, the examples last."""
        own, examples = self.library.own, self.library.examples
        found = [(own, name) for name in self.guest.sees(self.library.search(own, self.sought), own.root)]
        found += [(examples, name) for name in self.library.search(examples, self.sought)]
        self.total = len(found)
        if self.first >= self.total:  # some were deleted
            self.first = max(0, self.total - 1) // MOST_LISTED * MOST_LISTED
        rows = []
        for store, name in found[self.first : self.first + MOST_LISTED]:
            run = Run(store.root / name)
            try:
                rows.append(self.row(run))
            except SAID as problem:
                log.info("Run %s is left out of the list: %s", run.id, problem)
        return rows

    def differs(self) -> dict[str, Any] | None:
        """The table of what sets the compared runs apart."""
        names = [f"{letter}: {self.name_of(run)}" for letter, run in zip(letters_for(len(self.shown)), self.shown, strict=True)]
        return sentences.only_differences([(name, run.recipe) for name, run in zip(names, self.shown, strict=True)])

    def row(self, run: Run) -> dict[str, Any]:
        status, example = run.status, self.library.is_example(run)
        first = self.shown[0] if self.shown else None
        return {
            "id": run.id,
            "title": self.name_of(run),
            "about": HUB.fact(
                ("differs", *((identity(each), len(each.changes)) for each in (first, run))),
                lambda: sentences.differs(first.recipe, run.recipe),
            )
            if first
            else self.described(run),
            "state": status.state,
            "words": "example" if example else status.state,
            "where": sentences.on_cluster(status) if status.job else "",
            "steps": sentences.steps(status),
            "when": sentences.when(run.created),
            "example": example,
            "locked": "" if example else self.guest.no_change(run),
            "download": self.download(run) if status.state == "finished" else "",
            "live": status.live,
            "open": first is not None and run.path == first.path,
            "compared": any(run.path == other.path for other in self.shown),
        }


def with_marker(drawn: dict[str, Any], step: int, theme: Theme) -> dict[str, Any]:
    """A figure over the steps with a line at the one that is looked at."""
    line = {"color": theme.muted, "width": theme.line_width, "dash": "dot"}
    marker = {"type": "line", "xref": "x", "x0": step, "x1": step, "yref": "paper", "y0": 0, "y1": 1, "line": line}
    return {**drawn, "layout": {**drawn["layout"], "shapes": [*drawn["layout"].get("shapes", []), marker]}}


def letters_for(count: int) -> list[str]:
    """Names of compared runs in legends, as in the table above them: A, B, C; a single run needs none."""
    return [chr(ord("A") + position) for position in range(count)] if count > 1 else [""] * count
