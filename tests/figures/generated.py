"""Made-up generators of known answer."""

import json

import numpy as np
import xarray as xr

from workbench.physics.datasets.known import TOYS


def make_generated(dataset="wedge", *, draws=9, tilt=0.0, spread=0.05, sigma=None, step=None):
    """A generator whose histogram of x lies (1 + tilt) above the truth, with draws ± spread around it, and whose density along the line
    has the spread sigma(x)."""
    toy, offsets = TOYS[dataset], np.linspace(-1, 1, draws) / np.std(np.linspace(-1, 1, draws)) if draws > 1 else np.zeros(1)
    edges = np.linspace(-0.2, 1.2, 51) if dataset != "ring" else np.linspace(1, 7, 51)
    name = "x" if dataset != "ring" else "r"
    middle = (edges[1:] + edges[:-1]) / 2
    truth = toy.marginal(name, middle)
    density = truth * (1 + tilt) * (1 + spread * offsets[:, None])
    along = np.linspace(0, 1, 41) if name == "x" else np.linspace(0.5, 7.5, 41)
    p = toy.marginal(name, along)
    width = 0.01 * np.ones_like(p) if sigma is None else sigma(along)
    plane = np.linspace(-0.1, 1.1, 20) if name == "x" else np.linspace(-6, 7, 20)
    mean = toy.density(np.stack(np.meshgrid(plane, plane), axis=-1))
    about = {"symbol": name, "unit": "", "long_name": f"The coordinate {name}"}
    return xr.Dataset(
        {
            f"edges_{name}": (f"edge_{name}", edges, about),
            f"truth_{name}": (f"bin_{name}", truth, about),
            f"error_{name}": (f"bin_{name}", 0.04 * truth, about),
            f"density_{name}": (("draw", f"bin_{name}"), density, about),
            "map_mean": (("map_y", "map_x"), mean),
            "map_sigma": (("map_y", "map_x"), 0.1 * mean * (draws > 1)),
            "map_truth": (("map_y", "map_x"), mean),
            "line_truth": ("line", p),
            "line_density": (("draw", "line"), p + offsets[:, None] * width),
            "entropy": ((), toy.entropy),
            "log_loss": ((), toy.entropy + 0.01),
        },
        coords={"map_x": plane, "map_y": plane, "line": ("line", along, {"coordinate": name})},
        attrs={"dataset": dataset, "recipe": json.dumps({"recipe": "generator", "dataset": dataset})},
    )


def make_collisions():
    """One observable with a unit and a steep spectrum; no density that could be drawn."""
    edges = np.linspace(20, 140, 31)
    truth = np.exp(-np.linspace(20, 140, 30) / 15)
    truth /= (truth * np.diff(edges)).sum()
    about = {"symbol": "p<sub>T,j1</sub>", "unit": "GeV", "long_name": "Transverse momentum"}
    data = {
        "edges_jet1_pt": ("edge", edges, about),
        "truth_jet1_pt": ("bin", truth),
        "error_jet1_pt": ("bin", 0.02 * truth),
        "density_jet1_pt": (("draw", "bin"), np.stack([0.99 * truth, 1.01 * truth])),
        "log_loss": ((), 12.3),
    }
    return xr.Dataset(data, attrs={"dataset": "z_jets"})


def make_judged(*, alpha=None, off=0.2):
    """Collisions whose events from the mean weights lie (1 + off) above the truth, and on it with w_D."""
    made = make_collisions()
    truth = made["truth_jet1_pt"].values
    edges = {"weight": np.linspace(0, 3, 61), "log_weight": np.linspace(-2, 2, 61)}
    peak = {name: np.exp(-(((e[1:] + e[:-1]) / 2 - (name == "weight")) ** 2) / 0.02) for name, e in edges.items()}
    made = made.assign(
        central_jet1_pt=("bin", (1 + off) * truth), central_error_jet1_pt=("bin", 0.01 * truth), reweighted_jet1_pt=("bin", truth),
        reweighted_error_jet1_pt=("bin", 0.01 * truth), weight_mean_jet1_pt=("bin", np.full(30, 1 / (1 + off))), auc=((), 0.53),
    )  # fmt: skip
    for name, e in edges.items():
        made = made.assign({f"{name}_edges": ("weight_edge", e), f"{name}_truth": ("weight_bin", peak[name])})
        made = made.assign({f"{name}_generated": ("weight_bin", 0.9 * peak[name])})
    return made if alpha is None else made.assign(alpha=((), alpha))


def make_nuisance():
    """Collisions on a theory nuisance: at every a the truth is harder, and two draws lie 1 % below and above it."""
    made = make_collisions()
    values, edges = np.array([0.0, 5.0, 30.0]), made["edges_jet1_pt"].values
    middle = (edges[1:] + edges[:-1]) / 2
    truth = made["truth_jet1_pt"].values * (1 + values[:, None] * ((middle - 15) / 100) ** 2)
    truth /= (truth * np.diff(edges)).sum(axis=1, keepdims=True)
    return made.assign_coords(nuisance=values).assign(
        nuisance_truth_jet1_pt=(("nuisance", "bin"), truth), nuisance_error_jet1_pt=(("nuisance", "bin"), 0.02 * truth),
        nuisance_density_jet1_pt=(("nuisance", "draw", "bin"), truth[:, None] * np.array([0.99, 1.01])[:, None]),
    )  # fmt: skip


def make_holes():
    """A plane of two jets with a hole, and one without."""
    x = np.linspace(-5, 5, 41)
    truth = (np.hypot(*np.meshgrid(x, x)) > 0.4).astype(float)
    on = ("plane_phi", "plane_eta")
    made = make_collisions().assign(plane_truth_12=(on, truth), plane_drawn_12=(on, np.ones_like(truth)))
    return made.assign_coords(plane_eta=x, plane_phi=x)
