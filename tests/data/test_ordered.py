"""Inputs that know the symmetry of a process, targets without its poles, samples with more points where it is large."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from workbench.data.catalogue import check_own_file, events_for, make_dataset
from workbench.data.events import Events
from workbench.data.files import FileNote
from workbench.data.mixture import unweighted
from workbench.data.saving import save
from workbench.data.scaling import Scaling, raw_features, soft_factor
from workbench.families.amplitudes.job import Job
from workbench.families.amplitudes.recipe import AmplitudeRecipe, SweepRecipe
from workbench.physics.amplitudes import EXCHANGES, PARTICLES, PROCESSES, RADIATED, TYPES, squared_amplitude
from workbench.physics.kinematics import dot, ordered

EVENTS = 200


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(params=PROCESSES)
def process(request) -> str:
    return request.param


@pytest.fixture
def momenta(process) -> np.ndarray:
    return make_dataset(process, EVENTS, cache=False)["momenta"].values


def images(process: str, momenta: np.ndarray) -> list[np.ndarray]:
    """The events after every exchange of identical legs, and reflected at a plane through the beams."""
    found = []
    for a, b, _ in EXCHANGES[process]:
        legs = np.arange(momenta.shape[1])
        legs[[a, b]] = b, a
        found.append(momenta[:, legs])
    return [*found, momenta * np.array([1.0, 1.0, -1.0, 1.0])]


def test_the_declared_symmetry_is_that_of_the_amplitude(process, momenta):
    exact = squared_amplitude(process, momenta)
    for image in images(process, momenta):
        np.testing.assert_allclose(squared_amplitude(process, image), exact, rtol=1e-4 if process == "gg_yygg" else 1e-9)


def test_all_identical_particles_are_declared(process):
    types = TYPES[process]
    pairs = {(a, b) for b in range(len(types)) for a in range(b) if types[a] == types[b]}
    assert {(a, b) for a, b, _ in EXCHANGES[process]} == pairs
    assert all(PARTICLES[process][leg][0] == "g" and leg > 1 for leg in RADIATED[process])


def test_ordered_inputs_are_exactly_symmetric(process, momenta):
    """Bit for bit: what a network sees of an event is what it sees of its images."""
    seen = raw_features(momenta, "ordered", process)
    for image in images(process, momenta):
        np.testing.assert_array_equal(raw_features(image, "ordered", process), seen)
    legs = np.arange(momenta.shape[1])
    legs[[1, 2]] = 2, 1  # a gluon and a photon are not identical
    assert not np.allclose(raw_features(momenta[:, legs], "ordered", process), seen)


def test_ordered_momenta_are_in_order_whatever_the_order_of_the_rules(process, momenta):
    one, other = ordered(momenta, EXCHANGES[process]), ordered(momenta, EXCHANGES[process][::-1])
    np.testing.assert_array_equal(one, other)
    for a, b, others in EXCHANGES[process]:
        first, second = (sum(dot(one[:, leg], one[:, c]) for c in others) for leg in (a, b))
        assert (first <= second * (1 + 1e-12)).all()
    half = np.mean([(one == momenta).all(axis=(1, 2)).mean()])
    assert half < 2.0 ** -len(EXCHANGES[process]) + 0.1


def test_ordered_inputs_have_no_scale(process, momenta):
    """Other energies of the same event differ in ln p₁·p₂ alone."""
    low, high = raw_features(momenta, "ordered", process), raw_features(3 * momenta, "ordered", process)
    np.testing.assert_allclose(high[:, 1:], low[:, 1:], atol=1e-9)
    np.testing.assert_allclose(high[:, 0], low[:, 0] + np.log(9), atol=1e-9)


def test_a_target_without_poles_is_narrower_and_comes_back_whole(process, momenta):
    amplitude = squared_amplitude(process, momenta)
    plain, soft = (Scaling.fit(momenta, amplitude, "ordered", process=process, target=target) for target in ("amplitude", "soft"))
    assert soft.log_width < 0.8 * plain.log_width
    y = soft.targets(momenta, amplitude).numpy()
    value, sigma = soft.amplitude(y, np.full_like(y, -20.0), soft.factor(momenta))
    np.testing.assert_allclose(value, amplitude, rtol=1e-5)
    np.testing.assert_allclose(sigma / value, soft.log_width * np.exp(-10.0), rtol=1e-3)
    assert Scaling.of(soft.about).factor(momenta) == pytest.approx(soft_factor(momenta, process)) and plain.factor(momenta) == 1.0


def test_scalings_of_former_checkpoints_are_read(momenta, process):
    about = Scaling.fit(momenta, squared_amplitude(process, momenta), "momenta", process=process).about
    former = Scaling.of({name: value for name, value in about.items() if name not in ("process", "target")})
    assert former.target == "amplitude" and former.factor(momenta) == 1.0


def test_own_files_are_put_in_order_only_where_their_symmetry_is_declared(tmp_path):
    path = tmp_path / "own.csv"
    save(path, Events.from_dataset(make_dataset(events=1_200, cache=False)))
    recipe = AmplitudeRecipe(file=str(path), events=600, test_events=200, inputs="ordered", steps=1, device="cpu")
    for asked in (recipe, SweepRecipe(**recipe.to_dict())):
        with pytest.raises(ValueError, match="nobody said of your own file; set symmetric = true") as problem:
            check_own_file(asked)
        assert str(problem.value).count(". ") == 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FileNote)
        assert Job(recipe.replace(symmetric=True)).training.batches["train"].features.shape == (600, 10)
        Job(recipe.replace(inputs="invariants"))
        Job(recipe.replace(architecture="deepsets"))  # which does not read `inputs`
        check_own_file(recipe.replace(inputs="invariants").fixed())
    with pytest.raises(ValueError, match="nobody said of your own file"):  # although it was looked at
        check_own_file(recipe.fixed())


def test_options_that_came_later_change_no_identity():
    assert AmplitudeRecipe().identity.keys().isdisjoint({"target", "symmetric", "opening", "loss"})
    assert AmplitudeRecipe().hash == "1f2cd8a5e79a"
    assert AmplitudeRecipe(symmetric=True).hash == AmplitudeRecipe().hash  # without a file it says nothing
    for changes in ({"target": "soft"}, {"opening": "fisher"}, {"sampling": "mixed"}, {"uncertainty": "deterministic", "loss": "mse"}):
        assert AmplitudeRecipe(**changes).hash != AmplitudeRecipe(uncertainty=changes.get("uncertainty", "bnn")).hash


def test_mixed_events_are_flat_ones_and_three_of_ten_unweighted():
    mixed, flat, tilted = (make_dataset(events=500, sampling=sampling) for sampling in ("mixed", "flat", "unweighted"))
    where = unweighted(500)
    assert where.sum() == 150 and where[:20].sum() == 6 and (where[:300] == unweighted(300)).all()
    np.testing.assert_array_equal(mixed["momenta"][where], tilted["momenta"][:150])
    np.testing.assert_array_equal(mixed["amplitude"][~where], flat["amplitude"][:350])
    np.testing.assert_array_equal(make_dataset(events=3, sampling="mixed")["amplitude"], mixed["amplitude"][:3])


def test_the_test_of_a_mixed_training_is_flat():
    flat, mixed = (events_for(AmplitudeRecipe(sampling=sampling, events=300, test_events=200)) for sampling in ("flat", "mixed"))
    for split in ("test", "validation"):
        np.testing.assert_array_equal(getattr(mixed, split).momenta, getattr(flat, split).momenta)
    where = unweighted(300)
    np.testing.assert_array_equal(mixed.train.momenta[~where], flat.train.momenta[: (~where).sum()])
    assert len(mixed.train) == 300 and np.median(mixed.train.amplitude[where]) > 3 * np.median(mixed.train.amplitude[~where])


def test_progress_of_mixed_events_goes_from_beginning_to_end():
    heard: list[float] = []
    events_for(AmplitudeRecipe(sampling="mixed", events=9_000, data_seed=7), lambda fraction, text: heard.append(fraction))
    assert heard == sorted(heard) and heard[-1] == 1.0 and any(0 < fraction < 0.5 for fraction in heard)
