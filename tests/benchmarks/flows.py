"""Our coupling flow beside zuko's and nflows', in one run.

    pip install -e ".[benchmark]" && python tests/benchmarks/flows.py [--device cuda]

Step: one optimiser step on the likelihood, 12 dimensions, 12 blocks, perceptrons 2 × 128, 8 bins, batch 1,024. Sampling: 100,000 events.
One thread, process CPU time, candidates taking turns; peers get the same numbers of weights (up to their splines' own), the same
activation, a fused Adam and the same portions of events.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable

import nflows.distributions
import nflows.flows
import nflows.transforms
import torch
import zuko
from timing import interleaved, record_option, recorded, where
from torch import Tensor, nn

from workbench.data.scaling import DensityBatch
from workbench.methods.base import Method, Point
from workbench.methods.flow import PORTION, Density
from workbench.methods.mean_field import MeanField
from workbench.methods.point import PointEstimate
from workbench.nets.coupling import Flow
from workbench.nets.splines import SPLINES
from workbench.training.loop import SCHEDULES, State, Steps
from workbench.training.optimiser import Optimiser

DIMENSION, BLOCKS, HIDDEN, BINS, BATCH = 12, 12, (128, 128), 8, 1_024
EVENTS, SAMPLED = 20_000, 100_000
ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "silu": nn.SiLU, "gelu": nn.GELU}


def ours(spline: str, activation: str, device: torch.device, bayesian: bool = False) -> State:
    """A training of our flow."""
    flow = Flow(DIMENSION, blocks=BLOCKS, hidden=HIDDEN, spline=SPLINES[spline](BINS), activation=activation)
    method: Method = (
        MeanField(Density(flow), [Point()], training_points=EVENTS, device=device, seed=0, warm_start=0.0)
        if bayesian
        else PointEstimate(Density(flow), [Point()], training_points=EVENTS, device=device)
    )
    optimiser = Optimiser("adam", method.parameters.values())
    return State(method, optimiser, 10_000_000, BATCH, 1e-3, SCHEDULES["constant"], 0)


def zuko_flow(activation: str) -> nn.Module:
    """zuko's coupling of rational-quadratic splines."""
    return zuko.flows.NICE(
        DIMENSION,
        transforms=BLOCKS,
        univariate=zuko.transforms.MonotonicRQSTransform,
        shapes=[(BINS,), (BINS,), (BINS - 1,)],
        hidden_features=HIDDEN,
        activation=ACTIVATIONS[activation],
    )


class Subnet(nn.Sequential):
    """A perceptron as nflows calls it."""

    def __init__(self, inputs: int, outputs: int, activation: type[nn.Module]):
        first, second = HIDDEN
        super().__init__(nn.Linear(inputs, first), activation(), nn.Linear(first, second), activation(), nn.Linear(second, outputs))
        self.hidden_features = 1
        """nflows divides the logarithms of widths and heights by the root of this."""

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        return super().forward(x)


def nflows_flow(kind: str, activation: str) -> nn.Module:
    """nflows' coupling of cubic or rational-quadratic splines."""
    coupling = {
        "cubic": nflows.transforms.PiecewiseCubicCouplingTransform,
        "rational_quadratic": nflows.transforms.PiecewiseRationalQuadraticCouplingTransform,
    }[kind]
    blocks = [
        coupling(
            [(number + component) % 2 for component in range(DIMENSION)],
            lambda inputs, outputs: Subnet(inputs, outputs, ACTIVATIONS[activation]),
            num_bins=BINS,
            tails="linear",
            tail_bound=4.0,
        )
        for number in range(BLOCKS)
    ]
    return nflows.flows.Flow(nflows.transforms.CompositeTransform(blocks), nflows.distributions.StandardNormal([DIMENSION]))


