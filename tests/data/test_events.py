"""Events are checked at birth, and survive the way to a dataset and back."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.data.events import Events
from workbench.data.noise import smear
from workbench.physics.phase_space import flat_events


@pytest.fixture
def events() -> Events:
    momenta = flat_events(40, np.random.default_rng(1))[:30]
    return Events(momenta, np.linspace(1e-9, 1e-3, 30))


def test_parts_of_events_are_events(events):
    assert len(events) == 30 and len(events[:7]) == 7
    np.testing.assert_array_equal(events[np.array([4, 2])].amplitude, events.amplitude[[4, 2]])
    np.testing.assert_array_equal(events[events.amplitude > 5e-4].momenta, events.momenta[events.amplitude > 5e-4])


def test_events_cannot_be_changed(events):
    with pytest.raises(ValueError, match="read-only"):
        events.amplitude[0] = 1
    with pytest.raises(AttributeError):
        events.amplitude = events.amplitude


def test_being_events_does_not_freeze_the_callers_arrays():
    momenta, amplitude = flat_events(20, np.random.default_rng(1))[:5], np.ones(5)
    Events(momenta, amplitude)
    momenta[0], amplitude[0] = 0, 2


def test_dataset_and_back(events):
    dataset = events.to_dataset(made="today")
    assert dataset.sizes == {"event": 30, "particle": 5, "component": 4}
    assert dataset.momenta.attrs["units"] == "GeV" and dataset.amplitude.attrs["units"] == "GeV^-2"
    assert list(dataset.particle.values) == ["g1", "g2", "y1", "y2", "g3"] and list(dataset.component.values) == ["E", "px", "py", "pz"]
    back = Events.from_dataset(dataset.transpose())
    np.testing.assert_array_equal(back.momenta, events.momenta)
    np.testing.assert_array_equal(back.amplitude, events.amplitude)
    with pytest.raises(ValueError, match="no variable 'amplitude'; it has momenta"):
        Events.from_dataset(dataset.drop_vars("amplitude"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda p, a: (p[:, :4], a), r"shape \(event, 5, 4\), not \(30, 4, 4\)"),
        (lambda p, a: (p.reshape(30, 20), a), r"shape \(event, 5, 4\), not \(30, 20\)"),
        (lambda p, a: (p, a[:, None]), r"30 events need amplitudes of the shape \(30,\), not \(30, 1\)"),
        (lambda p, a: (p, a - 5e-4), r"15 of 30 amplitudes are not positive and finite, the first of them A = -0.000499999 of event 0"),
        (lambda p, a: (p, np.where(a > 9e-4, np.nan, a)), r"3 of 30 amplitudes .* event 27"),
        (lambda p, a: (np.where(p > 400, np.inf, p), a), r"events have momenta that are not finite, the first of them event 0"),
    ],
)
def test_what_cannot_be_events_is_refused_in_a_sentence(change, sentence, events):
    with pytest.raises(ValueError, match=sentence):
        Events(*change(events.momenta.copy(), events.amplitude.copy()))


def test_noise_is_relative_gaussian_and_kept():
    amplitude = np.geomspace(1e-9, 1e-3, 100_000)
    noisy, epsilon = smear(amplitude, 0.1, np.random.default_rng(3))
    np.testing.assert_array_equal(noisy, amplitude * (1 + 0.1 * epsilon))
    assert abs(epsilon.mean()) < 0.015 and abs(epsilon.std() - 1) < 0.01
    np.testing.assert_array_equal(smear(amplitude, 0.0, np.random.default_rng(3))[0], amplitude)
    np.testing.assert_array_equal(smear(amplitude, 0.01, np.random.default_rng(3))[1], epsilon)


def test_noisy_amplitudes_stay_positive():
    assert smear(np.ones(10_000), 0.5, np.random.default_rng(3))[0].min() > 0


def test_weights_stay_with_their_events(events):
    weight = np.linspace(0.5, 2.5, 30)
    weighted = Events(events.momenta, events.amplitude, weight=weight)
    np.testing.assert_array_equal(weighted[3:9].weight, weight[3:9])
    np.testing.assert_array_equal(weighted[events.amplitude > 5e-4].weight, weight[events.amplitude > 5e-4])
    dataset = weighted.to_dataset()
    assert dataset["weight"].dims == ("event",) and dataset["weight"].attrs["units"] == "1"
    np.testing.assert_array_equal(Events.from_dataset(dataset).weight, weight)
    assert events.weight is None and "weight" not in events.to_dataset() and Events.from_dataset(events.to_dataset()).weight is None
    with pytest.raises(ValueError, match="read-only"):
        weighted.weight[0] = 1


@pytest.mark.parametrize(
    ("weight", "sentence"),
    [
        (np.ones((30, 1)), r"30 events need weights of the shape \(30,\), not \(30, 1\)"),
        (np.arange(30.0), "1 of 30 weights are not positive and finite, the first of them w = 0 of event 0; leave out events of weight 0"),
        (np.where(np.arange(30) > 26, -1.0, 1.0), "3 of 30 weights .* w = -1 of event 27; .* negative ones"),
        (np.full(30, np.inf), "30 of 30 weights .* w = inf of event 0"),
    ],
)
def test_weights_that_no_density_has_are_refused(weight, sentence, events):
    with pytest.raises(ValueError, match=sentence):
        Events(events.momenta, events.amplitude, weight=weight)
