"""A figure as a still picture: SVG written here, for notebooks that are exported or read where no script runs.

It knows what the figures of this package are made of: curves, bands, points, maps, lines and notes on linear and logarithmic axes.
"""

from __future__ import annotations

import base64
import itertools
import math
import re
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from workbench.figures.drawing import number, round_values
from workbench.figures.theme import LIGHT

WIDTH, HEIGHT = 820, 400  # px
LETTER = 0.56  # width of a letter in units of the font's size, on average
DASHES = {"dash": (9, 6), "dot": (3, 4), "dashdot": (9, 4, 3, 4), "longdash": (14, 7), "longdashdot": (14, 5, 3, 5)}
MOST_POINTS = 4_000  # of one curve
SHIFTS = {"sub": 0.25, "sup": -0.4}  # of letters, in units of the font's size


def svg(figure: Mapping[str, Any], width: int = WIDTH, height: int | None = None) -> str:
    """A figure with `data` and `layout` as a picture that needs nothing else. Its size is that of its layout, if it has one."""
    return _Picture(figure["data"], figure["layout"], width, height or int(figure["layout"].get("height") or HEIGHT)).draw()


@dataclass(frozen=True)
class _Axis:
    """An axis on the picture: from `low` to `high` in the axis' own units, at these pixels."""

    given: Mapping[str, Any]
    low: float
    high: float
    start: float
    end: float

    @property
    def log(self) -> bool:
        return self.given.get("type") == "log"

    @property
    def shown(self) -> bool:
        return self.given.get("visible", True)

    def pixels(self, values: Any) -> np.ndarray:
        values = np.asarray(values, dtype=float)
        with np.errstate(all="ignore"):
            values = np.where(values > 0, np.log10(values), np.nan) if self.log else values
            return self.start + (values - self.low) / (self.high - self.low) * (self.end - self.start)

    def within(self, fraction: float) -> float:
        return self.start + fraction * (self.end - self.start)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Where labels stand, and what they say."""
        given, inside = self.given, lambda value: min(self.low, self.high) - 1e-9 <= value <= max(self.low, self.high) + 1e-9
        if given.get("tickvals") is not None:
            values = [float(value) for value in given["tickvals"]]
            texts = given.get("ticktext")
            named = [
                (v, number(v) if texts is None else str(t)) for v, t in zip(values, texts if texts is not None else values, strict=False)
            ]
            return [(v, t) for v, t in named if inside(math.log10(v) if self.log else v)]
        if self.log:
            step = max(1, round(given.get("dtick") or 1)) if isinstance(given.get("dtick", 1), (int, float)) else 1
            powers = [power for power in range(math.ceil(self.low - 1e-9), math.floor(self.high + 1e-9) + 1) if power % step == 0]
            if len(powers) > 1:
                return [(10.0**power, f"10<sup>{power}</sup>".replace("-", "−")) for power in powers]
            return [(value, number(value)) for value in round_values(10**self.low, 10**self.high, 8)]
        values = _round_steps(self.low, self.high, 5 if abs(self.end - self.start) < 320 else 7)
        return [(v, f"{v:,.0f}" if given.get("tickformat") == ",d" else f"{v:,.10g}".replace("-", "−")) for v in values]

    @property
    def between(self) -> list[float]:
        """Ticks without labels."""
        if not self.log:
            return []
        powers = range(math.floor(self.low), math.ceil(self.high))
        return [k * 10.0**power for power in powers for k in range(2, 10) if self.low < math.log10(k) + power < self.high]


class _Picture:
    def __init__(self, data: Sequence[Mapping[str, Any]], layout: Mapping[str, Any], width: int, height: int):
        font = layout.get("font", {})
        self.data, self.layout, self.width, self.height = [_coloured_line(*each) for each in enumerate(data)], layout, width, height
        self.size, self.ink, self.paper = float(font.get("size", 14)), font.get("color", "#1a1a1a"), layout.get("paper_bgcolor", "#fff")
        self.family = font.get("family", "sans-serif")
        self.parts: list[str] = []
        self.title = str(_of(layout, "title", "text") or "")
        self.entries = self._entries()
        self.maps = [trace for trace in data if trace.get("type") == "heatmap"]
        self.pairs = list(dict.fromkeys((trace.get("xaxis") or "x", trace.get("yaxis") or "y") for trace in data)) or [("x", "y")]
        notes_above = any(note.get("yanchor") == "bottom" and note.get("y") == 1 for note in layout.get("annotations", ()))
        self.top = 10 + 1.6 * self.size * (bool(self.title) + notes_above) + 1.45 * self.size * len(self.entries)
        self.bottom = height - 3.6 * self.size - (4.2 * self.size if self.maps else 0)
        self.left, self.right = 4.0 * self.size, width - 1.5 * self.size
        self.axes: dict[str, _Axis] = {}
        for _ in range(2):  # the second time with room for what stands beside the axes
            self.axes = {name: self._axis(name) for pair in self.pairs for name in pair}
            labels = [_length(text) for name, axis in self.axes.items() if name[0] == "y" and axis.shown for _, text in axis.ticks]
            self.left = (2.6 + LETTER * max(labels, default=0)) * self.size
        for x, y in self.pairs:
            self._true_scale(x, y)

    def draw(self) -> str:
        self._frames()
        for trace in self.maps:
            self._map(trace)
        for trace in self.data:
            if trace.get("type", "scatter") == "scatter":
                self._scatter(trace)
        for shape in self.layout.get("shapes") or ():
            self._line(shape)
        for note in self.layout.get("annotations") or ():
            self._note(note)
        self._legend()
        if self.title:
            self.text(self.width / 2, 8 + self.size, self.title, anchor="middle", size=1.15 * self.size)
        about = _plain(str(_of(self.layout, "meta", "about") or self.title or "Figure"))
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}" height="{self.height}" '
        )
        style = f'role="img" aria-label={quoteattr(about)} style="max-width:100%;height:auto" font-family={quoteattr(self.family)}'
        return f'{head}{style}><rect width="100%" height="100%" fill="{self.paper}"/>{"".join(self.parts)}</svg>'

    # Axes

    def _given(self, name: str) -> Mapping[str, Any]:
        return self.layout.get(f"{name[0]}axis{name[1:]}") or {}

    def _axis(self, name: str) -> _Axis:
        given = self._given(name)
        ends = given.get("range")
        if ends is None and given.get("matches"):
            ends = self._given(given["matches"]).get("range")
        low, high = [float(end) for end in ends] if ends is not None else self._reach(name, log=given.get("type") == "log")
        domain = given.get("domain") or (0, 1)
        if name[0] == "x":
            begin, extent = self.left, self.right - self.left
        else:
            begin, extent = self.bottom, self.top - self.bottom
        return _Axis(given, low, high if high != low else low + 1, begin + domain[0] * extent, begin + domain[1] * extent)

    def _reach(self, name: str, *, log: bool) -> tuple[float, float]:
        """The ends of an axis for which none are given."""
        drawn = [np.ravel(np.asarray(t.get(name[0], ()), dtype=float)) for t in self.data if (t.get(f"{name[0]}axis") or name[0]) == name]
        values = np.concatenate(drawn or [np.zeros(0)])
        values = values[np.isfinite(values) & ((values > 0) if log else True)]
        values = np.log10(values) if log else values
        if not values.size:
            return 0.0, 1.0
        margin = 0.05 * (values.max() - values.min()) or 0.5
        return float(values.min() - margin), float(values.max() + margin)

    def _true_scale(self, x: str, y: str) -> None:
        """The same length for the same number along both axes, in the middle of their place."""
        a, b = self.axes[x], self.axes[y]
        if a.given.get("scaleanchor") != y:
            return
        scale = min(abs((a.end - a.start) / (a.high - a.low)), abs((b.end - b.start) / (b.high - b.low)))
        wide, high = 0.5 * scale * abs(a.high - a.low), 0.5 * scale * abs(b.high - b.low)
        self.axes[x] = _Axis(a.given, a.low, a.high, (a.start + a.end) / 2 - wide, (a.start + a.end) / 2 + wide)
        self.axes[y] = _Axis(b.given, b.low, b.high, (b.start + b.end) / 2 + high, (b.start + b.end) / 2 - high)

    def _frames(self) -> None:
        for x, y in self.pairs:
            a, b = self.axes[x], self.axes[y]
            if not (a.shown and b.shown):
                continue
            lowest = a.given.get("anchor", "y") == y or len({pair[1] for pair in self.pairs if pair[0] == x}) == 1
            grid, size = a.given.get("gridcolor", "#ddd"), self.size
            for value, text in a.ticks:
                at = float(a.pixels(value))
                if a.given.get("showgrid", True):
                    self.line(at, b.start, at, b.end, grid)
                self.line(at, b.start, at, b.start - 6, self.ink)
                if lowest and a.given.get("showticklabels", True):
                    self.text(at, b.start + 1.2 * size, text, anchor="middle", size=0.9 * size)
            for value, text in b.ticks:
                at = float(b.pixels(value))
                if b.given.get("showgrid", True):
                    self.line(a.start, at, a.end, at, grid)
                self.line(a.start, at, a.start + 6, at, self.ink)
                if b.given.get("showticklabels", True):
                    self.text(a.start - 0.4 * size, at + 0.33 * size, text, anchor="end", size=0.9 * size)
            for at in map(float, a.pixels(a.between)):
                self.line(at, b.start, at, b.start - 3, self.ink)
            for at in map(float, b.pixels(b.between)):
                self.line(a.start, at, a.start + 3, at, self.ink)
            box = f'x="{a.start:.1f}" y="{b.end:.1f}" width="{a.end - a.start:.1f}" height="{b.start - b.end:.1f}"'
            self.parts.append(f'<rect {box} fill="none" stroke="{self.ink}"/>')
            if lowest:
                self.text((a.start + a.end) / 2, b.start + 2.7 * size, _of(a.given, "title", "text") or "", anchor="middle")
            self.text(1.3 * size, (b.start + b.end) / 2, _of(b.given, "title", "text") or "", anchor="middle", turn=True)

    # Curves and maps

    def _scatter(self, trace: Mapping[str, Any]) -> None:
        a, b = self.axes[trace.get("xaxis") or "x"], self.axes[trace.get("yaxis") or "y"]
        x, y = a.pixels(_values(trace.get("x"))), b.pixels(_values(trace.get("y")))
        x, y = x[: len(y)], y[: len(x)]
        if len(x) > MOST_POINTS and trace.get("fill") != "toself":
            kept = np.unique(np.linspace(0, len(x) - 1, MOST_POINTS).astype(int))
            x, y = x[kept], y[kept]
        edge = 4 * (self.width + self.height)
        x, y = np.clip(x, -edge, edge), np.clip(y, -edge, edge)
        line, mode = trace.get("line") or {}, trace.get("mode") or "lines"
        opacity = f' opacity="{trace["opacity"]}"' if trace.get("opacity") is not None else ""
        if trace.get("fill") == "toself":
            self._inside(a, b, f'<path d="{_path(x, y, close=True)}" {_paint("fill", trace.get("fillcolor"))}{opacity}/>')
        if "lines" in mode and (line.get("width") is None or line["width"] > 0):
            dash = " ".join(map(str, DASHES.get(line.get("dash") or "", ())))
            dashed = f' stroke-dasharray="{dash}"' if dash else ""
            width = f'stroke-width="{float(line.get("width") or 2):.2g}" stroke-linejoin="round"'
            self._inside(a, b, f'<path d="{_path(x, y)}" fill="none" {_paint("stroke", line.get("color"))} {width}{dashed}{opacity}/>')
        if "markers" in mode:
            self._inside(a, b, self._markers(trace, x, y, opacity))
        if "text" in mode:
            texts = [trace["text"]] if isinstance(trace.get("text"), str) else list(trace.get("text") or ())
            for at, height, text in zip(x, y, texts, strict=False):
                if text and np.isfinite(at) and np.isfinite(height):
                    end = "start" if "right" in str(trace.get("textposition")) else "middle"
                    self.text(float(at), float(height) - 0.5 * self.size, str(text), anchor=end, size=0.85 * self.size)

    def _markers(self, trace: Mapping[str, Any], x: np.ndarray, y: np.ndarray, rest: str = "") -> str:
        marker = trace.get("marker") or {}
        symbol, colour = str(marker.get("symbol") or "circle"), marker.get("color") or (trace.get("line") or {}).get("color")
        if not isinstance(colour, str):
            colour = self.ink
        r = 0.5 * float(marker["size"] if isinstance(marker.get("size"), (int, float)) else 6)
        paint = f'fill="none" {_paint("stroke", colour)} stroke-width="1.6"' if "open" in symbol else _paint("fill", colour)
        shape = next((shape for name, shape in SYMBOLS.items() if symbol.startswith(name)), SYMBOLS["circle"])
        d = "".join(shape(px, py, r) for px, py in zip(x, y, strict=True) if np.isfinite(px) and np.isfinite(py))
        return f'<path d="{d}" {paint}{rest}/>' if d else ""

    def _map(self, trace: Mapping[str, Any]) -> None:
        a, b = self.axes[trace.get("xaxis") or "x"], self.axes[trace.get("yaxis") or "y"]
        colours = self.layout.get("coloraxis") or {}
        z = np.asarray(trace["z"], dtype=float)
        if a.log or b.log or not z.size:
            return
        low, high = float(colours.get("cmin") or 0), float(colours.get("cmax") or np.nanmax(z))
        x, y = (_edges(np.asarray(trace[name], dtype=float)) for name in ("x", "y"))
        left, right, bottom, top = (*map(float, a.pixels([x[0], x[-1]])), *map(float, b.pixels([y[0], y[-1]])))
        place = f'x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}" preserveAspectRatio="none"'
        image = _png(_coloured(colours.get("colorscale") or [], (z[::-1] - low) / (high - low)))
        self._inside(a, b, f'<image {place} style="image-rendering:pixelated" href="data:image/png;base64,{image}"/>')
        if trace is self.maps[-1]:
            self._colour_bar(colours, low, high)

    def _colour_bar(self, colours: Mapping[str, Any], low: float, high: float) -> None:
        left, right, top = self.left, self.right, self.height - 3.6 * self.size
        image = _png(_coloured(colours.get("colorscale") or [], np.linspace(0, 1, 200)[None]))
        place = f'x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{0.7 * self.size:.1f}" preserveAspectRatio="none"'
        self.parts.append(f'<image {place} href="data:image/png;base64,{image}"/>')
        for value in _round_steps(low, high, 5):
            at = left + (value - low) / (high - low) * (right - left)
            self.text(at, top + 1.8 * self.size, f"{value:,.10g}".replace("-", "−"), anchor="middle", size=0.85 * self.size)
        self.text((left + right) / 2, self.height - 0.4 * self.size, _of(colours, "colorbar", "title", "text") or "", anchor="middle")

    # Lines, notes, legend

    def _line(self, shape: Mapping[str, Any]) -> None:
        if shape.get("type") != "line":
            return
        (x0, x1), (y0, y1) = ([self._place(shape.get(f"{w}ref"), w, shape[f"{w}{k}"]) for k in (0, 1)] for w in "xy")
        line = shape.get("line") or {}
        self.line(x0, y0, x1, y1, line.get("color", self.ink), float(line.get("width") or 1), DASHES.get(line.get("dash") or "", ()))

    def _note(self, note: Mapping[str, Any]) -> None:
        x, y = (self._place(note.get(f"{w}ref"), w, note.get(w, 0.5)) for w in "xy")
        font = note.get("font") or {}
        size, lines = float(font.get("size") or self.size), str(note.get("text") or "").split("<br>")
        up = {"top": 1.0, "bottom": -0.3 - 1.2 * (len(lines) - 1)}.get(note.get("yanchor") or "middle", 0.33 - 0.6 * (len(lines) - 1))
        anchor = {"left": "start", "right": "end"}.get(note.get("xanchor") or "center", "middle")
        inward = {"start": 4, "end": -4}.get(anchor, 0)
        for row, text in enumerate(lines):
            self.text(x + inward, y + (up + 1.2 * row) * size, text, anchor=anchor, size=size, colour=font.get("color"))

    def _place(self, reference: Any, which: str, value: Any) -> float:
        """A pixel, given in the units of an axis, of its length, or of the whole picture."""
        name, _, domain = str(reference or which).partition(" ")
        if name == "paper" or name not in self.axes:
            return self.left + value * (self.right - self.left) if which == "x" else self.bottom + value * (self.top - self.bottom)
        axis = self.axes[name]
        if domain:
            return axis.within(value)
        return axis.start + (float(value) - axis.low) / (axis.high - axis.low) * (axis.end - axis.start)

    def _entries(self) -> list[list[tuple[Mapping[str, Any], str]]]:
        """The legend's entries in lines that fit."""
        if self.layout.get("showlegend") is False:
            return []
        lines: list[list[tuple[Mapping[str, Any], str]]] = []
        room = 0.0
        for trace in self.data:
            if trace.get("showlegend") is False or not trace.get("name") or trace.get("type") == "heatmap":
                continue
            name = str(trace["name"]).replace("<br>", ": ", 1).replace("<br>", ", ")
            needed = 40 + LETTER * self.size * _length(name)
            if not lines or needed > room:
                lines.append([])
                room = self.width - 70.0
            room -= needed
            lines[-1].append((trace, name))
        return lines

    def _legend(self) -> None:
        line = 1.45 * self.size
        above = 10 + 1.6 * self.size * bool(self.title)
        for row, entries in enumerate(self.entries):
            x, y = self.left, above + line * (row + 0.5)
            for trace, name in entries:
                sample = {**trace, "x": [0, 1], "y": [0, 0], "text": None}
                self._sample(sample, x, y)
                self.text(x + 30, y + 0.33 * self.size, name)
                x += 40 + LETTER * self.size * _length(name)

    def _sample(self, trace: Mapping[str, Any], x: float, y: float) -> None:
        line, mode = trace.get("line") or {}, trace.get("mode") or "lines"
        if trace.get("fill") == "toself":
            self.parts.append(f'<rect x="{x}" y="{y - 5}" width="24" height="10" {_paint("fill", trace.get("fillcolor"))}/>')
        elif "lines" in mode:
            dash = DASHES.get(line.get("dash") or "", ())
            self.line(x, y, x + 24, y, line.get("color") or self.ink, float(line.get("width") or 2), dash)
        if "markers" in mode:
            self.parts.append(self._markers(trace, np.array([x + 12.0]), np.array([y])))

    # Pieces

    def _inside(self, a: _Axis, b: _Axis, content: str) -> None:
        """What ends at the frame of these axes. Not by a clip path: its name would have to be the only one of the whole document."""
        x, y, wide, high = (f"{value:.1f}" for value in (a.start, b.end, a.end - a.start, b.start - b.end))
        self.parts.append(f'<svg x="{x}" y="{y}" width="{wide}" height="{high}" viewBox="{x} {y} {wide} {high}">{content}</svg>')

    def line(self, x0: float, y0: float, x1: float, y1: float, colour: str, width: float = 1, dash: Sequence[float] = ()) -> None:
        dashed = f' stroke-dasharray="{" ".join(map(str, dash))}"' if dash else ""
        ends = f'x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"'
        self.parts.append(f'<line {ends} {_paint("stroke", colour)} stroke-width="{width:.2g}"{dashed}/>')

    def text(
        self, x: float, y: float, text: str, *, anchor: str = "start", size: float = 0, colour: str | None = None, turn: bool = False
    ) -> None:
        if not text:
            return
        size = size or self.size
        turned = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turn else ""
        lines = text.split("<br>")
        for row, line in enumerate(lines):
            height = y + (row - (len(lines) - 1) / 2 * (anchor == "end")) * 1.1 * size
            place = (
                f'x="{x:.1f}" y="{height:.1f}" text-anchor="{anchor}" font-size="{size:.3g}" {_paint("fill", colour or self.ink)}{turned}'
            )
            self.parts.append(f"<text {place}>{_typeset(line, size)}</text>")


