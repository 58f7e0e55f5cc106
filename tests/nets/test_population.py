from __future__ import annotations

import pytest
import torch

from workbench.nets.population import ACTIVATIONS, PopulationMLP


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(7)


def a_population(generator, activation="gelu", members=3):
    network = PopulationMLP(5, (7, 4), 2, activation=activation)
    return network, network.initial(members, generator).double()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_written_out_gradient_equals_autograd(activation, generator):
    network, rows = a_population(generator, activation)
    x = torch.randn(3, 11, 5, generator=generator, dtype=torch.float64)
    direction = torch.randn(3, 11, 2, generator=generator, dtype=torch.float64)
    _, tape = network.forward(rows, x)
    rows_again = rows.clone().requires_grad_()
    network(rows_again, x).mul(direction).sum().backward()
    torch.testing.assert_close(network.backward(tape, direction), rows_again.grad, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_equals_finite_differences(activation, generator):
    network, rows = a_population(generator, activation, members=1)
    x = torch.randn(1, 11, 5, generator=generator, dtype=torch.float64)
    direction = torch.randn(1, 11, 2, generator=generator, dtype=torch.float64)
    _, tape = network.forward(rows, x)
    step = 1e-6 * torch.randn(rows.shape, generator=generator, dtype=torch.float64)
    change = (network(rows + step, x) - network(rows - step, x)).mul(direction).sum() / 2.0
    torch.testing.assert_close((network.backward(tape, direction) * step).sum(), change, rtol=1e-6, atol=1e-14)


def test_a_member_of_a_population_is_the_same_network_alone(generator):
    network, rows = a_population(generator)
    x = torch.randn(11, 5, generator=generator, dtype=torch.float64)
    together = network(rows, x.expand(3, 11, 5))
    for member in range(3):
        torch.testing.assert_close(together[member], network(rows[member : member + 1], x.unsqueeze(0))[0])


def test_a_population_member_is_a_torch_network_with_the_same_weights(generator):
    network, rows = a_population(generator, "silu", members=1)
    layers = []
    for weight, bias in network.layers(rows):
        linear = torch.nn.Linear(weight.shape[2], weight.shape[1], dtype=torch.float64)
        linear.weight.data, linear.bias.data = weight[0], bias[0]
        layers += [linear, torch.nn.SiLU()]
    x = torch.randn(11, 5, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(network(rows, x.unsqueeze(0))[0], torch.nn.Sequential(*layers[:-1])(x))


def test_parameters_are_counted_as_in_the_talk():
    assert PopulationMLP(20, (128,) * 5, 1).parameters == 68_865


def test_fresh_networks_keep_order_one_signals(generator):
    network = PopulationMLP(20, (128, 128, 128), 2, activation="silu")
    x = torch.randn(4, 1000, 20, generator=generator)
    assert 0.1 < network(network.initial(4, generator), x).std() < 2.0


def test_a_wider_first_layer_is_the_same_network_of_scaled_features(generator):
    """x → 3x and biases → 3b: nothing else of a fresh network changes, and so nothing where the factor is one."""
    plain, wide = (PopulationMLP(5, (7, 4), 2, first_width=width).initial(2, torch.Generator().manual_seed(3)) for width in (1.0, 3.0))
    first = slice(0, 5 * 7 + 7)
    torch.testing.assert_close(wide[:, first], 3 * plain[:, first])
    torch.testing.assert_close(wide[:, first.stop :], plain[:, first.stop :], rtol=0, atol=0)