def peers(activation: str, device: torch.device) -> dict[str, tuple[nn.Module, Callable[[Tensor], Tensor], Callable[[int], Tensor]]]:
    """Module, log density and sampler of each peer."""
    theirs: dict[str, tuple[nn.Module, Callable[[Tensor], Tensor], Callable[[int], Tensor]]] = {}
    other = zuko_flow(activation).to(device)
    theirs["zuko rq"] = (other, lambda x: other().log_prob(x), lambda n: other().sample((n,)))
    for kind, name in (("rational_quadratic", "nflows rq"), ("cubic", "nflows cubic")):
        flow = nflows_flow(kind, activation).to(device)
        theirs[name] = (flow, flow.log_prob, flow.sample)
    return theirs


def report(title: str, times: dict[str, list[float]]) -> None:
    """Medians, and median ratios to both of our flows in the same round."""
    print(f"\n{title}\n  {'':24s} median [ms]    min [ms]   ratio to our cubic   to our rq")
    for name, values in times.items():
        ratios = [
            statistics.median(t / o for t, o in zip(values, times[mine], strict=True)) for mine in ("workbench cubic", "workbench rq")
        ]
        print(f"  {name:24s}{1e3 * statistics.median(values):12.1f}{1e3 * min(values):12.1f}{ratios[0]:21.2f}{ratios[1]:12.2f}")


def step_benchmark(rounds: int, activation: str, device: torch.device) -> None:
    features = torch.randn(EVENTS, DIMENSION, generator=torch.Generator().manual_seed(0)).to(device)
    batch = DensityBatch(features, features[:, :0], torch.ones_like(features[:, 0]))
    candidates: dict[str, Callable[[], object]] = {}
    for name, spline, bayesian in (
        ("workbench cubic", "cubic", False),
        ("workbench rq", "rational_quadratic", False),
        ("workbench Bayesian cubic", "cubic", True),
    ):
        candidates[name] = Steps(ours(spline, activation, device, bayesian), batch).next
    for name, (module, log_density, _) in peers(activation, device).items():
        adam = torch.optim.Adam(module.parameters(), lr=1e-3, fused=True)

        def call(log_density: Callable[[Tensor], Tensor] = log_density, adam: torch.optim.Optimizer = adam) -> None:
            adam.zero_grad()
            (-log_density(features[torch.randint(0, EVENTS, (BATCH,), device=device)]).mean()).backward()
            adam.step()

        candidates[name] = call
    repeats = 30 if device.type == "cuda" else 3
    report(f"One training step, batch {BATCH}, {activation}", interleaved(candidates, device, rounds=rounds, repeats=repeats, warm_up=5))


@torch.inference_mode()
def sampling_benchmark(rounds: int, activation: str, device: torch.device) -> None:
    generator, nothing = torch.Generator().manual_seed(0), torch.empty(SAMPLED, 0, device=device)
    portion = PORTION[device.type]
    candidates: dict[str, Callable[[], object]] = {}
    for name, spline in (("workbench cubic", "cubic"), ("workbench rq", "rational_quadratic")):
        method = ours(spline, activation, device).method
        assert isinstance(method, PointEstimate)
        method.parameters["weights"].add_(0.02 * torch.randn(method.network.parameters, generator=generator).to(device))
        candidates[name] = lambda m=method: m.objective.sample(m.central(), nothing, generator)
    for name, (_, _, sample) in peers(activation, device).items():
        candidates[name] = lambda s=sample: [s(min(portion, SAMPLED - start)) for start in range(0, SAMPLED, portion)]
    times = interleaved(candidates, device, rounds=rounds, repeats=1, warm_up=int(device.type == "cuda"))
    report(f"{SAMPLED:,} sampled events, {activation}", times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--activation", choices=ACTIVATIONS, default="silu")
    parser.add_argument("--only", choices=["step", "sampling"])
    parser.add_argument("--device", default="cpu")
    record_option(parser)
    chosen = parser.parse_args()
    device = torch.device(chosen.device)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with recorded(chosen.record):
        print(where(device))
        if chosen.only in (None, "step"):
            step_benchmark(chosen.rounds, chosen.activation, device)
        if chosen.only in (None, "sampling"):
            sampling_benchmark(max(3, chosen.rounds // 6), chosen.activation, device)


if __name__ == "__main__":
    main()
