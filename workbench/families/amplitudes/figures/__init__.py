"""The figures of trainings of amplitudes, single and swept."""

from workbench.families.amplitudes.figures.accuracy import delta, delta_largest, kinematics, prediction_truth
from workbench.families.amplitudes.figures.calibration import calibration, coverage, members
from workbench.families.amplitudes.figures.integral import integral
from workbench.families.amplitudes.figures.scans import noise_peaks, plateau, scan, sweep_pulls, uncertainty_table
from workbench.families.amplitudes.figures.uncertainty import scaled_pull, sigmas, statistical_pull, systematic_pull
from workbench.families.amplitudes.product import AMPLITUDE, SCAN
from workbench.figures.entry import REPORTS, Entry
from workbench.figures.training import accuracy, losses

FIGURES: dict[str, Entry] = {
    "losses": Entry(
        "Losses",
        losses,
        REPORTS,
        "If the validation loss rises, the network is memorising noise. KL jumps where weights get widths (end of the warm start).",
        "L = −⟨log p(A|θ)⟩ + KL[q(θ), p(θ)] / N",
        440,
    ),
    "accuracy": Entry(
        "Accuracy during training",
        accuracy,
        REPORTS,
        "Every further factor of ten takes more steps than the last. To noisy amplitudes the median |Δ| cannot fall below 0.67 f.",
        "median |Δ|, Δ = (⟨A⟩ − A_train) / A_train",
    ),
    "delta": Entry(
        "Accuracy",
        delta,
        AMPLITUDE.name,
        "The narrower, the better; a shift is a bias.",
        "Δ = (⟨A⟩ − A) / A",
    ),
    "systematic_pull": Entry(
        "Systematic pull",
        systematic_pull,
        AMPLITUDE.name,
        "On the dashed N(0,1) the error bar is right; wider means over-confident, narrower means too cautious.",
        "t_syst = (⟨A⟩ − A_train) / σ_syst",
    ),
    "sigmas": Entry(
        "Size of the error bars",
        sigmas,
        AMPLITUDE.name,
        "σ_syst/A peaks at the noise f, given enough data. Without noise it shows what the network cannot express.",
        "σ_syst² = ⟨σ²(θ)⟩,  σ_stat² = ⟨(Ā(θ) − ⟨A⟩)²⟩",
    ),
    "prediction_truth": Entry(
        "Prediction and truth",
        prediction_truth,
        AMPLITUDE.name,
        "All points on the diagonal; the ratio spreads out where amplitudes are large and events are rare.",
        "⟨A⟩ = ∫dθ q(θ) Ā(θ)",
        480,
    ),
    "delta_largest": Entry(
        "Largest amplitudes",
        delta_largest,
        AMPLITUDE.name,
        "Large amplitudes are few and hard, and often too small; boosting by σ is made for them.",
        "|Δ| for the largest 1 % and 0.1 % of A; bias: median Δ",
    ),
    "statistical_pull": Entry(
        "Statistical pull",
        statistical_pull,
        AMPLITUDE.name,
        "Wider than N(0,1): all draws share a bias, which σ_stat cannot see.",
        "t_stat = (Ā(θ) − A_true) / σ_stat,  width √(1 + b²/σ_stat²)",
        finished=True,
    ),
    "scaled_pull": Entry(
        "Scaled statistical pull",
        scaled_pull,
        AMPLITUDE.name,
        "Look at the shape: tails at M = 1 mean that the posterior is not Gaussian. The width falls as √(1 − M/N), as ⟨A⟩ contains ⟨A⟩_M.",
        "t̂_M = (⟨A⟩_M − ⟨A⟩) √M / σ_stat",
        finished=True,
    ),
    "kinematics": Entry(
        "Kinematic distributions",
        kinematics,
        AMPLITUDE.name,
        "The ratio should be flat at 1 within its bands; σ_stat is common to all events of a bin, σ_syst averages out.",
        "dσ/dx ∝ Σ A",
        480,
        finished=True,
    ),
    "integral": Entry(
        "Total cross section",
        integral,
        AMPLITUDE.name,
        "One draw moves all points together, so σ_stat of the sum is larger than of independent points. What σ_syst means for a sum lies "
        "between its two bars.",
        "σ ∝ Σ A,  σ_stat² = ⟨(Σ Ā(θ) − Σ ⟨A⟩)²⟩",
        finished=True,
    ),
    "coverage": Entry(
        "Coverage",
        coverage,
        AMPLITUDE.name,
        "On the diagonal the error bar is right at all levels; below it is too small. Unlike the pull's width, tails cannot hide it.",
        "P(|A_train − ⟨A⟩| < zσ) = P(|N(0,1)| < z)",
        440,
    ),
    "calibration": Entry(
        "Calibration",
        calibration,
        AMPLITUDE.name,
        "One factor makes the second moment of the pull 1 and keeps its shape; training it finds what the formula says.",
        "L_T = ⟨(A − ⟨A⟩)²/(2σ²T²) + log(σT)⟩,  T² = ⟨t²⟩",
        520,
    ),
    "members": Entry(
        "Averaging over members",
        members,
        AMPLITUDE.name,
        "The mean profits from averaging, σ_syst does not: the pull narrows. Noise is common to all members and stops it.",
        "width(n) = width(1) √(ρ + (1 − ρ)/n)",
        finished=True,
    ),
    "plateau": Entry(
        "Noise and plateau",
        plateau,
        SCAN.name,
        "Noise is learned along the diagonal until the network's own limit p; σ_stat should not care. Better networks end lower.",
        "σ_syst/A = √(f² + p²)",
        480,
    ),
    "scan": Entry(
        "Scan",
        scan,
        SCAN.name,
        "Where the error bars follow the accuracy they can be trusted; where they are flat, the option does not matter.",
        "σ/A and |Δ| against an option of the recipe",
        440,
    ),
    "noise_peaks": Entry(
        "Learned noise",
        noise_peaks,
        SCAN.name,
        "A narrow peak at the injected noise, moving with it; without noise it stops at what the network cannot express.",
        "σ_syst/A → f",
        440,
    ),
    "sweep_pulls": Entry(
        "Pulls of a sweep",
        sweep_pulls,
        SCAN.name,
        "All on N(0,1); only a repulsive ensemble without noise is narrower, as its mean profits from averaging and σ_syst does not.",
        "t_syst = (⟨A⟩ − A_train) / σ_syst",
        500,
    ),
    "uncertainty_table": Entry(
        "Error bars and training size",
        uncertainty_table,
        SCAN.name,
        "Both shrink with more data, σ_stat faster; at small training sizes the difference between the methods shows.",
        "σ_tot² = σ_syst² + σ_stat²",
        440,
    ),
}
