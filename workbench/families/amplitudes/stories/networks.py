"""Stories of arXiv:2412.12069: how much the network itself matters, from its activation to the symmetries it knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from workbench.families.amplitudes.stories.talks import LONG, UNCERTAINTY_TALK, small
from workbench.stories.story import Panel, Story, at, listed, ratio
from workbench.stories.verdict import Row, claim

if TYPE_CHECKING:
    import xarray


def activations(full: bool) -> Story:
    base = small(full, uncertainty="deterministic", inputs="momenta", steps=LONG if full else 8_000, hidden=[128] * 3)
    recipes = {name: base.replace(activation=name.lower()) for name in ("ReLU", "tanh", "GELU", "SiLU")}
    recipes |= {"GroupKAN": base.replace(architecture="group_kan"), "KAN": base.replace(architecture="kan")}

    def rows(scan: xarray.Dataset) -> list[Row]:
        delta = {name: at(scan, "delta_median", network=name) for name in recipes}
        better = {
            name: Row(f"median |Δ|: ReLU over {name}", ratio(delta["ReLU"], delta[name]), 1.0) for name in ("GELU", "GroupKAN", "SiLU")
        }
        return [
            *claim("GELU and GroupKAN learn the amplitude better than ReLU.", better["GELU"], better["GroupKAN"]),
            *claim("SiLU is better than ReLU, too.", better["SiLU"]),
            *(Row(f"{name}: median |Δ|", value, form=".2%") for name, value in delta.items()),
        ]

    return Story(
        "activations", "Fixed or learned activations: MLP, GroupKAN, KAN", "h = φ(W x + b), or Σ_i φ_ji(x_i)",
        "A smooth target wants a smooth activation. Learned ones come close to the best fixed one, at a price in time.",
        "GELU and GroupKAN are better than ReLU (arXiv:2412.12069; numbers are not given).",
        (Panel("scan", {"x": "network", "which": ["syst", "delta"]}),), **listed("network", recipes), rows=rows, seconds=180,
    )  # fmt: skip


def architectures(full: bool) -> Story:
    base = small(
        full,
        uncertainty="deterministic",
        inputs="momenta",
        hidden=[128] * 3,
        events=700_000 if full else 90_000,
        steps=LONG if full else 12_000,
    )
    names = {"MLP": "mlp", "Deep Sets": "deepsets", "Deep Sets + invariants": "deepsets_invariants"}
    recipes = {name: base.replace(architecture=kind) for name, kind in names.items()}
    if full:
        recipes["L-GATr"] = base.replace(architecture="lgatr")

    def rows(scan: xarray.Dataset) -> list[Row]:
        height = {name: at(scan, "sigma_syst_median", network=name) for name in recipes}
        mlp, sets, invariants = (height[name] for name in names)
        return [
            *(Row(f"{name}: plateau σ_syst/A", value) for name, value in height.items()),
            *claim(
                "The more symmetry a network knows, the lower its plateau: MLP > Deep Sets > Deep Sets with invariants.",
                Row("MLP over Deep Sets", ratio(mlp, sets), 1.0),
                Row("Deep Sets over Deep Sets with invariants", ratio(sets, invariants), 1.0),
            ),
        ]

    return Story(
        "architectures", "Symmetry lowers the plateau", "σ_syst,0: MLP > DS > DSI",
        "The same data, the same steps: what a network need not learn, it need not get wrong.",
        f"The better the network, the lower the plateau; advanced networks reach the 10⁻⁵ level with 700,000 points ({UNCERTAINTY_TALK}).",
        (Panel("scan", {"x": "network", "which": ["syst", "delta"]}),), **listed("network", recipes), rows=rows, seconds=400,
    )  # fmt: skip


def transformer(full: bool) -> Story:
    """The same 1,000 events, batches and number of steps for both, each at the learning rate that suits it better. So few events are in
    part learned by heart, so that σ_syst is calibrated. The more data, the more steps L-GATr needs to follow Deep Sets."""
    shorter = {} if full else {"events": 1_000, "steps": 6_000, "batch_size": 64}
    base = small(full, uncertainty="deterministic", inputs="momenta", calibrate=True, **shorter)
    slow = {"learning_rate": 1e-3, "schedule": "one_cycle"} | ({} if full else {"hidden": [128, 128]})
    recipes = {
        "Deep Sets + invariants": base.replace(architecture="deepsets_invariants"),
        "L-GATr": base.replace(architecture="lgatr", **slow),
    }

    def rows(scan: xarray.Dataset) -> list[Row]:
        sets, transformer = (at(scan, "sigma_syst_median", network=name) for name in recipes)
        return [
            *(Row(f"{name}: plateau σ_syst/A", height) for name, height in zip(recipes, (sets, transformer), strict=True)),
            *claim(
                "A transformer that is told nothing but the metric comes within a factor of 2 of Deep Sets that are told the invariants.",
                Row("L-GATr over Deep Sets with invariants", ratio(transformer, sets), 0.5, 2.0),
            ),
        ]

    return Story(
        "transformer", "Invariants, given or found: Deep Sets and L-GATr", "A(Λp) = A(p)",
        "Both are Lorentz-invariant. One reads log(pᵢ·pⱼ); the other has to build it from products of vectors, and takes its time: "
        "here are 1,000 points, with 9,000 it falls behind in as many steps. L-GATr needs the package lgatr.",
        f"Both reach the 10⁻⁵ level with 700,000 points ({UNCERTAINTY_TALK}; no numbers for each: we require a factor of 2).",
        (Panel("scan", {"x": "network", "which": ["syst", "delta"]}),), **listed("network", recipes), rows=rows, seconds=150,
    )  # fmt: skip


STORIES: dict[str, Callable[[bool], Story]] = {"activations": activations, "architectures": architectures, "transformer": transformer}
