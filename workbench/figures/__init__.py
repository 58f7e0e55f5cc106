"""Figures: pure functions from what a run folder holds to plotly figures.

figure = figures.systematic_pull(run.prediction("test"))                       # one run
figure = figures.systematic_pull([("a", first), ("b", second)], "projector")   # several, one colour each
frame = pack(figures.systematic_pull.as_dict(snapshot, "dark"))                # for a page: plain dict, packed once for everybody
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workbench.figures.accuracy import delta, delta_largest, kinematics, prediction_truth
from workbench.figures.data import csv_of, data_of
from workbench.figures.frame import pack, unpack
from workbench.figures.theme import THEMES, Theme
from workbench.figures.training import accuracy, losses
from workbench.figures.uncertainty import scaled_pull, sigmas, statistical_pull, systematic_pull

__all__ = ["FIGURES", "THEMES", "Entry", "Theme", "csv_of", "data_of", "pack", "unpack"]


@dataclass(frozen=True)
class Entry:
    """A figure for pages and `run.figure(name)`.

    `takes` says which Dataset the function draws: "reports" (run.reports), "summary" (a snapshot, or a prediction of any kind), or
    "draws" (run.prediction("test"), whose single draws or momenta it needs); the latter exist when a run is finished. `height` in pixels
    is what it needs to be read with the normal font.
    """

    title: str
    function: Callable[..., Any]
    takes: str
    look_at: str
    formula: str
    height: int = 380

    def as_dict(self, datasets: Any, theme: str | Theme = "light", **options: Any) -> dict[str, Any]:
        """The figure as plain dict with data, layout and config."""
        return self.function.as_dict(datasets, theme, **options)  # type: ignore[attr-defined]


FIGURES: dict[str, Entry] = {
    "losses": Entry(
        "Losses",
        losses,
        "reports",
        "Training and validation should fall together; when validation turns up, it learns the noise. KL jumps where weights get widths.",
        "L = −⟨log p(A|θ)⟩ + KL[q(θ), p(θ)] / N",
        440,
    ),
    "accuracy": Entry(
        "Accuracy during training",
        accuracy,
        "reports",
        "Each factor of ten costs more steps than the one before.",
        "median |Δ|, Δ = (⟨A⟩ − A) / A",
    ),
    "delta": Entry(
        "Accuracy",
        delta,
        "summary",
        "The narrower, the better; a shift is a bias.",
        "Δ = (⟨A⟩ − A) / A",
    ),
    "systematic_pull": Entry(
        "Systematic pull",
        systematic_pull,
        "summary",
        "On the dashed N(0,1) the error bar is right; wider means over-confident, narrower means too cautious.",
        "t_syst = (⟨A⟩ − A_train) / σ_syst",
    ),
    "sigmas": Entry(
        "Size of the error bars",
        sigmas,
        "summary",
        "With enough data and a good network σ_syst/A peaks at the noise f; without noise it shows what the network cannot express.",
        "σ_syst² = ⟨σ²(θ)⟩,  σ_stat² = ⟨(Ā(θ) − ⟨A⟩)²⟩",
    ),
    "prediction_truth": Entry(
        "Prediction and truth",
        prediction_truth,
        "summary",
        "All points on the diagonal; the ratio opens where amplitudes are large and rare.",
        "⟨A⟩ = ∫dθ q(θ) Ā(θ)",
        480,
    ),
    "delta_largest": Entry(
        "Largest amplitudes",
        delta_largest,
        "summary",
        "Large amplitudes are few and hard, and often too small; boosting by σ is made for them.",
        "|Δ| for the largest 1 % and 0.1 % of A; bias: median Δ",
    ),
    "statistical_pull": Entry(
        "Statistical pull",
        statistical_pull,
        "draws",
        "Wider than N(0,1): a bias that all draws share, and which σ_stat does not know.",
        "t_stat = (Ā(θ) − A_true) / σ_stat,  width √(1 + b²/σ_stat²)",
    ),
    "scaled_pull": Entry(
        "Scaled statistical pull",
        scaled_pull,
        "draws",
        "The shape tells: tails at M = 1 show a posterior that is not Gaussian. The width falls as √(1 − M/N), as ⟨A⟩ contains ⟨A⟩_M.",
        "t̂_M = (⟨A⟩_M − ⟨A⟩) √M / σ_stat",
    ),
    "kinematics": Entry(
        "Kinematic distributions",
        kinematics,
        "draws",
        "The ratio should be flat at 1 within its bands; σ_stat is common to all events of a bin, σ_syst averages out.",
        "dσ/dx ∝ Σ A",
        480,
    ),
}
