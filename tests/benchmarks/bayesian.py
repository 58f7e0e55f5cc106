"""Our Bayesian network beside bayesian-torch and torchbnn, in one run.

    pip install -e ".[benchmark]" && python tests/benchmarks/bayesian.py [--device cuda]

Step: one optimiser step of 20-128-128-128-2 with KL, batch 512. Quality: time of the default recipe to a relative error on fresh points
of a smooth positive function of ten variables, 9,000 training points, and the width of the pull. Prediction: 512 weight draws for
10,000 points. One thread, process CPU time, candidates taking turns; peers get the same activation, learning rate and schedule.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torchbnn
from bayesian_torch.layers import LinearReparameterization
from timing import clock, interleaved, record_option, recorded, where
from torch import Tensor, nn

from workbench.data.scaling import Batch
from workbench.families.amplitudes.job import method, network
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.training.job import state
from workbench.training.loop import State, Steps

HIDDEN = (128, 128, 128)
POINTS, FRESH, BATCH = 9_000, 10_000, 512


class TorchBNN(nn.Module):
    """torchbnn's layers, with its KL summed over the weights."""

    def __init__(self, features: int):
        super().__init__()
        widths = [features, *HIDDEN, 2]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [torchbnn.BayesLinear(prior_mu=0, prior_sigma=1.0, in_features=inputs, out_features=outputs), nn.SiLU()]
        self.net = nn.Sequential(*layers[:-1])
        for layer in layers[::2]:
            layer.weight_log_sigma.data.fill_(np.log(0.01))
            layer.bias_log_sigma.data.fill_(np.log(0.01))
        self.divergence = torchbnn.BKLLoss(reduction="sum")

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def kl(self) -> Tensor:
        return self.divergence(self.net).squeeze()


class BayesianTorch(nn.Module):
    """bayesian-torch's reparametrised layers; its KL is a mean over the weights of each tensor, here scaled back to the sum."""

    def __init__(self, features: int):
        super().__init__()
        widths = [features, *HIDDEN, 2]
        initial = float(np.log(np.expm1(0.01)))
        self.layers = nn.ModuleList(
            LinearReparameterization(inputs, outputs, posterior_rho_init=initial) for inputs, outputs in pairwise(widths)
        )
        for layer, inputs in zip(self.layers, widths, strict=False):
            layer.mu_weight.data.normal_(0.0, (2.0 / inputs) ** 0.5)
        self.total: Tensor = torch.zeros(())

    def forward(self, x: Tensor) -> Tensor:
        self.total = torch.zeros(())
        for number, layer in enumerate(self.layers):
            x, _ = layer(x)
            if number < len(self.layers) - 1:
                x = nn.functional.silu(x)
            for mu, rho in ((layer.mu_weight, layer.rho_weight), (layer.mu_bias, layer.rho_bias)):
                width = nn.functional.softplus(rho)
                self.total = self.total + (0.5 * (width.square() + mu.square() - 1.0) - width.log()).sum()
        return x

    def kl(self) -> Tensor:
        return self.total


def peer_step(model: nn.Module, adam: torch.optim.Optimizer, x: Tensor, t: Tensor) -> None:
    adam.zero_grad()
    out = model(x)
    likelihood = (0.5 * ((t - out[:, 0]).square() * torch.exp(-out[:, 1]) + out[:, 1])).mean()
    (likelihood + model.kl() / POINTS).backward()
    adam.step()


def ours(features: int, device: torch.device, **changes: Any) -> State:
    """The default recipe's training, with some options changed."""
    recipe = AmplitudeRecipe(device=device.type, **changes)
    return state(recipe, method([recipe], network(recipe, features, device), POINTS, device))


def report(title: str, times: dict[str, list[float]], scale: float = 1e3, unit: str = "ms") -> None:
    print(f"\n{title}")
    mine = times["workbench"]
    for name, values in times.items():
        ratio = statistics.median(theirs / own for theirs, own in zip(values, mine, strict=True))
        median, least = scale * statistics.median(values), scale * min(values)
        print(f"  {name:16s} median {median:8.2f} {unit}   min {least:8.2f}   ratio to workbench {ratio:5.2f}")


def step_benchmark(rounds: int, device: torch.device) -> None:
    x, t = torch.randn(POINTS, 20, device=device), torch.randn(POINTS, device=device)
    batch = Batch(x, t, torch.ones_like(t))
    steps = Steps(ours(20, device, steps=10_000_000, batch_size=BATCH, warm_start=0.0), batch)
    candidates: dict[str, Callable[[], object]] = {"workbench": steps.next}
    for name, model in (("torchbnn", TorchBNN(20).to(device)), ("bayesian-torch", BayesianTorch(20).to(device))):
        adam = torch.optim.Adam(model.parameters(), lr=1e-3)

        def call(model: nn.Module = model, adam: torch.optim.Optimizer = adam) -> None:
            index = torch.randint(0, POINTS, (BATCH,), device=device)
            peer_step(model, adam, x[index], t[index])

        candidates[name] = call
    repeats = 100 if device.type == "cuda" else 5  # on a GPU enough that asking and computing overlap, as in a training
    times = interleaved(candidates, device, rounds=rounds, repeats=repeats, warm_up=5)
    report("One training step, batch 512, 20-128-128-128-2", times)


def smooth(x: np.ndarray) -> np.ndarray:
    """A smooth positive function of ten variables in [-1, 1]."""
    exponent = (
        np.sin(2 * x[:, 0]) * x[:, 1]
        + 0.5 * x[:, 2] ** 2
        - 0.7 * x[:, 3] * x[:, 4]
        + np.cos(x[:, 5] + x[:, 6])
        + 0.3 * x[:, 7] * x[:, 8] * x[:, 9]
    )
    return np.exp(exponent)


