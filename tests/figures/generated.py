"""Made-up generators of known answer."""

import json

import numpy as np
import xarray as xr

from workbench.physics.toys import TOYS


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