def _coloured_line(place: int, trace: Mapping[str, Any]) -> Mapping[str, Any]:
    """A curve with a colour, where it comes without one: those of plotly alone do."""
    return (
        trace if (trace.get("line") or {}).get("color") else {**trace, "line": {"color": LIGHT.colour(place), **(trace.get("line") or {})}}
    )


def _of(bag: Any, *names: str) -> Any:
    for name in names:
        bag = bag.get(name) if isinstance(bag, Mapping) else None
    return bag


def _values(given: Any) -> np.ndarray:
    return np.asarray([] if given is None else given, dtype=float).ravel()


def _plain(text: str) -> str:
    return re.sub(r"<[^>]*>", "", text)


def _length(text: str) -> float:
    """Letters of a text, those below and above the line as two thirds."""
    small = sum(len(piece) for piece in re.findall(r"<su[bp]>(.*?)</su[bp]>", text))
    return max((len(_plain(line)) for line in text.split("<br>")), default=0) - small / 3


def _typeset(text: str, size: float) -> str:
    """Text with <sub>, <sup>, <b> and <i> as SVG has it; everything else stays text."""
    parts, back = [], 0.0
    for piece in re.split(r"(<(?:su[bp]|b|i)>.*?</(?:su[bp]|b|i)>)", text):
        tag = re.match(r"<(su[bp]|b|i)>(.*)</", piece)
        name, words = (tag[1], tag[2]) if tag else ("", piece)
        if not words:
            continue
        shift = SHIFTS.get(name, 0.0) * size
        style = {"b": ' font-weight="700"', "i": ' font-style="italic"'}.get(name, f' font-size="{0.72 * size:.3g}"' if shift else "")
        parts.append(f'<tspan dy="{shift - back:.2f}"{style}>{escape(_plain(words))}</tspan>')
        back = shift
    return "".join(parts)


