"""From a generator recipe to its flow, or chain of flows, with fresh weights or with those of a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.data.features import STAGES, Features, Seen
from workbench.families.generators.judge import discriminator, inputs_of
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.families.generators.sampling import JETS, Sampler, Shares, check_map
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


def flows(recipe: GeneratorRecipe, features: Features, shares: Shares, training_points: int, device: torch.device) -> Method:
    """The recipe's flow, or chain of flows, with fresh weights."""
    networks = flow_networks(recipe, features, shares)
    if not is_chain(recipe):
        return _method(recipe, networks[0], training_points, recipe.seed, device)
    has = has_jets(shares)[: len(networks)]
    stages = [
        _method(recipe, network, max(1, round(share * training_points)), recipe.seed + 101 * n, device)
        for n, (network, share) in enumerate(zip(networks, has, strict=True))
    ]
    return Chain(stages, list(STAGES.values())[: len(networks)], has)


def flow_networks(recipe: GeneratorRecipe, features: Features, shares: Shares) -> list[Flow]:
    """The network of the recipe's flow, or those of its chain: only their sizes, without any weights."""
    if not is_chain(recipe):
        return [_network(recipe, len(features), int(recipe.nuisance), recipe.seed)]
    parts = [part for part, share in zip(STAGES.values(), has_jets(shares), strict=True) if share]
    extra = flow_conditions(recipe)
    return [_network(recipe, part.stop - part.start, part.start + extra, recipe.seed + 101 * n) for n, part in enumerate(parts)]


def is_chain(recipe: GeneratorRecipe) -> bool:
    """Whether events have 1, 2 and 3 jets as they come, so that each further jet is made by a flow of its own."""
    return recipe.has_jets and not recipe.jets


def has_jets(shares: Shares) -> list[float]:
    """Which part of the events has at least 1, 2, 3 jets."""
    return [sum(shares.jets[n:]) for n in range(len(JETS))]


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
    return len(JETS) * is_chain(recipe) + recipe.nuisance


def _network(recipe: GeneratorRecipe, dimension: int, conditions: int, seed: int) -> Flow:
    return Flow(
        dimension, conditions=conditions, blocks=recipe.blocks, hidden=recipe.hidden, spline=CURVES[recipe.spline](recipe.bins),
        rotate=recipe.mixing == "rotation", seed=seed,
    )  # fmt: skip


def _method(recipe: GeneratorRecipe, flow: Flow, training_points: int, seed: int, device: torch.device) -> Method:
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
