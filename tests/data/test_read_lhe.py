"""Les Houches events, packed or not: partons in the order of a dataset, weights; what does not fit is named."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from own import of_file, problem, refused

import workbench as wb
from workbench.data.files import load_sample


@pytest.fixture(scope="module")
def tops() -> np.ndarray:
    return wb.make_dataset("tt_partons", 250)["momenta"].values


def lhe(events, weights=None) -> str:
    """Events of particles (PDG number, status, mother, momentum)."""
    lines = ['<LesHouchesEvents version="3.0">', "<init>", "2212 2212 6.5e3 6.5e3 0 0 0 0 3 1", "1.0 0.1 1.0 1", "</init>"]
    for number, particles in enumerate(events):
        lines += ["<event>", f" {len(particles)} 1 {1.0 if weights is None else weights[number]:.17g} 91.0 0.0078 0.118"]
        for kind, status, mother, (energy, x, y, z) in particles:
            lines.append(f" {kind} {status} {mother} {mother} 0 0 {x:.17g} {y:.17g} {z:.17g} {energy:.17g} 0. 0. 9.")
        lines.append("</event>")
    return "\n".join([*lines, "</LesHouchesEvents>", ""])


def top_pair(p: np.ndarray) -> list:
    """A decay chain with its last particles in an order that is not ours."""
    beam, none = (1.0, 0.0, 0.0, 1.0), np.zeros(4)
    return [
        (21, -1, 0, beam), (21, -1, 0, beam), (6, 2, 1, none), (-6, 2, 1, none), (24, 2, 3, none), (-24, 2, 4, none),
        (-5, 1, 4, p[3]), (-1, 1, 5, p[2]), (2, 1, 5, p[1]), (5, 1, 3, p[0]), (3, 1, 6, p[4]), (-4, 1, 6, p[5]),
    ]  # fmt: skip


def test_top_quarks_are_read_in_the_order_of_the_dataset(tops, tmp_path):
    text = lhe(map(top_pair, tops))
    (tmp_path / "a.lhe").write_text(text)
    (tmp_path / "a.lhe.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("a.lhe", "a.lhe.gz"):
        found = of_file(tmp_path / name, "tt_partons")
        assert list(found) == ["momenta"] and np.array_equal(found["momenta"], tops)
    assert np.array_equal(load_sample(tmp_path / "a.lhe.gz", "tt_partons").points, tops)


def test_muons_and_jets_are_read_by_transverse_momentum(tmp_path):
    momenta = wb.make_dataset("z_jets", 250)["momenta"].values

    def event(p):
        jets = [(21, 1, 1, jet) for jet in p[2:] if np.isfinite(jet).all()]
        return [(1, -1, 0, np.ones(4)), *reversed(jets), (-13, 1, 1, p[1]), (13, 1, 1, p[0])]

    (tmp_path / "z.lhe").write_text(lhe(map(event, momenta)))
    found = of_file(tmp_path / "z.lhe", "z_jets")["momenta"]
    np.testing.assert_array_equal(found, momenta[:, : found.shape[1]])


def test_weights_are_read_and_negative_ones_refused(tops, tmp_path):
    weights = np.random.default_rng(2).uniform(0.5, 2, 250)
    (tmp_path / "a.lhe").write_text(lhe(map(top_pair, tops), weights))
    assert np.array_equal(of_file(tmp_path / "a.lhe", "tt_partons")["weight"], weights)
    (tmp_path / "a.lhe").write_text(lhe(map(top_pair, tops), np.where(weights > 1, 1, -1)))
    assert "has the weight -1 in row" in (said := refused(tmp_path / "a.lhe", "tt_partons")) and "cancel negative ones" in said


def test_what_does_not_fit_is_named(tops, tmp_path):
    path = tmp_path / "a.lhe"
    path.write_text(text := lhe(map(top_pair, tops)))
    assert "is an LHE file, which holds momenta but no amplitudes; it can be read as z_jets or tt_partons" in problem(path)
    assert "holds momenta but no points in the plane" in refused(path, "ring")
    assert "final particles" in (said := refused(path, "z_jets")) and "in event 1; z_jets needs mu-, mu+ and one, two or three jets" in said
    path.write_text(text[: len(text) // 2])
    assert "is damaged: Parse Error" in refused(path, "tt_partons")


def test_without_its_package_it_is_said_what_to_install(tops, tmp_path, monkeypatch):
    from workbench.data.reader import columnar

    (tmp_path / "a.lhe").write_text(lhe(map(top_pair, tops)))
    monkeypatch.setattr(columnar, "find_spec", lambda name: None)
    said = refused(tmp_path / "a.lhe", "tt_partons")
    assert "is an LHE file, which is read with pylhe, not installed here: pip install 'workbench[files]'" in said