def _paint(what: str, colour: Any) -> str:
    """A colour as attributes; rgba(…) as one with its opacity."""
    found = re.fullmatch(r"rgba\((\d+),\s*(\d+),\s*(\d+),\s*([\d.]+)\)", str(colour or "#444"))
    if found:
        return f'{what}="rgb({found[1]},{found[2]},{found[3]})" {what}-opacity="{found[4]}"'
    return f"{what}={quoteattr(str(colour or '#444'))}"


def _path(x: np.ndarray, y: np.ndarray, *, close: bool = False) -> str:
    """Joined points; where one is missing, another piece begins."""
    good = np.isfinite(x) & np.isfinite(y)
    pieces = []
    for there, group in itertools.groupby(range(len(x)), key=lambda i: bool(good[i])):
        if there:
            pieces.append("M" + "L".join(f"{x[i]:.1f} {y[i]:.1f}" for i in group) + ("Z" if close else ""))
    return "".join(pieces)


def _polygon(*corners: tuple[float, float]) -> Callable[[float, float, float], str]:
    return lambda x, y, r: "M" + "L".join(f"{x + r * u:.1f} {y + r * v:.1f}" for u, v in corners) + "Z"


SYMBOLS: dict[str, Callable[[float, float, float], str]] = {
    "circle": lambda x, y, r: f"M{x - r:.1f} {y:.1f}a{r:.1f} {r:.1f} 0 1 0 {2 * r:.1f} 0a{r:.1f} {r:.1f} 0 1 0 {-2 * r:.1f} 0Z",
    "square": _polygon((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    "diamond": _polygon((0, -1.2), (1.2, 0), (0, 1.2), (-1.2, 0)),
    "triangle": _polygon((0, -1.2), (1.1, 0.8), (-1.1, 0.8)),
    "star": _polygon(*((s * math.sin(k * math.pi / 5), -s * math.cos(k * math.pi / 5)) for k, s in enumerate((1.4, 0.6) * 5))),
    "line-ns": lambda x, y, r: f"M{x:.1f} {y - r:.1f}L{x:.1f} {y + r:.1f}",
}


def _round_steps(low: float, high: float, most: int) -> list[float]:
    """Round values of a linear axis, evenly spaced."""
    low, high = min(low, high), max(low, high)
    rough = (high - low) / most
    if not (np.isfinite(rough) and rough > 0):
        return [low]
    power = 10 ** math.floor(math.log10(rough))
    step = next(k * power for k in (1, 2, 2.5, 5, 10) if k * power >= rough * 0.999)
    return [round(k * step, 12) + 0.0 for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _edges(centres: np.ndarray) -> np.ndarray:
    if centres.size < 2:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


def _coloured(scale: Sequence[Sequence[Any]], shares: np.ndarray) -> np.ndarray:
    """Shares of the largest value as pixels of a scale; what is no number is transparent."""
    places = np.array([float(place) for place, _ in scale] or [0.0, 1.0])
    colours = np.array([_rgb(str(colour)) for _, colour in scale] or [(255, 255, 255), (0, 0, 0)], dtype=float)
    known = np.nan_to_num(np.clip(shares, 0, 1))
    pixels = np.stack([np.interp(known, places, channel) for channel in colours.T] + [255.0 * np.isfinite(shares)], axis=-1)
    return pixels.round().astype(np.uint8)


def _rgb(colour: str) -> tuple[int, ...]:
    digits = colour.lstrip("#")
    return tuple(int(digits[k : k + 2], 16) for k in (0, 2, 4)) if len(digits) == 6 else (255, 255, 255)


def _png(pixels: np.ndarray) -> str:
    """An image of 8-bit RGBA pixels as PNG, in base64."""
    high, wide, _ = pixels.shape

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", wide, high, 8, 6, 0, 0, 0)
    whole = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return base64.b64encode(whole).decode("ascii")
