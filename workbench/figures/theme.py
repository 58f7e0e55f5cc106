"""How figures look: colours that colour-blind people tell apart, fonts, line widths; light, dark and projector."""

from __future__ import annotations

from dataclasses import dataclass

# Okabe and Ito, without black (the ink) and yellow (not seen on white).
BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"

# One line style per meaning, in every figure.
LEARNED, EXPECTED, VALIDATED, SPREAD = "solid", "dash", "dashdot", "dot"
TOTAL, PUBLISHED = "longdashdot", "longdash"


@dataclass(frozen=True)
class Theme:
    """Colours, font size [px] and line width [px] of a figure. `colours` are given to runs, or to meanings, in their order."""

    name: str
    ink: str
    paper: str
    grid: str
    muted: str
    colours: tuple[str, ...]
    font_size: int = 14
    line_width: float = 2.2
    band: float = 0.25
    family: str = "Roboto, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"

    def colour(self, number: int) -> str:
        return self.colours[number % len(self.colours)]

    def faint(self, colour: str, opacity: float | None = None) -> str:
        """The colour as rgba() for a translucent area."""
        red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
        return f"rgba({red},{green},{blue},{self.band if opacity is None else opacity})"


LIGHT = Theme("light", "#1A1A1A", "#FFFFFF", "#E3E3E3", "#6B6B6B", (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY))
DARK = Theme("dark", "#F0F0F0", "#121212", "#3A3A3A", "#A8A8A8", (SKY, ORANGE, "#2BC79A", "#E29BC2", "#FF7F32", "#F0E442"), band=0.3)
PROJECTOR = Theme(
    "projector",
    "#000000",
    "#FFFFFF",
    "#D0D0D0",
    "#4D4D4D",
    (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY),
    font_size=20,
    line_width=4,
    band=0.3,
)
THEMES = {theme.name: theme for theme in (LIGHT, DARK, PROJECTOR)}


def theme_of(theme: str | Theme) -> Theme:
    """A theme by its name."""
    if isinstance(theme, Theme):
        return theme
    if theme not in THEMES:
        raise ValueError(f"There is no theme {theme!r}: one of {', '.join(THEMES)} is needed.")
    return THEMES[theme]
