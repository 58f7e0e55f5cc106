from __future__ import annotations

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from workbench.nets.bayesian import NoiseTable, kl


def test_kl_vanishes_when_the_posterior_is_the_prior():
    mean, width = torch.zeros(2, 50, dtype=torch.float64), torch.full((2, 50), 4.0, dtype=torch.float64)
    torch.testing.assert_close(kl(mean, width, 4.0), torch.zeros(2, dtype=torch.float64))


def test_kl_equals_the_closed_form_of_torch():
    generator = torch.Generator().manual_seed(3)
    mean = torch.randn(3, 40, generator=generator, dtype=torch.float64)
    width = torch.rand(3, 40, generator=generator, dtype=torch.float64) + 0.01
    expected = kl_divergence(Normal(mean, width), Normal(torch.zeros_like(mean), torch.full_like(mean, 4.0))).sum(-1)
    torch.testing.assert_close(kl(mean, width, 4.0), expected)


def test_a_draw_depends_on_seed_and_step_only():
    first, second = NoiseTable(100, 5, torch.device("cpu")), NoiseTable(100, 5, torch.device("cpu"))
    second.draw(3)
    torch.testing.assert_close(first.draw(17), second.draw(17), rtol=0, atol=0)
    assert not torch.equal(first.draw(17), first.draw(18))
    assert not torch.equal(first.draw(17), NoiseTable(100, 6, torch.device("cpu")).draw(17))


@pytest.mark.parametrize("weight", [0, 499, 999])
def test_the_noise_of_a_weight_is_standard_normal_and_new_in_every_step(weight):
    table = NoiseTable(1000, 1, torch.device("cpu"))
    draws = torch.stack([table.draw(step) for step in range(4000)])
    values = draws[:, weight]
    assert abs(values.mean()) < 5 / 4000**0.5
    assert abs(values.std() - 1.0) < 5 / 8000**0.5
    assert abs((values[1:] * values[:-1]).mean()) < 5 / 4000**0.5
    assert abs((draws[:, weight] * draws[:, (weight + 1) % 1000]).mean()) < 5 / 4000**0.5
