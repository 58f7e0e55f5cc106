"""Figures: pure functions from what a run folder holds to plotly figures.

figure = figures.systematic_pull(run.prediction("test"))                       # one run
figure = figures.systematic_pull([("a", first), ("b", second)], "projector")   # several, one colour each
frame = pack(figures.systematic_pull.as_dict(snapshot, "dark"))                # for a page: plain dict, packed once for everybody
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workbench.figures.accuracy import delta, delta_largest, kinematics, prediction_truth
from workbench.figures.calibration import calibration, coverage, members
from workbench.figures.curve import fitted_curve
from workbench.figures.data import csv_of, data_of
from workbench.figures.frame import pack, unpack
from workbench.figures.generators import (
    band_size,
    cloud,
    density_map,
    generated,
    hole,
    nuisance,
    theory_band,
    uncertainty_line,
    uncertainty_map,
    ways,
    weight_points,
    weights,
)
from workbench.figures.scans import noise_peaks, plateau, scan, sweep_pulls, uncertainty_table
from workbench.figures.theme import THEMES, Theme
from workbench.figures.training import accuracy, log_loss, losses
from workbench.figures.uncertainty import scaled_pull, sigmas, statistical_pull, systematic_pull

__all__ = ["ALIASES", "FIGURES", "THEMES", "Entry", "Theme", "csv_of", "data_of", "fitted_curve", "named", "pack", "unpack"]


@dataclass(frozen=True)
class Entry:
    """A figure for pages and `run.figure(name)`.

    `takes` says which Dataset the function draws: "reports" (run.reports), "summary" (a snapshot, or a prediction of any kind), "draws"
    (run.prediction("test"), whose single draws or momenta it needs; these exist when a run is finished), "scan" (what a sweep returns,
    or a snapshot of it, which has one number per point and no values per event), or "generator" (a snapshot or a prediction of a
    generator). `height` in pixels is what it needs to be read with the normal font.
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
        "If the validation loss rises, the network is memorising noise. KL jumps where weights get widths (end of the warm start).",
        "L = −⟨log p(A|θ)⟩ + KL[q(θ), p(θ)] / N",
        440,
    ),
    "accuracy": Entry(
        "Accuracy during training",
        accuracy,
        "reports",
        "Every further factor of ten takes more steps than the last. To noisy amplitudes the median |Δ| cannot fall below 0.67 f.",
        "median |Δ|, Δ = (⟨A⟩ − A_train) / A_train",
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
        "All points on the diagonal; the ratio spreads out where amplitudes are large and events are rare.",
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
        "Wider than N(0,1): all draws share a bias, which σ_stat cannot see.",
        "t_stat = (Ā(θ) − A_true) / σ_stat,  width √(1 + b²/σ_stat²)",
    ),
    "scaled_pull": Entry(
        "Scaled statistical pull",
        scaled_pull,
        "draws",
        "Look at the shape: tails at M = 1 mean that the posterior is not Gaussian. The width falls as √(1 − M/N), as ⟨A⟩ contains ⟨A⟩_M.",
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
    "coverage": Entry(
        "Coverage",
        coverage,
        "summary",
        "On the diagonal the error bar is right at all levels; below it is too small. Unlike the pull's width, tails cannot hide it.",
        "P(|A_train − ⟨A⟩| < zσ) = P(|N(0,1)| < z)",
        440,
    ),
    "calibration": Entry(
        "Calibration",
        calibration,
        "summary",
        "One factor makes the second moment of the pull 1 and keeps its shape; training it finds what the formula says.",
        "L_T = ⟨(A − ⟨A⟩)²/(2σ²T²) + log(σT)⟩,  T² = ⟨t²⟩",
        520,
    ),
    "members": Entry(
        "Averaging over members",
        members,
        "draws",
        "The mean profits from averaging, σ_syst does not: the pull narrows. Noise is common to all members and stops it.",
        "width(n) = width(1) √(ρ + (1 − ρ)/n)",
    ),
    "plateau": Entry(
        "Noise and plateau",
        plateau,
        "scan",
        "Noise is learned along the diagonal until the network's own limit p; σ_stat should not care. Better networks end lower.",
        "σ_syst/A = √(f² + p²)",
        480,
    ),
    "scan": Entry(
        "Scan",
        scan,
        "scan",
        "Where the error bars follow the accuracy they can be trusted; where they are flat, the option does not matter.",
        "σ/A and |Δ| against an option of the recipe",
        440,
    ),
    "noise_peaks": Entry(
        "Learned noise",
        noise_peaks,
        "scan",
        "A narrow peak at the injected noise, moving with it; without noise it stops at what the network cannot express.",
        "σ_syst/A → f",
        440,
    ),
    "sweep_pulls": Entry(
        "Pulls of a sweep",
        sweep_pulls,
        "scan",
        "All on N(0,1); only a repulsive ensemble without noise is narrower, as its mean profits from averaging and σ_syst does not.",
        "t_syst = (⟨A⟩ − A_train) / σ_syst",
        500,
    ),
    "uncertainty_table": Entry(
        "Error bars and training size",
        uncertainty_table,
        "scan",
        "Both shrink with more data, σ_stat faster; at small training sizes the difference between the methods shows.",
        "σ_tot² = σ_syst² + σ_stat²",
        440,
    ),
    "log_loss": Entry(
        "Log loss",
        log_loss,
        "reports",
        "In physical units; a perfect flow ends on the exact entropy, up to the statistics of the validation events.",
        "−⟨ln p(x)⟩ ≥ −∫ p ln p",
    ),
    "generated": Entry(
        "Distribution",
        generated,
        "generator",
        "The ratio should agree with 1 within the band and the statistical error of the truth. Deviations below the dotted line are "
        "smaller than that error.",
        "ratio = ⟨h⟩ / h_truth",
        560,
    ),
    "cloud": Entry(
        "Density and new events",
        cloud,
        "generator",
        "The network draws events, the points; as it learns, they and its density move onto the true one. Sharp edges are the hard part.",
        "x = f(z|θ),  z ~ N(0, 1)",
        420,
    ),
    "density_map": Entry(
        "Density",
        density_map,
        "generator",
        "The same colours mean the same density; hard edges are smeared, and holes are bridged.",
        "p(x) = ⟨p(x|θ)⟩",
        420,
    ),
    "uncertainty_map": Entry(
        "Spread of the density",
        uncertainty_map,
        "generator",
        "For a ramp it changes along x, and along y there is nothing to learn. The colour scale ends at the 90 % quantile.",
        "σ(x) = std p(x|θ)",
        420,
    ),
    "uncertainty_line": Entry(
        "Like a fit, or like counting?",
        uncertainty_line,
        "generator",
        "A fit has its minimum in the bulk, counted events give √p. The smaller χ² describes the network better (points are correlated).",
        "Δp² = Σ (Δθ ∂p/∂θ)²  or  Δp ∝ √p",
        520,
    ),
    "band_size": Entry(
        "Band and training size",
        band_size,
        "scan",
        "Ten times the events, a third of the spread: the band is a statistical error of the training events.",
        "σ(p) ∝ 1/√N",
        440,
    ),
    "hole": Entry(
        "The hole between two jets",
        hole,
        "generator",
        "No true event is inside of the circle, where two jets would be one. A flow maps a plane without holes: it leaks.",
        "ΔR² = Δη² + Δφ² > 0.4²",
        420,
    ),
    "ways": Entry(
        "With and without w_D",
        ways,
        "generator",
        "Weights should bring the ratio to 1; DiscFlow should be there without them. Open two runs to see all four.",
        "INN, INN × w_D, DiscFlow, DiscFlow × w_D",
        560,
    ),
    "weights": Entry(
        "What a discriminator says",
        weights,
        "generator",
        "A narrow peak at 1: nothing to tell apart. Tails to the left: events that should not be; to the right: events that are missing.",
        "w_D = D/(1 − D) → 1",
        520,
    ),
    "weight_points": Entry(
        "Where w_D points",
        weight_points,
        "generator",
        "Away from 1 the generator is wrong, and this says where: look at the mass of the muons, and at ΔR of jets.",
        "⟨w_D⟩ per bin",
        440,
    ),
    "nuisance": Entry(
        "At one value of the theory nuisance",
        nuisance,
        "generator",
        "The same network, on another condition: nothing is trained when the slider moves. The ratio should agree with 1 within the band.",
        "w = 1 + a ((p_T,j1 − 15 GeV)/100 GeV)²",
        560,
    ),
    "theory_band": Entry(
        "Theory band and training band",
        theory_band,
        "generator",
        "The range over a opens with p_T; so does σ of the networks at each a, for larger a more, as fewer events say more there.",
        "σ(h|a) and the range of ⟨h|a⟩",
        560,
    ),
}

