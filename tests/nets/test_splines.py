"""Splines: monotonic, smooth where they promise it, exactly inverted, and with the gradient that autograd finds."""

from __future__ import annotations

import pytest
import torch

from workbench.nets.splines import CURVES, LEAST_BIN, SPLINES, CubicSpline, RationalQuadraticSpline

BOUND = 3.0


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(7)


ELEMENTWISE = [*((name, bins) for name in SPLINES for bins in (2, 3, 8, 40)), ("affine", 0)]


@pytest.fixture(params=ELEMENTWISE, ids=lambda p: f"{p[0]}-{p[1]}")
def spline(request):
    name, bins = request.param
    return CURVES[name](bins, BOUND)


@pytest.fixture(params=ELEMENTWISE[:-1], ids=lambda p: f"{p[0]}-{p[1]}")
def pieces(request):
    name, bins = request.param
    return SPLINES[name](bins, BOUND)


def parameters(spline, generator, size, shape, dtype=torch.float64):
    return size * torch.randn(spline.planes, *shape, generator=generator, dtype=dtype)


def points(generator, *shape):
    """Some inside, some outside."""
    return 2.5 * torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_parameters_that_are_zero_are_the_identity(spline, generator):
    x = points(generator, 4, 50)
    y, log_slope, _ = spline.forward(x, torch.zeros(spline.planes, 4, 50, dtype=torch.float64))
    torch.testing.assert_close(y, x)
    torch.testing.assert_close(log_slope, torch.zeros_like(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [0.3, 1.0, 4.0])
def test_log_slope_is_the_logarithm_of_the_derivative(spline, generator, size):
    x = points(generator, 5, 60).requires_grad_()
    y, log_slope, _ = spline.forward(x, parameters(spline, generator, size, x.shape))
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert (slope > 0).all()
    torch.testing.assert_close(log_slope.detach(), slope.log(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("size", [0.3, 1.0, 4.0])
def test_written_out_gradient_equals_autograd(spline, generator, size):
    x, planes = points(generator, 2, 3, 40), parameters(spline, generator, size, (2, 3, 40))
    dy, dlog = torch.randn(2, 2, 3, 40, generator=generator, dtype=torch.float64)
    _, _, tape = spline.forward(x, planes)
    dx, dplanes = spline.backward(tape, dy, dlog)
    x.requires_grad_(), planes.requires_grad_()
    y, log_slope, _ = spline.forward(x, planes)
    expected = torch.autograd.grad((y * dy + log_slope * dlog).sum(), (x, planes))
    torch.testing.assert_close(dx, expected[0], rtol=1e-9, atol=1e-9 * float(expected[0].abs().max()))
    torch.testing.assert_close(dplanes, expected[1], rtol=1e-9, atol=1e-9 * float(expected[1].abs().max()))


@pytest.mark.parametrize("size", [0.3, 1.0, 4.0])
@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_inverse_undoes_forward_as_far_as_the_digits_reach(spline, generator, size, dtype, error):
    """An error ε in y is ε/slope in x, and the other way round; beyond that nothing is lost, however wild the spline."""
    x, planes = points(generator, 5, 400).to(dtype), parameters(spline, generator, size, (5, 400)).to(dtype)
    y, log_slope, _ = spline.forward(x, planes)
    back = (spline.inverse(y, planes) - x).abs() / (1.0 + torch.exp(-log_slope))
    again, log_slope, _ = spline.forward(spline.inverse(x, planes), planes)
    forth = (again - x).abs() / (1.0 + torch.exp(log_slope))
    assert back.max() < error and forth.max() < error


@pytest.mark.parametrize("name", SPLINES)
@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-4), (torch.float64, 1e-8)])
def test_round_trip_of_order_one_parameters(name, generator, dtype, error):
    spline = SPLINES[name](8, BOUND)
    x, planes = points(generator, 50, 400).to(dtype), parameters(spline, generator, 0.5, (50, 400)).to(dtype)
    assert (spline.inverse(spline.forward(x, planes)[0], planes) - x).abs().max() < error


