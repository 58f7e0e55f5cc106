"""What every tagger promises: constituents that are not there count nowhere, and the symmetries that its layers have."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.families.taggers.architectures.attention import ParT
from workbench.families.taggers.architectures.graphs import NEIGHBOURS, ParticleNet
from workbench.families.taggers.architectures.images import Images
from workbench.families.taggers.architectures.lorentz import LGATr, LorentzNet
from workbench.families.taggers.architectures.sets import DeepSets, Lola

CONSTITUENTS = 14
WITH_JET = ("features", "aligned", "there", "jet")
NETWORKS = {
    "image": Images,
    "deep_sets": DeepSets,
    "deep_sets_jet": lambda constituents: DeepSets(constituents, WITH_JET),
    "lola": Lola,
    "particlenet": ParticleNet,
    "part": ParT,
    "lorentznet": LorentzNet,
    "lgatr": LGATr,
}
SETS = [name for name in NETWORKS if name not in ("image", "lola")]


def make(name, constituents=CONSTITUENTS):
    if name == "lgatr":
        pytest.importorskip("lgatr", reason="the optional package lgatr is not installed")
    return NETWORKS[name](constituents)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(3)


def jets(count, generator, constituents=CONSTITUENTS):
    """Everything that is seen of some jets with 9 to `constituents` massless constituents, in float64."""
    pt = 40 * torch.rand(count, constituents, generator=generator, dtype=torch.float64) ** 3 + 0.5
    pt = pt.sort(1, descending=True).values
    there = torch.arange(constituents) < torch.randint(NEIGHBOURS + 2, constituents + 1, (count, 1), generator=generator)
    eta, phi = 0.3 * torch.randn(2, count, constituents, generator=generator, dtype=torch.float64)
    return seen(pt, eta, phi, there)


def seen(pt, eta, phi, there):
    pt = pt * there
    momenta = pt[..., None] * torch.stack([eta.cosh(), phi.cos(), phi.sin(), eta.sinh()], -1)
    logs = pt.clamp(min=1e-3).log()
    features = (
        torch.stack([logs - 1, logs + eta.cosh().log() - 1, logs / 2, logs / 3, torch.hypot(eta, phi), eta, phi], -1) * there[..., None]
    )
    whole = momenta.sum(1)
    jet = torch.stack([whole[:, 0].log(), whole[:, 1], there.sum(1) / 20], -1)
    image = torch.zeros(len(pt), 24, 24, dtype=pt.dtype)
    image[:, 2:10, 3:9] = pt[:, :8, None] / pt.sum(1)[:, None, None]
    return {"features": features, "aligned": features[..., 5:7], "momenta": momenta, "there": there, "jet": jet, "image": image}


def joined(network, known):
    return torch.cat([known[name].double().flatten(1) for name in network.sees], 1)


def a_row(network, generator):
    row = network.initial(1, generator).double()
    return row + 0.05 * torch.randn(row.shape, generator=generator, dtype=torch.float64)


def settled(network, known, rows):
    network.fixed = joined(network, known)
    return network.ask(rows, network.fixed)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_slope_equals_central_differences(name, generator):
    network = make(name)
    rows = network.initial(2, generator).double()
    rows = rows + 0.05 * torch.randn(rows.shape, generator=generator, dtype=torch.float64)
    x = joined(network, jets(12, generator)).expand(2, -1, -1)
    outputs, tape = network.forward(rows, x)
    assert outputs.shape == (2, 12, 1)
    direction = torch.randn(outputs.shape, generator=generator, dtype=torch.float64)
    gradient = network.backward(tape, direction)
    assert gradient.shape == rows.shape and torch.isfinite(gradient).all()
    for _ in range(3):
        step = 1e-8 * torch.randn(rows.shape, generator=generator, dtype=torch.float64)
        change = (network(rows + step, x) - network(rows - step, x)).mul(direction).sum() / 2
        torch.testing.assert_close((gradient * step).sum(), change, rtol=1e-2, atol=1e-11)  # some bends lie between


@pytest.mark.parametrize("name", NETWORKS)
def test_the_last_layer_is_linear_and_draws_of_it_are_what_each_network_says(name, generator):
    network = make(name)
    row = a_row(network, generator)
    rows = row.repeat(3, 1)
    rows[:, network.last_layer] += 0.1 * torch.randn(3, network.last_layer.stop - network.last_layer.start, generator=generator).double()
    known = jets(20, generator)
    together = settled(network, known, rows)
    apart = torch.stack([network.ask(one[None], joined(network, known))[0] for one in rows])
    torch.testing.assert_close(together, apart, rtol=1e-9, atol=1e-9)
    assert (together[0] - together[1]).abs().max() > 1e-3


@pytest.mark.parametrize("name", SETS)
def test_a_logit_knows_no_order_of_the_constituents(name, generator):
    network = make(name)
    known, row = jets(10, generator), a_row(network, generator)
    order = torch.randperm(CONSTITUENTS, generator=generator)
    turned = {key: value[:, order] if key in ("features", "aligned", "momenta", "there") else value for key, value in known.items()}
    torch.testing.assert_close(settled(network, known, row), network.ask(row, joined(network, turned)), rtol=1e-9, atol=1e-9)


def test_lola_does_know_the_order(generator):
    network = make("lola")
    known, row = jets(10, generator), a_row(network, generator)
    order = torch.randperm(CONSTITUENTS, generator=generator)
    turned = known | {"momenta": known["momenta"][:, order]}
    assert (network.ask(row, joined(network, known)) - network.ask(row, joined(network, turned))).abs().max() > 1e-2


@pytest.mark.parametrize("name", SETS)
def test_what_stands_where_no_constituent_is_changes_nothing(name, generator):
    network = make(name)
    known, row = jets(10, generator), a_row(network, generator)
    changed = {
        key: torch.where(known["there"].unsqueeze(-1), value, 3.0) if key in ("features", "aligned", "momenta") else value
        for key, value in known.items()
    }
    torch.testing.assert_close(settled(network, known, row), network.ask(row, joined(network, changed)), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", SETS)
def test_more_places_for_constituents_change_nothing(name, generator):
    network, larger = make(name), make(name, CONSTITUENTS + 5)
    known, row = jets(10, generator), a_row(network, generator)
    padded = {
        key: torch.nn.functional.pad(value, (0, 0) * (value.ndim - 2) + (0, 5))
        if key in ("features", "aligned", "momenta", "there")
        else value
        for key, value in known.items()
    }
    torch.testing.assert_close(settled(network, known, row), settled(larger, padded, row), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", ["part", "lorentznet", "lgatr", "lola", "particlenet"])
def test_a_jet_that_is_turned_about_the_beam_stays_what_it_is(name, generator):
    network = make(name)
    known, row = jets(10, generator), a_row(network, generator)
    cos, sin = np.cos(0.7), np.sin(0.7)
    turn = torch.eye(4, dtype=torch.float64)
    turn[1:3, 1:3] = torch.tensor([[cos, -sin], [sin, cos]])
    turned = known | {"momenta": known["momenta"] @ turn.T}
    tolerance = {"rtol": 1e-9, "atol": 1e-9}
    if name == "lola":  # whose other numbers are invariant, and p_T too
        tolerance = {"rtol": 1e-7, "atol": 1e-7}
    torch.testing.assert_close(settled(network, known, row), network.ask(row, joined(network, turned)), **tolerance)


@pytest.mark.parametrize("name", NETWORKS)
def test_jets_without_constituents_get_a_number(name, generator):
    network = make(name)
    known = jets(6, generator)
    none = {key: torch.zeros_like(value) for key, value in known.items()}
    rows = a_row(network, generator)
    network.fixed = joined(network, known)
    assert torch.isfinite(network.ask(rows, joined(network, none))).all()


@pytest.mark.parametrize("name", ["image", "particlenet", "lorentznet"])
def test_what_a_network_says_of_a_jet_does_not_depend_on_the_jets_beside_it(name, generator):
    """Means and widths are those of the fixed jets, whatever was trained or asked before."""
    network = make(name)
    known, row = jets(20, generator), a_row(network, generator)
    everything = joined(network, known)
    network.fixed = everything[:12]
    whole = network.ask(row, everything)
    network(row, everything[None, 3:11])  # a step of learning
    torch.testing.assert_close(network.ask(row, everything[15:]), whole[:, 15:], rtol=1e-10, atol=1e-10)


def test_a_draw_of_the_weights_is_shared_by_all_constituents(generator):
    """Noise of its own for each constituent would average out in the sum: the spread grows with n, not with √n."""
    network = DeepSets(16)
    row = network.initial(1, generator)
    one = jets(1, generator, 16)
    one = {key: value[:, :1].expand(-1, 16, *value.shape[2:]) if key in ("features", "there") else value for key, value in one.items()}
    part = slice(0, network.embedding.parameters)
    rows = row.repeat(64, 1)
    rows[:, part] += 0.05 * torch.randn(64, part.stop, generator=generator)

    def spread(count):
        known = one | {"there": one["there"] & (torch.arange(16) < count)}
        x = joined(network, known).float()
        own, _ = network._parts(rows)
        each, there, jet = network._seen(x.expand(64, -1, -1))
        pooled = network._pooled(network.embedding(own, each), there, jet)
        return float(pooled.std(0).norm())

    assert spread(16) / spread(1) == pytest.approx(16, rel=1e-4)