ALIASES = {
    "loss": "losses",
    "pull": "systematic_pull",
    "pulls": "systematic_pull",
    "t_syst": "systematic_pull",
    "t_stat": "statistical_pull",
    "sigma": "sigmas",
    "sigma_syst": "sigmas",
    "sigma_stat": "sigmas",
    "uncertainty": "sigmas",
    "uncertainties": "sigmas",
    "error_bars": "sigmas",
    "relative_error": "delta",
    "truth": "prediction_truth",
    "observables": "kinematics",
    "distribution": "generated",
    "distributions": "generated",
    "histogram": "generated",
    "histograms": "generated",
    "density": "density_map",
    "events": "cloud",
}
"""Other words for figures."""


def named(name: str) -> str:
    """The name in FIGURES of the figure that is meant. Raises: ValueError with the nearest name there is."""
    plain = str(name).strip().lower().replace(" ", "_").replace("-", "_")
    found = ALIASES.get(plain, plain)
    if found not in FIGURES:
        near = difflib.get_close_matches(plain, [*FIGURES, *ALIASES], n=1, cutoff=0.5)
        hint = f" Did you mean {ALIASES.get(near[0], near[0])!r}?" if near else ""
        raise ValueError(f"There is no figure {str(name)[:60]!r}.{hint} The figures are: {', '.join(FIGURES)}.")
    return found
