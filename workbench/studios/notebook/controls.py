"""`wb.controls(recipe)`: the form of the pages as ipywidgets, bound both ways to a recipe.

Everything grows from the recipe's declarations by way of `draft.form`, as on the pages: groups, labels with units, menus, sliders, what
is allowed, and the sentence beside a value that cannot be used.
"""

from __future__ import annotations

import contextlib
import html
import re
from collections.abc import Iterator
from typing import Any

import ipywidgets
import traitlets

from workbench.families import FAMILIES
from workbench.runs.files import RunError, in_words
from workbench.runs.launcher import launch
from workbench.runs.run import Run
from workbench.studios.pages.draft import Draft, as_text, form
from workbench.training.recipe import Recipe

GRID = {"grid_template_columns": "repeat(auto-fit, minmax(23em, 1fr))", "grid_gap": "0 1.5em", "align_items": "flex-start"}
LABEL = {"description_width": "10.5em"}
WIDE = "calc(100% - 4px)"


class Field:
    """One option: its widget, a slider where numbers have stops, and a line for what is wrong."""

    def __init__(self, spec: dict[str, Any]):
        self.name, self.stops = spec["name"], spec["stops"]
        help = f"{spec['help']} {spec['allowed'][:1].upper()}{spec['allowed'][1:]}".strip()
        label = re.sub(r"(?<!\w)(\w)_(\w+)", r"\1<sub>\2</sub>", html.escape(spec["label"]))
        shared: dict[str, Any] = {"description": label, "description_allow_html": True, "tooltip": help}
        shared |= {"style": LABEL, "layout": {"width": WIDE}}
        if spec["kind"] == "choice":
            options = [(choice["label"], choice["value"]) for choice in spec["choices"]]
            self.widget: Any = ipywidgets.Dropdown(options=options, disabled=len(options) == 1, **shared)
        elif spec["kind"] == "flag":
            self.widget = ipywidgets.Checkbox(**shared)
        else:
            self.widget = ipywidgets.Text(continuous_update=False, **shared)
        self.slider = None
        if self.stops:
            stops = [(as_text(stop), stop) for stop in self.stops]
            style, layout = {"description_width": "0"}, {"width": "9em", "flex": "1 1 9em", "margin": "2px 10px"}  # room for the knob
            self.slider = ipywidgets.SelectionSlider(
                options=stops, readout=False, continuous_update=False, tooltip=f"{spec['label']}, slider", style=style, layout=layout
            )
            self.widget.layout = {"width": "19em", "flex": "0 1 19em"}
        self.wrong = ipywidgets.HTML(layout={"display": "none"})
        line = ipywidgets.HBox([self.widget, self.slider]) if self.slider else self.widget
        self.box = ipywidgets.VBox([line, self.wrong])

    def show(self, value: Any, text: str, wrong: str, hidden: bool) -> None:
        """The value, or the text that was typed and what is wrong with it."""
        self.widget.value = text if isinstance(self.widget, ipywidgets.Text) else value
        if self.slider and not wrong:
            self.slider.value = min(self.stops, key=lambda stop: abs(stop - value))
        self.wrong.value = f'<span role="alert" style="color: var(--jp-error-color1, #b3261e)">{html.escape(wrong)}</span>'
        self.wrong.layout.display = None if wrong else "none"
        self.box.layout.display = "none" if hidden else None


