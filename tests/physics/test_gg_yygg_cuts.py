"""gg → γγgg from its cuts, part by part, at the first shipped point: numbers do not depend on gauge, phases or directions."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from workbench.physics.amplitudes.gg_yygg import amplitude, boxes, cuts, rational, shipped, three_mass, triangles
from workbench.physics.amplitudes.gg_yygg.bubbles import CHANNELS, Bubbles
from workbench.physics.amplitudes.gg_yygg.legs import Gauge, Legs, balanced, channel, constant, union
from workbench.physics.amplitudes.gg_yygg.loop_functions import LoopFunctions, dilogarithm
from workbench.physics.amplitudes.gg_yygg.scalar import ScalarTrees
from workbench.physics.amplitudes.gg_yygg.vector import dot2, outer, turned, u


@pytest.fixture(scope="module")
def legs() -> Legs:
    return Legs(balanced(shipped().momenta[:1]))


def corners(text: str) -> cuts.Corners:
    """Sets of legs, written from 1 and parted by strokes."""
    return tuple(tuple(int(letter) - 1 for letter in word) for word in text.split("|"))


def size(coefficients: dict[int, np.ndarray]) -> float:
    return float(np.sqrt(sum((np.abs(value) ** 2).sum() for value in coefficients.values())))


def three_classes(two: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
    return {**two, 2: -sum(two.values())}


def placed(legs: Legs, found: list[tuple[dict[int, int], dict[int, np.ndarray]]]) -> dict[int, np.ndarray]:
    """Coefficients for different helicities in one array of two classes."""
    total = np.zeros((2, *amplitude.HELICITIES, legs.points), dtype=complex)
    for helicities, coefficients in found:
        for number, coefficient in coefficients.items():
            amplitude.place(total[number], helicities, coefficient)
    return three_classes(dict(enumerate(total)))


@pytest.mark.parametrize(("pair", "s"), [("12", 1e6), ("13", -34343.18090423), ("34", 197347.82666829), ("56", 18536.60795733)])
def test_invariants_come_from_spinors(legs, pair, s):
    (pair,) = corners(pair)
    assert legs.square(pair).item() == pytest.approx(s, rel=1e-11)
    assert legs.square(pair).item() == pytest.approx(dot2(legs.momentum(pair), legs.momentum(pair)).item().real / 2, rel=1e-9)


def test_polarisations_are_transverse_and_normalised(legs):
    for leg in range(1, 6):
        eps = legs.gauge.current((leg,))
        plus, minus = (np.take(eps, [h], axis=2 + leg) for h in (0, 1))
        assert dot2(plus, minus).item() / 2 == pytest.approx(-1)
        assert abs(dot2(plus, plus).item()) < 1e-12 and np.abs(dot2(eps, legs.momentum((leg,)))).max() < 1e-9


@pytest.mark.parametrize("string", [(0, 1), (0, 4, 1), (5, 0, 1, 4)])
def test_currents_are_conserved_and_reverse_with_a_sign(legs, string):
    current = legs.gauge.current(string)
    assert np.abs(dot2(current, legs.momentum(union(string)))).max() < 1e-12 * 1000 * np.abs(current).max()
    sign = (-1) ** (len(string) - 1)
    np.testing.assert_allclose(legs.gauge.current(string[::-1]), sign * current, rtol=1e-10, atol=1e-13 * np.abs(current).max())


def test_colour_factors_are_those_of_su3():
    """Σ_colours (tr_c + tr_reversed)(tr_c' + tr_reversed)* with T = λ/2 is 23/3 for the same class, −4/3 for another: 9 δ − 4/3."""
    generators = np.zeros((8, 3, 3), dtype=complex)
    for number, (i, j) in enumerate([(0, 1), (0, 2), (1, 2)]):
        generators[2 * number, i, j] = generators[2 * number, j, i] = 0.5
        generators[2 * number + 1, i, j], generators[2 * number + 1, j, i] = -0.5j, 0.5j
    generators[6], generators[7] = np.diag([0.5, -0.5, 0]), np.diag([1, 1, -2]) / (2 * np.sqrt(3))
    trace = np.einsum("aij,bjk,ckl,dli->abcd", *[generators] * 4)

    def ordered(order):
        """The trace with its matrices in this order, its axes for the gluons 1, 2, 5, 6."""
        return trace.transpose([order.index(leg) for leg in (0, 1, 4, 5)])

    both = [ordered(order) + ordered(order[::-1]) for order in cuts.CLASSES]
    colours = np.array([[np.vdot(second, first).real for second in both] for first in both])
    np.testing.assert_allclose(colours, 9 * np.eye(3) - 4 / 3, atol=1e-12)


def test_every_order_of_four_gluons_is_of_one_class_with_its_reflection():
    found = [cuts.colour_class(order) for order in permutations((0, 1, 4, 5))]
    assert sorted(found) == [0] * 8 + [1] * 8 + [2] * 8
    assert all(cuts.colour_class(order) == cuts.colour_class(order[::-1]) for order in permutations((0, 1, 4, 5)))


def test_there_are_so_many_cuts():
    masses = [tuple(len(corner) > 1 for corner in box) for box in cuts.boxes()]
    assert len(set(cuts.boxes())) == 195 and sum(sum(mass) == 1 for mass in masses) == 60
    powers = [triangles.total_power(triangle) for triangle in triangles.all_triangles()]
    assert (len(set(triangles.all_triangles())), powers.count(2), powers.count(1)) == (90, 36, 54)
    assert len(cuts.triangles(2, 2, 2)) == 15 and len(rational.all_boxes()) == 21 and len(set(CHANNELS)) == 25


def test_dilogarithm_in_both_precisions():
    mpmath = pytest.importorskip("mpmath")
    x = np.array([-40.0, -1.5, -1.0, -0.3, 0.0, 0.2, 0.5, 0.75, 0.99])
    with mpmath.workdps(25):
        known = [mpmath.polylog(2, mpmath.mpf(float(value))).real for value in x]
        np.testing.assert_allclose(dilogarithm(x), [float(value) for value in known], rtol=1e-14, atol=1e-15)
        longer = np.array([np.longdouble(str(value)) for value in known])
    precise = np.finfo(np.longdouble).eps
    np.testing.assert_array_less(np.abs(dilogarithm(x.astype(np.longdouble)) - longer), 40 * precise * (1 + np.abs(longer)))


# corners, norm of the coefficient, box function
BOXES = [
    ("1|3|2|456", 9.679253195828e05, -9.692988596946449e-10 - 2.744712017651823e-09j),
    ("1|345|2|6", 1.323288414850e04, 1.8157526727655077e-09 - 3.057631507101693e-08j),
    ("1|3|256|4", 4.669076827606e07, -4.079905486822117e-10),
    ("1|34|2|56", 4.547080790567e07, -1.4844358781655392e-10 - 7.391675228551725e-11j),
    ("1|23|4|56", 2.258975806878e09, -1.2234365158100863e-12 - 6.7100016523520756e-12j),
    ("3|12|4|56", 8.385197524205e07, 1.708703293977558e-11),
    ("1|2|34|56", 3.814579273361e09, -1.3203294718358027e-11 - 1.9559689464306034e-12j),
    ("1|4|23|56", 9.653833749609e07, -2.231405149380017e-11 + 1.8629663708063292e-12j),
    ("3|4|12|56", 1.191819090729e06, -4.039609426959898e-12),
]


@pytest.mark.parametrize(("box", "coefficient", "function"), BOXES, ids=[box for box, _, _ in BOXES])
def test_boxes(legs, box, coefficient, function):
    x = constant((0.2 + 1j, 1.1), legs.lam[0])
    for gauge in (None, Gauge(legs, x, x.conj())):
        found = boxes.coefficient(legs, corners(box), gauge)
        assert np.sqrt(sum(size(values) ** 2 for _, values in found)) == pytest.approx(coefficient, rel=1e-9)
    assert LoopFunctions(legs).box(corners(box)).item() == pytest.approx(function, rel=1e-9)


@pytest.mark.parametrize(
    ("triangle", "coefficient", "function"),
    [
        ("12|34|56", 7732.849178880, 1.081524224723e-05),
        ("14|23|56", 739.6838577038, -1.533363604689e-05 - 9.982076276062e-06j),
        ("16|23|45", 18091.65999379, -3.591957995837e-06 - 1.165232723056e-05j),
    ],
)
def test_three_mass_triangles(legs, triangle, coefficient, function):
    assert size(three_mass.coefficient(legs, corners(triangle))) == pytest.approx(coefficient, rel=1e-9)
    assert LoopFunctions(legs).three_mass(corners(triangle)).item() == pytest.approx(function, rel=1e-9)


@pytest.mark.parametrize("corner", ["34", "13", "12", "125", "123", "134", "1253", "1234", "1256"])
def test_photons_in_all_orders_lower_the_power_of_scalar_trees(legs, corner):
    """The terms that are dropped cancel, in any gauge, and the one behind them does not."""
    (corner,) = corners(corner)
    x = constant((0.9 - 0.2j, 0.4 + 0.7j), legs.lam[0])
    direction = outer(x, turned(u(x, legs.momentum(corner))))
    tree = ScalarTrees(legs.gauge, corner, direction / 1000, -legs.momentum(corner) / 2, absent=False)
    for order in permutations(cuts.gluons(corner)):
        terms = tree.all_terms(order).s
        dropped = [np.abs(term).max() for term in terms[: tree.first]]
        own = tree.tree(order).s
        assert own[: tree.first] == [None] * tree.first
        np.testing.assert_array_equal(own[tree.first], terms[tree.first])
        assert max(dropped, default=0.0) < 1e-8 * np.abs(terms[tree.first]).max()


BUBBLES = {
    "12": 0.01279175894908, "13": 0.01408546963526, "14": 0.1478038783731, "15": 0.03657440664946, "23": 0.01551083907486,
    "56": 0.0006967941791599, "123": 0.01075823243202, "126": 0.01614592681349, "134": 0.07591594870686, "34": 0.07334419214479,
}  # fmt: skip


@pytest.mark.parametrize("spinor", [(0.9 - 0.2j, 0.4 + 0.7j), (0.3 + 0.1j, 1 - 0.5j)])
def test_bubbles_do_not_depend_on_the_direction_and_sum_to_zero(legs, spinor):
    unit = np.eye(len(CHANNELS), dtype=complex).reshape(len(CHANNELS), len(CHANNELS), *(1,) * 7)
    weights = dict(zip(CHANNELS, unit, strict=True))
    found, rest = amplitude.weighted_bubbles(legs, Bubbles.of(legs, spinor), weights)
    by_channel = {one: three_classes(dict(enumerate(values))) for one, values in zip(CHANNELS, found, strict=True)}
    for text, known in BUBBLES.items():
        assert size(by_channel[channel(corners(text)[0])]) == pytest.approx(known, rel=1e-9)
    assert np.abs(found.sum(axis=0)).max() < 1e-12 * np.abs(found).max()
    assert size(three_classes(dict(enumerate(rest)))) == pytest.approx(0.02058811663884, rel=1e-10)


@pytest.mark.parametrize(("box", "known"), [("1|3|256|4", 0.01797023799795), ("3|4|12|56", 0.02180203058029)])
def test_boxes_with_a_mass_in_the_loop(legs, box, known):
    assert size(three_classes(rational.coefficient(legs, corners(box)))) == pytest.approx(known, rel=1e-10)


@pytest.mark.parametrize(
    ("triangle", "known"),
    [
        ("1|34|256", 0.1060267755679),
        ("1|4|2356", 0.09761985884180),
        ("3|12|456", 0.008833135236274),
        ("12|34|56", 0.008569684348388),
        ("4|13|256", 0.02197102529912),
        ("3|4|1256", 0.04959550407875),
    ],
)
def test_triangles_with_a_mass_in_the_loop(legs, triangle, known):
    found = [(part.helicities, part.c2) for part in triangles.parts(legs, corners(triangle))]
    assert size(placed(legs, found)) == pytest.approx(known, rel=1e-10)


def test_amplitudes_by_class():
    found = amplitude.amplitudes(shipped().momenta[:1])
    assert amplitude.norm(found.amplitudes).item() == pytest.approx(0.04452654370563, rel=1e-10)
    np.testing.assert_allclose(
        [amplitude.norm(one[None]).item() for one in found.amplitudes], [0.0171822601665, 0.0295002051551, 0.0285853271059]
    )
    assert found.squared.item() == pytest.approx(8.366782576414e-11, rel=1e-11) and found.error.item() < 1e-11
