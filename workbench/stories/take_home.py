"""A story to take home: one HTML file with its slide, its figures over the training, its verdict and its recipe.

It opens from disk in any browser, asks nobody for anything, and has less than `LARGEST` bytes.

    Path("plateau.html").write_text(take_home(wb.story("plateau")), encoding="utf-8")
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Sequence
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from workbench.families.amplitudes.product import SCAN
from workbench.figures import FIGURES, pack
from workbench.figures.drawing import config
from workbench.figures.engine import engine
from workbench.runs.files import RunError
from workbench.runs.run import Run
from workbench.stories.story import Panel, Story, Trainings
from workbench.stories.verdict import MARKS, Verdict

LARGEST = 5_900_000
"""Bytes of a file, of which plotly.js has 4.8 million."""
MOMENTS = 32
"""Positions of the slider over time; fewer where the file would be too large."""
END = 1.0
"""The moment at which a training has done all its steps."""
MEANS = {"agrees": "as expected", "differs": "not as expected", "untested": "no number to compare with", "missing": "not measured"}
SYMBOL = re.compile(r"((?:(?<![^\W\d_])(?!z_)Δ?[^\W\d_]\u0305?|⟩))_([^\W_]+(?:,(?:[a-z]?\d|[a-z](?![^\W\d_])|[α-ω]+[⁺⁻]?))?)")
"""A letter with an index: σ_syst, ⟨A⟩_M and p_T,j1, but not z_jets or gg_yyg."""
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<main>
<header><h1>{title}</h1><p class="formula">{formula}</p></header>
<p class="look">{look}</p>
<div id="figures">{figures}</div>
<div id="time" hidden><button type="button" id="play">Play</button><input id="moment" type="range" min="0" step="1"
aria-label="How far the trainings were"><output id="when" for="moment"></output></div>
<p id="problem" role="alert" hidden></p>
<noscript><p>The figures are drawn by the script in this file, which this browser does not run.</p></noscript>
<section><h2>The talk</h2><p>{talk}</p></section>
<section><h2>What we find <span class="chip {state}">{headline}</span></h2><p>{sentence}</p>
<div class="scroll"><table>
<thead><tr><th></th><th>what</th><th>ours</th><th>expected</th></tr></thead>
<tbody>{rows}</tbody></table></div></section>
<section><h2>Recipe</h2>{recipes}</section>
<section><h2>Do it again</h2><pre>{again}</pre><p>{made}</p></section>
</main>
<script type="application/octet-stream" id="packed">{packed}</script>
<script>{engine}</script>
<script>{script}</script>
</body>
</html>
"""


class Replayed(Run):
    """A run as it was at a `moment`, the share of its steps that were done; a few of its snapshots are read, once."""

    def __init__(self, run: Run, most: int):
        super().__init__(run.path)
        self.moment, self.steps = END, max(1, run.status.steps)
        past = run.snapshots
        places = np.unique(np.linspace(0, past.sizes["step"] - 1, min(most, past.sizes["step"])).astype(int))
        self._past = {int(past["step"][place]): past.isel(step=place).copy(deep=True) for place in places}
        self._found: dict[str, xr.Dataset] = {}

    @property
    def moments(self) -> list[float]:
        """Those of its snapshots."""
        return [step / self.steps for step in self._past if step < self.steps]

    def prediction(self, split: str = "test") -> xr.Dataset:
        if self.moment < END:
            raise RunError(f"Run {self.id} had no prediction before its end.")
        if split not in self._found:
            self._found[split] = super().prediction(split)
        return self._found[split]

    def latest_snapshot(self, after_step: int | None = None) -> xr.Dataset | None:
        there = [step for step in self._past if step <= self.moment * self.steps + 0.5]
        return self._past[there[-1] if there else min(self._past)] if self._past else None

    @property
    def reports(self) -> xr.Dataset:
        told = super().reports
        return told.isel(step=told["step"].values <= self.moment * self.steps + 0.5)


def take_home(story: Story, runs: Trainings = ()) -> str:
    """The file of a story, from what its trainings have come to; without runs, from the numbers that ship with the package.

    Raises: ValueError in one sentence where nothing has been trained and nothing ships, or where the figures are too large.
    """
    kept = None if runs else story.kept
    if not runs and kept is None:
        raise ValueError(f"Nothing has been trained for the story {story.name!r} yet, and no numbers of it ship: train it first.")
    scan = story.scan(runs) if kept is None else kept
    script, style = ((Path(__file__).parent / f"take_home.{kind}").read_text(encoding="utf-8") for kind in ("js", "css"))
    library = engine().decode()
    words = {
        "policy": _policy(library, script),
        "name": escape(story.title),
        "style": style,
        **{name: symbols(text) for name, text in (("title", story.title), ("formula", story.formula), ("look", story.look_at))},
        "talk": symbols(story.talk),
        "figures": "".join(
            f'<figure><figcaption>{symbols(panel.title)}</figcaption><div class="plot"></div></figure>' for panel in story.panels
        ),
        **_judged(story, runs, scan),
        "recipes": _recipes(story),
        "again": escape(f"workbench story {story.name}\n\n{story.python}"),
        "made": _made(runs, scan),
        "engine": library,
        "script": script,
    }
    room = LARGEST - len(PAGE.format(**words, packed="").encode())
    return PAGE.format(**words, packed=_fitting(story, runs, scan, room))