def one_spline(spline, generator, size, count):
    """A single spline on a fine grid from −1.2 to 1.2 of the interval."""
    x = torch.linspace(-1.2 * BOUND, 1.2 * BOUND, count, dtype=torch.float64)
    return x, parameters(spline, generator, size, (1,)).expand(-1, count)


@pytest.mark.parametrize("size", [1.0, 4.0])
def test_monotonic_and_continuous_and_nothing_happens_outside(pieces, generator, size):
    x, planes = one_spline(pieces, generator, size, 20_001)
    y, log_slope, _ = pieces.forward(x, planes)
    rise = y.diff()
    assert (rise > 0).all()
    steepest = torch.exp(log_slope).max() * (1.0 + 1e-3)
    assert rise.max() <= max(1.0, 1.5 * steepest) * (x[1] - x[0])
    outside = x.abs() > BOUND
    assert torch.equal(y[outside], x[outside]) and not log_slope[outside].any()
    ends = pieces.forward(torch.tensor([-BOUND, BOUND], dtype=torch.float64), planes[:, :2])[0]
    torch.testing.assert_close(ends, torch.tensor([-BOUND, BOUND], dtype=torch.float64))


def test_bins_are_where_the_softmax_puts_them_and_the_slope_is_continuous(pieces, generator):
    planes = parameters(pieces, generator, 0.5, (1,))
    sizes = torch.softmax(planes[: 2 * pieces.bins].view(2, pieces.bins), 1) * (1 - pieces.bins * LEAST_BIN) + LEAST_BIN
    corners = 2.0 * BOUND * sizes.cumsum(1) - BOUND
    inner = corners[0, :-1]
    below, above = (pieces.forward(inner + side, planes.expand(-1, len(inner)))[:2] for side in (-1e-9 * torch.ones_like(inner), 1e-9))
    torch.testing.assert_close(below[0], corners[1, :-1], rtol=0, atol=1e-6)
    torch.testing.assert_close(below[1], above[1], rtol=0, atol=1e-5)
    if isinstance(pieces, CubicSpline):
        slope = sizes[1] / sizes[0]
        mean = (slope[:-1] * sizes[0, 1:] + slope[1:] * sizes[0, :-1]) / (sizes[0, 1:] + sizes[0, :-1])
        steffen = torch.minimum(mean, 2.0 * torch.minimum(slope[:-1], slope[1:]))
        torch.testing.assert_close(below[1].exp(), steffen, rtol=1e-5, atol=0)
    else:
        level = torch.nn.functional.softplus(planes[2 * pieces.bins :, 0] + pieces.level)
        torch.testing.assert_close(below[1].exp(), level + 1e-3, rtol=1e-5, atol=0)


def test_end_slopes_of_the_cubic_spline_lie_between_zero_and_three_times_the_mean_slope(generator):
    spline = CubicSpline(5, BOUND)
    planes = torch.zeros(spline.planes, 2, dtype=torch.float64)
    for parameter, factor in ((-30.0, 3e-3), (0.0, 1.0), (30.0, 3.0)):
        planes[-2:] = parameter
        slope = spline.forward(torch.tensor([-BOUND, BOUND], dtype=torch.float64), planes)[1].exp()
        torch.testing.assert_close(slope, torch.full_like(slope, factor), rtol=1e-6, atol=0)


def test_the_rational_quadratic_spline_joins_its_surroundings_smoothly(generator):
    spline = RationalQuadraticSpline(6, BOUND)
    _, log_slope, _ = spline.forward(torch.tensor([-BOUND, BOUND], dtype=torch.float64), parameters(spline, generator, 1.0, (2,)))
    torch.testing.assert_close(log_slope, torch.zeros_like(log_slope), rtol=0, atol=1e-9)


def test_extreme_parameters_stay_finite_in_single_precision(spline, generator):
    x, planes = points(generator, 20, 500).float(), parameters(spline, generator, 30.0, (20, 500)).float()
    y, log_slope, tape = spline.forward(x, planes)
    gradients = spline.backward(tape, torch.ones_like(x), torch.ones_like(x))
    assert all(torch.isfinite(each).all() for each in (y, log_slope, spline.inverse(x, planes), *gradients))


def test_too_few_bins_are_refused_with_a_sentence():
    with pytest.raises(ValueError, match="needs 2 to"):
        CubicSpline(1)
