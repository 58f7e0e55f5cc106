"""Les Houches events, packed or not: partons in the order of a dataset, weights; what does not fit is named."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from own import lhe, muon_pair, of_file, problem, refused, top_pair

import workbench as wb
from workbench.data.files import load_sample


@pytest.fixture(scope="module")
def tops() -> np.ndarray:
    return wb.make_dataset("tt_partons", 250)["momenta"].values


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
    (tmp_path / "z.lhe").write_text(lhe(map(muon_pair, momenta)))
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


def test_an_xml_declaration_before_the_events_is_no_reason_to_refuse_them(tops, tmp_path):
    (tmp_path / "a.lhe").write_text('<?xml version="1.0" encoding="UTF-8"?>\n' + lhe(map(top_pair, tops)))
    np.testing.assert_allclose(of_file(tmp_path / "a.lhe", "tt_partons")["momenta"], tops, rtol=1e-12)
