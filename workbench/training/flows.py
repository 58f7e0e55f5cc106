"""From a generator recipe to its flow, or chain of flows, with fresh weights or with those of a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.data.features import STAGES, Features, Seen
from workbench.methods.base import Method, Point
from workbench.methods.chain import Chain
from workbench.methods.discflow import DiscFlow, Nuisance, Ramp
from workbench.methods.flow import Density
from workbench.methods.mean_field import MeanField
from workbench.methods.point import PointEstimate
from workbench.nets.coupling import Flow
from workbench.nets.splines import CURVES
from workbench.physics.weights import LARGEST_NUISANCE, theory_weight
from workbench.training.job import device_of, restore
from workbench.training.judge import discriminator, inputs_of
from workbench.training.recipe import GeneratorRecipe
from workbench.training.sampling import JETS, Sampler, Shares, check_map

LIVE_EVENTS, LIVE_DRAWS = 5_000, 6
"""Events and weight draws of a snapshot."""


def flows(recipe: GeneratorRecipe, features: Features, shares: Shares, training_points: int, device: torch.device) -> Method:
    """The recipe's flow, or chain of flows, with fresh weights."""
    if not recipe.has_jets or recipe.jets:
        return _flow(recipe, len(features), int(recipe.nuisance), training_points, recipe.seed, device)
    extra, has = flow_conditions(recipe), [sum(shares.jets[n:]) for n in range(len(JETS))]
    parts = [part for part, share in zip(STAGES.values(), has, strict=True) if share]
    stages = [
        _flow(recipe, part.stop - part.start, part.start + extra, max(1, round(share * training_points)), recipe.seed + 101 * n, device)
        for n, (part, share) in enumerate(zip(parts, has, strict=False))
    ]
    return Chain(stages, parts, has[: len(parts)])


def sampler_of(recipe: GeneratorRecipe, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> Sampler:
    """What draws new events, from a checkpoint alone. Raises: ValueError when it does not fit."""
    about, device = numbers["sampler"], device_of(recipe.device)
    check_map(recipe, about)
    features = Features(recipe.dataset, np.array(about["mean"]), np.array(about["width"]), recipe.edges, recipe.coordinates)
    shares = Shares(tuple(about["jets"]), tuple(about["excess"]))
    flow = flows(recipe, features, shares, recipe.events, device)
    own = {f"parameter.{name}": tensor for name, tensor in flow.parameters.items()}
    restore(own, {name: tensor for name, tensor in tensors.items() if name in own})
    return Sampler(recipe, flow, features, shares, device)


def steered(recipe: GeneratorRecipe, flow: Method, features: Features, points: np.ndarray, shares: Shares, device: torch.device) -> Method:
    """A generator with what changes its batches: a joint discriminator, the theory nuisance."""
    if recipe.discflow_alpha:
        seen = Seen.fit(features, points)
        ramp = Ramp(recipe.discflow_alpha, recipe.discflow_start, recipe.discflow_ramp)
        columns = len(seen) + flow_conditions(recipe)
        flow = DiscFlow(
            flow, discriminator(recipe, columns, len(points), device), inputs_of(seen, device), ramp=ramp, clip=recipe.discflow_clip,
            seed=recipe.seed, gan=recipe.coupling == "gan",
        )  # fmt: skip
    if recipe.nuisance:
        flow = Nuisance(flow, _excess_of(features), shares.mean_excess, LARGEST_NUISANCE, seed=recipe.seed)
    return flow


def flow_conditions(recipe: GeneratorRecipe) -> int:
    """Columns of the condition of an event."""
    return len(JETS) * (recipe.has_jets and not recipe.jets) + recipe.nuisance


def _flow(recipe: GeneratorRecipe, dimension: int, conditions: int, training_points: int, seed: int, device: torch.device) -> Method:
    flow = Flow(
        dimension, conditions=conditions, blocks=recipe.blocks, hidden=recipe.hidden, spline=CURVES[recipe.spline](recipe.bins),
        rotate=recipe.mixing == "rotation", seed=seed,
    )  # fmt: skip
    points = [Point(seed, recipe.prior_width)]
    if not recipe.bayesian:
        return PointEstimate(Density(flow), points, training_points=training_points, device=device)
    return MeanField(
        Density(flow),
        points,
        training_points=training_points,
        device=device,
        seed=seed,
        warm_start=recipe.warm_start,
        pace=recipe.width_pace,
    )


def _excess_of(features: Features) -> Callable[[Tensor], Tensor]:
    """e of network features."""
    place = next(n for n, column in enumerate(features.columns) if column.name == "jet1_pt")
    column, mean, width = features.columns[place], features.mean[place], features.width[place]

    def excess(x: Tensor) -> Tensor:
        jet_pt = column.transform.inverse(x[:, place].double().cpu().numpy() * width + mean)
        return torch.tensor(theory_weight(jet_pt, 1.0) - 1).to(x)

    return excess