def quality_benchmark(epochs: int, device: torch.device) -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (POINTS + 1_000 + FRESH, 10))
    log = np.log(smooth(x))
    mean, width = log[:POINTS].mean(), log[:POINTS].std()
    features = torch.tensor(x / x.std(0), dtype=torch.float32, device=device)
    target = torch.tensor((log - mean) / width, dtype=torch.float32, device=device)
    parts = {"train": slice(0, POINTS), "validation": slice(POINTS, POINTS + 1_000), "fresh": slice(POINTS + 1_000, None)}
    batches = {name: Batch(features[part], target[part], torch.ones_like(target[part])) for name, part in parts.items()}
    steps = epochs * POINTS // BATCH
    marks = (0.05, 0.03, 0.02, 0.015, 0.01)
    print(f"\nTime to a median relative error on fresh points [s]; {epochs} epochs, cosine from 3e-3, peers' batch {BATCH}")
    print(
        "  "
        + " " * 16
        + "".join(f"{100 * mark:7.1f} %" for mark in marks)
        + "   final   pull width (calibrated on 1,000 validation points)"
    )

    def row(name: str, hits: dict[float, float], draws: Callable[[str], Tensor]) -> None:
        def residual_and_sigma(split: str) -> tuple[np.ndarray, np.ndarray]:
            outputs = draws(split).double().cpu()
            amplitude = torch.exp(width * outputs[..., 0])
            central = amplitude.mean(0)
            sigma = (amplitude * width).square().mul(torch.exp(outputs[..., 1])).mean(0).sqrt()
            return (central - torch.exp(width * batches[split].target.double().cpu())).numpy(), sigma.numpy()

        fitted, fresh = residual_and_sigma("validation"), residual_and_sigma("fresh")
        scale = np.sqrt(np.square(fitted[0] / fitted[1]).mean())
        raw = (fresh[0] / fresh[1]).std()
        final = np.median(np.abs(fresh[0] / torch.exp(width * batches["fresh"].target.double().cpu()).numpy()))
        text = "".join(f"{hits[mark]:9.2f}" if mark in hits else "        -" for mark in marks)
        print(f"  {name:16s}{text}   {100 * final:.2f} %   {raw:.2f} ({raw / scale:.2f})")

    def follow(name: str, advance: Callable[[], None], central: Callable[[], Tensor], draws: Callable[[str], Tensor]) -> None:
        hits: dict[float, float] = {}
        spent = 0.0
        for _ in range(epochs):
            start = clock(device)
            advance()
            spent += clock(device) - start
            error = float(torch.expm1(width * (central() - batches["fresh"].target)).abs().median())
            for mark in marks:
                if error < mark:
                    hits.setdefault(mark, spent)
        row(name, hits, draws)

    training = ours(10, device, steps=epochs * POINTS // AmplitudeRecipe().batch_size)
    learned, our_steps = training.method, Steps(training, batches["train"])

    def our_epoch() -> None:
        for _ in range(training.steps // epochs):
            our_steps.next()

    def our_draws(split: str) -> Tensor:
        return learned.objective.predict(learned.networks(64, torch.Generator().manual_seed(1))[0], batches[split].features)

    follow("workbench", our_epoch, lambda: learned.objective.predict(learned.central(), batches["fresh"].features)[0, 0, :, 0], our_draws)
    for name, model in (("torchbnn", TorchBNN(10).to(device)), ("bayesian-torch", BayesianTorch(10).to(device))):
        adam = torch.optim.Adam(model.parameters(), lr=3e-3)
        decay = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)

        def epoch(
            model: nn.Module = model, adam: torch.optim.Optimizer = adam, decay: torch.optim.lr_scheduler.LRScheduler = decay
        ) -> None:
            order = torch.randperm(POINTS, device=device)
            for start in range(0, POINTS - BATCH + 1, BATCH):
                part = order[start : start + BATCH]
                peer_step(model, adam, batches["train"].features[part], batches["train"].target[part])
                decay.step()

        @torch.no_grad()
        def peer_draws(split: str, draws: int = 64, model: nn.Module = model) -> Tensor:
            return torch.stack([model(batches[split].features) for _ in range(draws)])

        follow(name, epoch, lambda d=peer_draws: d("fresh", 8)[..., 0].mean(0), peer_draws)


@torch.no_grad()
def prediction_benchmark(rounds: int, device: torch.device) -> None:
    x = torch.randn(10_000, 20, device=device)
    learned = ours(20, device, steps=1, warm_start=0.0).method
    generator = torch.Generator().manual_seed(0)
    candidates: dict[str, Callable[[], object]] = {"workbench": lambda: learned.objective.predict(learned.networks(512, generator), x)}
    for name, model in (("torchbnn", TorchBNN(20).to(device)), ("bayesian-torch", BayesianTorch(20).to(device))):

        def call(model: nn.Module = model) -> None:
            torch.stack([model(x) for _ in range(512)])

        candidates[name] = call
    times = interleaved(candidates, device, rounds=rounds, repeats=1, warm_up=int(device.type == "cuda"))
    report("512 weight draws for 10,000 points", times, scale=1.0, unit="s ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--only", choices=["step", "quality", "prediction"])
    parser.add_argument("--device", default="cpu")
    record_option(parser)
    chosen = parser.parse_args()
    device = torch.device(chosen.device)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with recorded(chosen.record):
        print(where(device))
        if chosen.only in (None, "step"):
            step_benchmark(chosen.rounds, device)
        if chosen.only in (None, "quality"):
            quality_benchmark(chosen.epochs, device)
        if chosen.only in (None, "prediction"):
            prediction_benchmark(max(1, chosen.rounds // 15), device)


if __name__ == "__main__":
    main()