def symbols(text: str) -> str:
    """A sentence as HTML in which nothing is markup but the indices of its symbols."""
    return SYMBOL.sub(r"\1<sub>\2</sub>", escape(text))


def _policy(*scripts: str) -> str:
    """What the file may do: run its own scripts, look as it does, save figures; ask nobody."""
    own = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts)
    return f"default-src 'none'; script-src {own}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"


def _fitting(story: Story, runs: Trainings, scan: xr.Dataset, room: int) -> str:
    """The figures at all moments, packed; at fewer of them where that takes more than `room` bytes."""
    played = [(options, Replayed(run, MOMENTS)) for options, run in runs]
    moments = sorted({moment for _, run in played for moment in run.moments})
    if len(moments) >= MOMENTS:
        moments = [moments[place] for place in np.linspace(0, len(moments) - 1, MOMENTS - 1).astype(int)]
    drawn = [_drawn(story, played, moment, None) for moment in moments] + [_drawn(story, played, END, scan)]
    told = [*(_moment(played, moment) for moment in moments), "the end"]
    while True:
        shown = [{"config": config(panel.name), "height": FIGURES[panel.figure].height} for panel in story.panels]
        content = pack({"moments": told, "figures": shown, "drawn": drawn})
        packed = base64.b64encode(zlib.compress(content, 9)).decode()
        if len(packed) <= room:
            return packed
        if len(drawn) == 1:
            raise ValueError(
                f"The figures of {story.name} take {len(packed):,} bytes, and there is room for {room:,}: draw fewer trainings."
            )
        drawn, told = drawn[::-1][::2][::-1], told[::-1][::2][::-1]


def _drawn(story: Story, runs: Sequence[tuple[Any, Replayed]], moment: float, scan: xr.Dataset | None) -> list[dict[str, Any] | None]:
    """The figures of a story at a moment; None in place of one that shows nothing then."""
    for _, run in runs:
        run.moment = moment
    scan = story.scan(runs) if scan is None else scan
    return [_figure(story, panel, runs, scan) for panel in story.panels]


def _figure(story: Story, panel: Panel, runs: Trainings, scan: xr.Dataset) -> dict[str, Any] | None:
    entry = FIGURES[panel.figure]
    try:
        drawn = entry.as_dict(scan if entry.takes == SCAN.name else story.drawn_from(panel, runs), "light", **panel.passed)
    except (ValueError, RunError):
        return None
    data = [{**trace, "name": trace.get("name", "").split("<br>")[0]} for trace in drawn["data"]]  # their numbers stand in the table
    return {"data": data, "layout": drawn["layout"]} if data else None


def _moment(runs: Sequence[tuple[Any, Replayed]], moment: float) -> str:
    """A moment in words."""
    steps = {run.steps for _, run in runs}
    return f"step {round(moment * max(steps)):,} of {max(steps):,}" if len(steps) == 1 else f"{100 * moment:.2g} % of each training"


def _judged(story: Story, runs: Trainings, scan: xr.Dataset) -> dict[str, str]:
    """Verdict, sentence and table. While a training is missing, nothing is decided."""
    verdict: Verdict = story.judge(scan)
    finished = sum(run.status.state == "finished" for _, run in runs)
    complete = not runs or finished == len(story.runs)
    rows = [
        f'<tr class="{row.mark}"><td title="{MEANS[row.mark]}">{MARKS[row.mark]}</td><th scope="row">{symbols(row.what)}</th>'
        f"<td>{escape(row.ours)}</td><td>{escape(row.expected)}</td></tr>"
        for row in verdict.rows
    ]
    partly = f"{finished} of {len(story.runs)} trainings have finished; these are the numbers so far."
    return {
        "state": verdict.state if complete else "unknown",
        "headline": escape(verdict.headline if complete else "not known yet"),
        "sentence": symbols(verdict.sentence if complete else partly),
        "rows": "".join(rows),
    }


def _recipes(story: Story) -> str:
    """What was trained, each as the call that makes it."""
    called = [
        ", ".join(f"{name} = {value}" for name, value in options.items()) + ("\n" if options else "") + recipe.as_python()
        for options, recipe in story.runs
    ]
    first, rest = escape(called[0]), escape("\n\n".join(called[1:]))
    more = f"<details><summary>{len(called) - 1} more</summary><pre>{rest}</pre></details>" if rest else ""
    return f"<pre>{first}</pre>{more}"


def _made(runs: Trainings, scan: xr.Dataset) -> str:
    """When, where and by which version it was made, and of which runs."""
    program = f"workbench {version('workbench')}"
    if not runs:
        about = " on ".join(filter(None, (scan.attrs.get("made", ""), scan.attrs.get("device", ""))))
        return escape(f"These are the numbers that ship with {program}{f', made {about}' if about else ''}.")
    told = "; ".join(f"{run.id} ({run.status.state}), made {run.created} on {run.status.device.split(',')[0]}" for _, run in runs)
    return escape(f"Made with {program}. Runs: {told}.")
