"""Figures of Inference: what an estimator says beside the exact likelihood ratio, and the limits that follow."""

from __future__ import annotations

from workbench.families.inference.figures.hypothesis import HYPOTHESIS
from workbench.families.inference.figures.limits import LIMITS
from workbench.families.inference.figures.ratios import RATIOS

FIGURES = LIMITS | RATIOS | HYPOTHESIS
