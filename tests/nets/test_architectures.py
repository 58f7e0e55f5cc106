"""What every architecture promises, and the symmetries of those that have some."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from workbench.data.scaling import Scaling
from workbench.nets.deepsets import DeepSets
from workbench.nets.group_kan import ABOVE, UNIT, GroupKAN, fitted, rational
from workbench.nets.kan import GRID, REACH, PopulationKAN
from workbench.nets.population import ACTIVATIONS, PopulationMLP

TYPES = (0, 0, 1, 1, 2)


def lgatr(variant):
    pytest.importorskip("lgatr", reason="the optional package lgatr is not installed")
    from workbench.nets import lgatr

    return getattr(lgatr, variant)(TYPES, 2, blocks=2, vectors=4, scalars=6)


NETWORKS = {
    "mlp": lambda: PopulationMLP(20, (7, 4), 2),
    "deepsets": lambda: DeepSets(TYPES, 0, (7, 6, 5), (6, 4), 2),
    "deepsets_invariants": lambda: DeepSets(TYPES, 3, (6, 5), (6, 4), 2, activation="tanh"),
    "kan": lambda: PopulationKAN(20, (7, 4), 2),
    "group_kan": lambda: GroupKAN(20, (8, 6), 2),
    "lgatr_slim": lambda: lgatr("SlimLGATr"),
    "lgatr_full": lambda: lgatr("FullLGATr"),
}


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(7)


@pytest.fixture(params=NETWORKS)
def network(request):
    return NETWORKS[request.param]()


def a_population(network, generator, members=3):
    """Rows away from their start, where terms that vanish there would go unnoticed, and features of some events, in float64."""
    rows = network.initial(members, generator).double()
    rows += 0.05 * torch.randn(rows.shape, generator=generator, dtype=torch.float64)
    features = 23 if isinstance(network, DeepSets) and network.event_features else 20
    return rows, torch.randn(members, 11, features, generator=generator, dtype=torch.float64)


def test_matrices_are_separate_parts_of_a_row_and_end_with_the_last_layer(network):
    places = [range(matrix.start, matrix.start + matrix.outputs * matrix.inputs) for matrix in network.matrices]
    assert places and all(place.stop <= other.start for place, other in pairwise(places))
    assert any(place.start == network.last_layer.start for place in places)
    rows = torch.arange(2.0 * network.parameters).view(2, -1)
    for matrix, place in zip(network.matrices, places, strict=True):
        assert matrix.of(rows).flatten(1).equal(rows[:, place.start : place.stop])


def test_gradient_equals_central_differences(network, generator):
    rows, x = a_population(network, generator)
    outputs, tape = network.forward(rows, x)
    assert outputs.shape == (3, 11, 2) and rows.shape == (3, network.parameters)
    torch.testing.assert_close(outputs, network(rows, x))
    direction = torch.randn(3, 11, 2, generator=generator, dtype=torch.float64)
    gradient = network.backward(tape, direction)
    for _ in range(5):
        step = 1e-6 * torch.randn(rows.shape, generator=generator, dtype=torch.float64)
        change = (network(rows + step, x) - network(rows - step, x)).mul(direction).sum() / 2.0
        torch.testing.assert_close((gradient * step).sum(), change, rtol=1e-6, atol=1e-12)


def test_a_member_is_the_same_network_alone_and_members_differ(network, generator):
    rows, x = a_population(network, generator)
    x = x[:1].expand(3, -1, -1)
    together = network(rows, x)
    for member in range(3):
        torch.testing.assert_close(together[member], network(rows[member : member + 1], x[:1])[0])
    assert not torch.allclose(together[0], together[1])


def test_the_last_layer_is_the_one_the_outputs_are_linear_in(network, generator):
    rows, x = a_population(network, generator)
    part = network.last_layer
    without, doubled = rows.clone(), rows.clone()
    without[:, part] = 0.0
    doubled[:, part] *= 2.0
    assert network(without, x).abs().max() == 0.0
    torch.testing.assert_close(network(doubled, x), 2.0 * network(rows, x))


def test_the_generator_alone_decides_the_first_weights(network):
    first, again = (network.initial(2, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again) and not torch.equal(first[0], first[1])
    assert not torch.equal(first, network.initial(2, torch.Generator().manual_seed(4)))


def by_autograd(network, rows, x):
    """The same network written as modules would be, for automatic differentiation."""
    if isinstance(network, PopulationMLP):
        return network(rows, x)
    if isinstance(network, DeepSets):
        *embeddings, own = rows.split(network.sizes, dim=1)
        sums, first = [], 0
        for embedding, part, count in zip(network.embeddings, embeddings, network.counts, strict=True):
            sums.append(sum(embedding(part, x[..., 4 * i : 4 * i + 4]) for i in range(first, first + count)))
            first += count
        return network.head(own, torch.cat([*sums, x[..., 20:]], dim=2))
    if isinstance(network, PopulationKAN):
        grid = torch.linspace(-REACH, REACH, GRID, dtype=x.dtype)
        spacing = grid[1] - grid[0]
        for weight, bias in network.layers(rows):
            basis = [network.activation(x), *(torch.exp(-(((x - point) / spacing) ** 2)) for point in grid)]
            x = torch.einsum("mej,moj->meo", torch.cat(basis, dim=2), weight) + bias[:, None]
        return x
    coefficients, layers = network.parts(rows)
    for number, (weight, bias) in enumerate(layers):
        x = torch.einsum("mej,moj->meo", x, weight) + bias[:, None]
        if number < len(coefficients):
            a = coefficients[number].repeat_interleave(x.shape[2] // coefficients[number].shape[1], dim=1).unsqueeze(1)
            u = x / UNIT
            above = sum(a[..., k] * u**k for k in range(ABOVE))
            x = above / (1.0 + sum(a[..., ABOVE - 1 + k] * u**k for k in range(1, 5)).abs())
    return x


@pytest.mark.parametrize("name", ["mlp", "deepsets", "deepsets_invariants", "kan", "group_kan"])
def test_written_out_gradient_equals_autograd(name, generator):
    network = NETWORKS[name]()
    rows, x = a_population(network, generator)
    direction = torch.randn(3, 11, 2, generator=generator, dtype=torch.float64)
    outputs, tape = network.forward(rows, x)
    leaf = rows.clone().requires_grad_()
    expected = by_autograd(network, leaf, x)
    expected.mul(direction).sum().backward()
    torch.testing.assert_close(outputs, expected.detach(), rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(network.backward(tape, direction), leaf.grad, rtol=1e-10, atol=1e-11)


def test_gradient_by_the_inputs_equals_autograd(generator):
    network = PopulationMLP(5, (7, 4), 2)
    rows = network.initial(3, generator).double()
    x = torch.randn(3, 11, 5, generator=generator, dtype=torch.float64).requires_grad_()
    direction = torch.randn(3, 11, 2, generator=generator, dtype=torch.float64)
    network(rows, x).mul(direction).sum().backward()
    _, tape = network.forward(rows, x.detach())
    gradient, slope = network.backward_to_inputs(tape, direction)
    torch.testing.assert_close(slope, x.grad, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(gradient, network.backward(tape, direction), rtol=0, atol=0)


def events(generator, number=11):
    """Five massless momenta with energies of some hundred GeV; no conservation is needed for a symmetry."""
    momenta = 200.0 * torch.randn(number, 5, 3, generator=generator, dtype=torch.float64)
    return torch.cat([momenta.norm(dim=-1, keepdim=True), momenta], dim=-1)


@pytest.mark.parametrize("exchange", [(1, 0, 2, 3, 4), (0, 1, 3, 2, 4), (1, 0, 3, 2, 4)])
@pytest.mark.parametrize("name", ["deepsets", "deepsets_invariants", "lgatr_slim", "lgatr_full"])
def test_exchanging_identical_particles_changes_nothing(name, exchange, generator):
    network = NETWORKS[name]()
    rows, x = a_population(network, generator)
    particles = x[..., :20].unflatten(2, (5, 4))
    exchanged = torch.cat([particles[:, :, list(exchange)].flatten(2), x[..., 20:]], dim=2)
    torch.testing.assert_close(network(rows, exchanged), network(rows, x), rtol=1e-8, atol=1e-12)
    others = torch.cat([particles[:, :, [2, 1, 0, 3, 4]].flatten(2), x[..., 20:]], dim=2)
    assert (network(rows, others) - network(rows, x)).abs().max() > 1e-4


def test_scaling_exchanges_the_features_of_exchanged_particles(generator):
    momenta = events(generator).numpy() * np.array([1.0, 3.0, 2.0, 0.5, 1.0])[:, None]
    scaling = Scaling.fit(momenta, np.exp(momenta[:, 0, 1] / 100), "momenta")
    exchanged = scaling.features(momenta[:, [1, 0, 3, 2, 4]]).reshape(-1, 5, 4)
    np.testing.assert_array_equal(exchanged[:, [1, 0, 3, 2, 4]], scaling.features(momenta).reshape(-1, 5, 4))
    both = Scaling.fit(momenta, np.exp(momenta[:, 0, 1] / 100), "momenta_invariants").features(momenta)
    np.testing.assert_array_equal(both[:, :20], scaling.features(momenta))
    np.testing.assert_allclose(both[:, 20:].std(0), 1.0, rtol=1e-5)


def lorentz(generator):
    """A random Lorentz transformation Λ = exp(ω): symmetric ω between time and space boosts, antisymmetric ω between axes rotates."""
    boost, angle = (torch.randn(3, generator=generator, dtype=torch.float64) for _ in range(2))
    omega = torch.zeros(4, 4, dtype=torch.float64)
    omega[0, 1:] = omega[1:, 0] = boost
    for (first, second), own in zip(((1, 2), (2, 3), (3, 1)), angle, strict=True):
        omega[first, second], omega[second, first] = own, -own
    return torch.linalg.matrix_exp(omega)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["lgatr_slim", "lgatr_full"])
def test_lgatr_is_invariant_under_boosts_and_rotations(name, seed, generator):
    network = NETWORKS[name]()
    rows, _ = a_population(network, generator)
    transformation = lorentz(torch.Generator().manual_seed(seed))
    metric = torch.diag(torch.tensor([1.0, -1.0, -1.0, -1.0], dtype=torch.float64))
    torch.testing.assert_close(transformation.T @ metric @ transformation, metric)
    momenta = events(generator) / 200.0
    here, there = (network(rows, p.flatten(1).expand(3, -1, -1)) for p in (momenta, momenta @ transformation.T))
    torch.testing.assert_close(there, here, rtol=1e-8, atol=1e-10)
    stretched = network(rows, (1.1 * momenta).flatten(1).expand(3, -1, -1))
    assert (stretched - here).abs().max() > 1e-4


def test_four_vectors_keep_their_mass(generator):
    momenta = events(generator).numpy()
    scaled = Scaling.fit(momenta, np.exp(momenta[:, 0, 1] / 100), "four_vectors").features(momenta).reshape(-1, 5, 4)
    np.testing.assert_allclose(scaled[..., 0] ** 2, (scaled[..., 1:] ** 2).sum(-1), rtol=1e-5)
    np.testing.assert_allclose(scaled * momenta.std(), momenta, rtol=1e-6)


@pytest.mark.parametrize(("activation", "error"), [("silu", 1e-4), ("tanh", 1e-4), ("gelu", 5e-3), ("relu", 0.1)])
def test_learned_activations_start_at_an_ordinary_one(activation, error):
    z = torch.linspace(-5.0, 5.0, 301, dtype=torch.float64)
    coefficients = torch.tensor(fitted(activation), dtype=torch.float64)[None, None]
    start = rational(coefficients, z[None, :, None]).value.flatten()
    torch.testing.assert_close(start, ACTIVATIONS[activation][0](z), rtol=0, atol=error)


def test_a_group_kan_starts_as_the_perceptron_with_the_same_weights(generator):
    network, x = GroupKAN(20, (8, 6), 2, activation="silu"), torch.randn(1, 11, 20, generator=generator)
    rows = network.initial(1, generator)
    torch.testing.assert_close(network(rows, x), network.linear(rows[:, sum(network.sizes) :], x), rtol=1e-3, atol=1e-3)
    assert network.parameters - network.linear.parameters == 10 * (8 + 6)


def test_fresh_networks_keep_order_one_signals(generator):
    x = torch.randn(4, 1000, 20, generator=generator)
    for network in (PopulationKAN(20, (42,) * 3, 2), GroupKAN(20, (128,) * 3, 2), DeepSets(TYPES, 0, (128, 128, 64), (128,) * 3, 2)):
        assert 0.1 < network(network.initial(4, generator), x).std() < 2.0