class Controls(ipywidgets.VBox):
    """Widgets for every option of a recipe, group by group, in step with `controls.recipe`.

    A widget that changes, changes the recipe itself, so `wb.launch(recipe)` trains what the widgets show; a recipe that changes, or another
    one that is assigned, changes the widgets. A value that cannot be used stays in its field with a sentence beside it, and the recipe
    keeps its last usable one. Train trains a copy, `controls.run`. Controls for a copy: `wb.controls(run.recipe.replace())`.

    *Arguments*: recipe of a single training.
    *Example*: controls = wb.controls(wb.AmplitudeRecipe()); controls["noise"].value = "0.05"; controls.recipe.noise
    """

    recipe = traitlets.Instance(Recipe)

    def __init__(self, recipe: Recipe):
        if type(recipe) not in (possible := [family.recipe for family in FAMILIES]):
            names = " or a ".join(kind.__name__ for kind in possible)
            raise ValueError(f"Controls need an {names}, not {type(recipe).__name__}; of a sweep, give its `base`.")
        self.draft = Draft(type(recipe), sweeps=False)
        spec = form(type(recipe))
        self._preset = ipywidgets.Dropdown(
            options=[(preset["title"], preset["name"]) for preset in spec["presets"]],
            description="Preset",
            tooltip="Where to start from; the options below can then be changed",
            style=LABEL,
            layout={"width": "min(34em, 100%)"},
        )
        self._see = ipywidgets.HTML()
        self._train = ipywidgets.Button(
            description="Train", icon="play", button_style="primary", tooltip="Train this recipe in a process of its own; it is shown below"
        )
        self._train.on_click(lambda _: self.train())
        self._said, self._live = ipywidgets.HTML(), ipywidgets.VBox()
        self.run: Run | None = None
        self._fields = {field["name"]: Field(field) for group in spec["groups"] for field in [*group["fields"], *group["more"]]}
        self._folded: dict[str, tuple[str, ...]] = {}
        self._accordions: dict[str, ipywidgets.Accordion] = {}
        self._writing = False
        self._watcher: Any = None
        groups = ipywidgets.GridBox([self._group(group) for group in spec["groups"]], layout=GRID)
        super().__init__([self._preset, self._see, groups, ipywidgets.HBox([self._train, self._said]), self._live])
        self._preset.observe(self._choose, "value")
        for name, field in self._fields.items():
            field.widget.observe(lambda change, name=name: self._edit(name, change["new"]), "value")
            if field.slider:
                field.slider.observe(lambda change, name=name: self._edit(name, change["new"]), "value")
        self.recipe = recipe

    def __getitem__(self, name: str) -> Any:
        """The widget of an option. Raises: RecipeError naming the options there are."""
        if name not in self._fields:
            type(self.recipe).check(name, None)
        return self._fields[name].widget

    def __repr__(self) -> str:
        return f"<controls of {self.recipe.as_python()}>"

    @property
    def problems(self) -> dict[str, str]:
        """Options whose value in the widgets cannot be used, each with its sentence."""
        return {name: sentence for name, (_, sentence) in self.draft.wrong.items()}

    def train(self) -> None:
        """Train the recipe as the widgets show it; `run` is the training, which is shown below the widgets while the notebook goes on."""
        try:
            self.run = launch(self.recipe.replace())
        except (OSError, ValueError, RunError) as problem:
            self._say(in_words(problem))
            return
        self._say(f"Run {self.run.id}: controls.run in the next cell.")
        self._live.children = [self.run.live()]

    def _say(self, sentence: str) -> None:
        self._said.value = html.escape(sentence)

    def _group(self, spec: dict[str, Any]) -> Any:
        boxes = [self._fields[field["name"]].box for field in spec["fields"]]
        if spec["more"]:
            names = tuple(field["name"] for field in spec["more"])
            more = ipywidgets.VBox([self._fields[name].box for name in names])
            title = ", ".join(field["label"].split(" [")[0] for field in spec["more"])
            accordion = ipywidgets.Accordion([more], titles=(f"More: {title}",), selected_index=None, layout={"width": WIDE})
            self._folded[spec["title"]], self._accordions[spec["title"]] = names, accordion
            boxes.append(accordion)
        return ipywidgets.VBox([ipywidgets.HTML(f"<b>{html.escape(spec['title'])}</b>"), *boxes], layout={"margin": "0 0 .6em"})

    @traitlets.validate("recipe")
    def _same_kind(self, proposal: Any) -> Recipe:
        wanted = self.draft.recipe_type
        if type(proposal["value"]) is not wanted:
            raise traitlets.TraitError(f"These controls are for a recipe of {wanted.__name__}, not {type(proposal['value']).__name__}.")
        return proposal["value"]

    @traitlets.observe("recipe")
    def _bind(self, change: Any) -> None:
        if isinstance(change["old"], Recipe):
            change["old"].param.unwatch(self._watcher)
        self._watcher = self.recipe.param.watch(self._moved, list(self._fields))
        self._moved()

    def _moved(self, *_: Any) -> None:
        """The recipe was changed from Python."""
        if not self._writing:
            self.draft.adopt(self.recipe.replace())
            self._show()

    def _edit(self, name: str, value: Any) -> None:
        if not self._writing:
            self.draft.set(name, value)
            self._write()

    def _choose(self, change: Any) -> None:
        if not self._writing:
            self.draft.choose(change["new"])
            self._write()

    def _write(self) -> None:
        """What the widgets say goes into the recipe."""
        with self._silent():
            self.recipe.param.update(**self.draft.recipe.to_dict())
        self._show()
        self.notify_change({"name": "recipe", "old": self.recipe, "new": self.recipe, "owner": self, "type": "edit"})

    def _show(self) -> None:
        view = self.draft.view()
        self._train.disabled = not self.draft.ready
        self._say(self.draft.problem)
        with self._silent():
            self._preset.value = view["preset"]
            changed = ", ".join(change["label"].split(" [")[0] for change in view["changes"])
            self._see.value = html.escape(f"{view['see']} Changed here: {changed}." if changed else view["see"])
            for name, field in self._fields.items():
                field.show(getattr(self.draft.recipe, name), view["texts"][name], view["wrong"].get(name, ""), name in view["hidden"])
        for title, names in self._folded.items():
            accordion = self._accordions[title]
            accordion.layout.display = "none" if set(names) <= set(view["hidden"]) else None
            if set(names) & set(view["wrong"]):
                accordion.selected_index = 0

    @contextlib.contextmanager
    def _silent(self) -> Iterator[None]:
        self._writing = True
        try:
            yield
        finally:
            self._writing = False


def controls(recipe: Recipe) -> Controls:
    """Widgets for every option of a recipe, bound both ways to it.

    *Raises*: ValueError for what is no recipe of a single training.
    """
    return Controls(recipe)
