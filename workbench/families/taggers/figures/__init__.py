"""Figures of Taggers: how well jets are told apart, how sure networks are and whether rightly, and jets themselves."""

from __future__ import annotations

from workbench.families.taggers.figures.pictures import PICTURES
from workbench.families.taggers.figures.tagging import TAGGING

FIGURES = TAGGING | PICTURES
