"""Features and back, with the Jacobian."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.data.features import STAGES, Features, columns, events, jet_condition, physical
from workbench.data.samples import Sample
from workbench.physics import boson
from workbench.physics.collisions import shipped
from workbench.physics.datasets.known import TOYS
from workbench.physics.kinematics import delta_r, phi, pt
from workbench.physics.observables import observables


def sample(name: str, jets: int = 0, count: int = 1_000) -> np.ndarray:
    if name in TOYS:
        return TOYS[name].sample(count, np.random.default_rng(8))
    found = Sample(shipped(name).momenta, name)
    return (found.with_jets(jets) if jets else found).points[:count]


CASES = [("wedge", 0), ("ring", 0), ("z_jets", 1), ("z_jets", 2), ("z_jets", 3), ("tt_partons", 0)]
FRAMES = [(*case, "particles") for case in CASES] + [("z_jets", jets, "boson") for jets in (1, 2, 3)]
DIMENSIONS = {0: 17, 1: 9, 2: 13, 3: 17}


@pytest.mark.parametrize(("name", "jets", "frame"), FRAMES)
def test_events_come_back_from_their_features(name, jets, frame):
    points = sample(name, jets)
    scaling = Features.fit(points, name, frame=frame)
    features = scaling.features(points)
    assert features.shape == (1_000, 2 if name in TOYS else DIMENSIONS[jets]) and len(scaling) == len(scaling.columns) == features.shape[1]
    azimuth = 0.0 if name in TOYS else phi(points[:, 0])
    back = scaling.points(features, azimuth)
    scale = 1 if name in TOYS else points[..., :1]
    np.testing.assert_allclose(back / scale, points / scale, atol=1e-10)
    np.testing.assert_allclose(scaling.features(back), features, atol=1e-10 if name in TOYS else 1e-6)  # m² = E² − p² loses digits
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(features.std(axis=0), 1, rtol=1e-10)


@pytest.mark.parametrize(("name", "jets"), CASES)
def test_coordinates_come_back_to_ten_digits(name, jets):
    """Through the features and the standardisation, without the detour over E² − p²."""
    values = physical(sample(name, jets), name)
    for column, value in zip(columns(name, jets), values.T, strict=True):
        np.testing.assert_allclose(column.transform.inverse(column.transform.forward(value)), value, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(physical(events(values, name), name), values, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize(("name", "jets", "frame"), FRAMES)
def test_the_jacobian_is_that_of_finite_differences(name, jets, frame):
    """The whole matrix: that the features of one coordinate do not change with another is found, not assumed."""
    points = sample(name, jets, 200)
    scaling = Features.fit(points, name, frame=frame)
    values = physical(points, name)
    kept = np.abs(values).max(axis=1) < 1e9
    if jets or name == "tt_partons":
        angles = [number for number, column in enumerate(scaling.columns) if column.name.endswith("_phi")]
        masses = [number for number, column in enumerate(scaling.columns) if column.name.endswith("_mass")]
        kept &= (np.abs(values[:, angles]) < 3.1).all(axis=1) & (values[:, masses] > 1).all(axis=1)
    points, values = points[kept][:20], values[kept][:20]
    matrix = np.empty((len(values), values.shape[1], values.shape[1]))
    for column in range(values.shape[1]):
        step = np.zeros(values.shape[1])
        step[column] = 1e-4
        difference = scaling.features(events(values + step, name)) - scaling.features(events(values - step, name))
        matrix[..., column] = difference / 2e-4
    np.testing.assert_allclose(np.linalg.slogdet(matrix)[1], scaling.log_jacobian(points), atol=1e-3)


def test_densities_in_physical_units_integrate_to_one():
    """A density of the features, exp(−|u|), becomes one of p_T that is normalised in GeV."""
    points = sample("z_jets", 1)
    scaling = Features.fit(points, "z_jets")
    values = np.repeat(physical(points[:1], "z_jets"), 400_000, axis=0)
    values[:, 0] = np.geomspace(1e-6, 1e7, 400_000)
    moved = events(values, "z_jets")
    density = np.exp(-np.abs(scaling.features(moved)[:, 0])) / 2 * np.exp(scaling.log_slopes(moved)[:, 0])
    assert np.trapezoid(density, values[:, 0]) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("frame", ["particles", "boson"])
def test_one_fit_serves_the_chain(frame):
    mixed = Sample(shipped("z_jets").momenta[:3_000], "z_jets")
    scaling = Features.fit(mixed.points, "z_jets", frame=frame)
    features = scaling.features(mixed.points)
    assert features.shape == (3_000, 17) and [features[:, STAGES[n]].shape[1] for n in (1, 2, 3)] == [9, 4, 4]
    for jets in (1, 2, 3):
        some = mixed.with_jets(jets)
        own = scaling.features(some.points)
        np.testing.assert_array_equal(own, features[mixed.jets == jets][:, : own.shape[1]])
        assert np.isnan(features[mixed.jets == jets][:, own.shape[1] :]).all()
        turned = scaling.points(own, phi(some.points[:, 0]))
        np.testing.assert_allclose(turned / some.points[..., :1], some.points / some.points[..., :1], atol=1e-10)
        np.testing.assert_allclose(scaling.log_jacobian(some.points), scaling.log_jacobian(mixed.points[mixed.jets == jets]))
    np.testing.assert_allclose(np.nanmean(features, axis=0), 0, atol=1e-10)
    np.testing.assert_array_equal(jet_condition(np.array([1, 3, 2])), np.eye(3)[[0, 2, 1]])


def test_particles_back_to_back_have_finite_features():
    points = sample("z_jets", 1, 100).copy()
    values = physical(points, "z_jets")
    values[:, 4] = np.pi
    features = Features.fit(points, "z_jets").features(events(values, "z_jets"))
    assert np.isfinite(features).all() and np.abs(features[:, 4]).max() < 50


def test_generated_features_give_jets_above_the_margin():
    scaling = Features.fit(sample("z_jets", 2), "z_jets")
    made = scaling.points(np.random.default_rng(0).normal(0, 3, (1_000, 13)).astype(np.float32))
    assert made.dtype == np.float64 and np.isfinite(made).all() and pt(made[:, 2:]).min() >= 19.98


def test_what_cannot_be_learned_is_said():
    points = sample("z_jets", 1, 50).copy()
    points[7, 2, 1:3] *= 0.5
    with pytest.raises(ValueError, match=r"\d+ of 50 events have no finite feature, the first of them jet1_pt of event 7"):
        Features.fit(points, "z_jets")
    with pytest.raises(ValueError, match="y is the same in all 50 events"):
        Features.fit(np.column_stack([np.arange(50.0), np.ones(50)]), "wedge")


@pytest.mark.parametrize("name", ["wedge", "kicker"])
def test_features_of_known_edges_have_none_and_come_back_with_their_jacobian(name):
    points = sample(name)
    scaling = Features.fit(points, name, "known")
    features = scaling.features(points)
    assert np.abs(features[:, 1]).max() > 3.0  # y is flat, so its feature is Gaussian
    np.testing.assert_allclose(scaling.points(features), points, atol=1e-10)
    small = 1e-6
    slopes = (scaling.features(points + small) - scaling.features(points - small)) / (2 * small)
    middle = ((points > 0.01) & (points < 0.99)).all(axis=1)
    np.testing.assert_allclose(scaling.log_slopes(points)[middle], np.log(slopes)[middle], atol=1e-5)
    outside = np.array([[-0.1, 0.5], [0.5, 1.2], [1.0, 0.5]])
    assert np.isfinite(scaling.features(outside)).all() and (scaling.log_jacobian(outside) == -np.inf).all()
    with pytest.raises(ValueError, match="2 of 1,000 points are not inside of the unit square"):
        Features.fit(np.concatenate([points[:-2], outside[:2]]), name, "known")


def test_edges_of_a_ring_are_learned_whatever_is_asked_for():
    assert columns("ring", edges="known") == columns("ring") and columns("wedge", edges="known") != columns("wedge")


def test_the_coordinates_of_the_boson_are_what_their_names_say():
    """Against the observables, which know nothing of rest frames; the decay is isotropic about the beam, and 1 + cos²θ."""
    points = sample("z_jets", 2, 3_000)
    values = dict(zip([column.name for column in columns("z_jets", 2, frame="boson")], boson.coordinates(points).T, strict=True))
    known = {name: observable.values(points) for name, observable in observables("z_jets", 2).items()}
    for name in ("dimuon_mass", "dimuon_pt", "jet1_pt", "jet1_eta", "jet1_mass", "jet2_mass"):
        np.testing.assert_allclose(values[name], known[name], rtol=1e-9)
    shrunk, distance = np.hypot(values["jet2_eta"], values["jet2_phi"]), known["jets12_distance"]
    for mine, theirs in (("jet2_eta", "jets12_eta"), ("jet2_phi", "jets12_phi")):
        np.testing.assert_allclose(values[mine] / shrunk, known[theirs] / distance, atol=1e-9)
    assert (shrunk[distance < 0.45] < 0.22).any() and (shrunk[distance < np.pi] < np.pi).all()
    np.testing.assert_allclose(shrunk[distance > np.pi], distance[distance > np.pi])
    cosine = values["muon1_cosine"]
    assert abs(cosine.mean()) < 0.05 and (cosine**2).mean() == pytest.approx(0.4, abs=0.03)  # 1/3 if nothing were polarised
    assert np.abs(values["jet1_phi"]).mean() < 0.8 and ((values["jet2_share"] > 0) & (values["jet2_share"] < 1)).all()


def test_beside_the_first_jet_the_others_are_about_equally_dense():
    """In fifteen rings of equal area, ρ up to 1.7; in the same of R, from 0.4 to 1.6, they crowd. The two ways undo each other."""
    values = boson.coordinates(shipped("z_jets").momenta)
    along, turn = values[~np.isnan(values[:, 10])][:, 10:12].T
    counted = np.histogram(along**2 + turn**2, np.linspace(0, 3, 16))[0]
    np.testing.assert_allclose(counted, counted.mean(), rtol=0.25)  # √100 of 100
    distances = np.hypot(*boson.opened(along, turn))
    assert np.ptp(np.histogram(distances**2, np.linspace(0.4**2, 1.6**2, 16))[0]) > 100
    np.testing.assert_allclose(boson.closed(*boson.opened(along, turn)), (along, turn), atol=1e-9)
    assert np.isinf(boson.closed(np.array([0.2]), np.array([0.1]))).all()


def test_features_of_the_boson_have_no_peak_and_generated_events_are_ordered():
    points = Sample(shipped("z_jets").momenta, "z_jets").with_jets(1).points
    scaling = Features.fit(points, "z_jets", frame="boson")
    peak = scaling.features(points)[:, 0]
    assert np.mean(np.abs(peak) < 1) == pytest.approx(0.683, abs=0.03)  # in GeV 90 % of the events are within one standard deviation
    made = Features.fit(sample("z_jets", 3), "z_jets", frame="boson").points(np.random.default_rng(0).normal(0, 2, (1_000, 17)))
    transverse = pt(made[:, 2:])
    assert min(delta_r(made[:, 2], made[:, 3]).min(), delta_r(made[:, 2], made[:, 4]).min()) > 0.398
    assert np.isfinite(made).all() and (np.diff(transverse, axis=1) <= 1e-9).all() and transverse.min() >= 19.98


def test_events_that_have_no_place_beside_the_boson_are_said():
    points = sample("z_jets", 2, 50).copy()
    points[:3, 2:] = points[:3, 3:1:-1]
    with pytest.raises(ValueError, match="3 of 50 events have no place in the coordinates of the boson: jets must be ordered by p_T"):
        Features.fit(points, "z_jets", frame="boson")
    points = sample("z_jets", 2, 50).copy()
    points[5, 3] = 0.9 * points[5, 2]
    with pytest.raises(ValueError, match=r"1 of 50 events .* and 0.4 apart from the first"):
        Features.fit(points, "z_jets", frame="boson")
