"""The figures of generators."""

from workbench.families.generators.figures.densities import band_size, cloud, density_map, uncertainty_line, uncertainty_map
from workbench.families.generators.figures.distributions import generated, hole, nuisance, theory_band, ways, weight_points, weights
from workbench.families.generators.product import GENERATOR
from workbench.figures.entry import REPORTS, Entry
from workbench.figures.training import log_loss

FIGURES: dict[str, Entry] = {
    "log_loss": Entry(
        "Log loss",
        log_loss,
        REPORTS,
        "In physical units; a perfect flow ends on the exact entropy, up to the statistics of the validation events.",
        "−⟨ln p(x)⟩ ≥ −∫ p ln p",
    ),
    "generated": Entry(
        "Distribution",
        generated,
        GENERATOR.name,
        "The ratio should agree with 1 within the band and the statistical error of the truth. Deviations below the dotted line are "
        "smaller than that error.",
        "ratio = ⟨h⟩ / h_truth",
        560,
    ),
    "cloud": Entry(
        "Density and new events",
        cloud,
        GENERATOR.name,
        "The network draws events, the points; as it learns, they and its density move onto the true one. Sharp edges are the hard part.",
        "x = f(z|θ),  z ~ N(0, 1)",
        420,
    ),
    "density_map": Entry(
        "Density",
        density_map,
        GENERATOR.name,
        "The same colours mean the same density; hard edges are smeared, and holes are bridged.",
        "p(x) = ⟨p(x|θ)⟩",
        420,
    ),
    "uncertainty_map": Entry(
        "Spread of the density",
        uncertainty_map,
        GENERATOR.name,
        "For a ramp it changes along x, and along y there is nothing to learn. The colour scale ends at the 90 % quantile.",
        "σ(x) = std p(x|θ)",
        420,
    ),
    "uncertainty_line": Entry(
        "Like a fit, or like counting?",
        uncertainty_line,
        GENERATOR.name,
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
        GENERATOR.name,
        "No true event is inside of the circle, where two jets would be one. A flow maps a plane without holes: it leaks.",
        "ΔR² = Δη² + Δφ² > 0.4²",
        420,
    ),
    "ways": Entry(
        "With and without w_D",
        ways,
        GENERATOR.name,
        "Weights should bring the ratio to 1; DiscFlow should be there without them. Open two runs to see all four.",
        "INN, INN × w_D, DiscFlow, DiscFlow × w_D",
        560,
    ),
    "weights": Entry(
        "What a discriminator says",
        weights,
        GENERATOR.name,
        "A narrow peak at 1: nothing to tell apart. Tails to the left: events that should not be; to the right: events that are missing.",
        "w_D = D/(1 − D) → 1",
        520,
    ),
    "weight_points": Entry(
        "Where w_D points",
        weight_points,
        GENERATOR.name,
        "Away from 1 the generator is wrong, and this says where: look at the mass of the muons, and at ΔR of jets.",
        "⟨w_D⟩ per bin",
        440,
    ),
    "nuisance": Entry(
        "At one value of the theory nuisance",
        nuisance,
        GENERATOR.name,
        "The same network, on another condition: nothing is trained when the slider moves. The ratio should agree with 1 within the band.",
        "w = 1 + a ((p_T,j1 − 15 GeV)/100 GeV)²",
        560,
    ),
    "theory_band": Entry(
        "Theory band and training band",
        theory_band,
        GENERATOR.name,
        "The range over a opens with p_T; so does σ of the networks at each a, for larger a more, as fewer events say more there.",
        "σ(h|a) and the range of ⟨h|a⟩",
        560,
    ),
}
