"""Top and QCD jets: shipped ones as described, made ones the same for the same seed, kept, and the same as the shipped ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_jets import same

from workbench.families.taggers import make, sample
from workbench.families.taggers.jets import QCD, TOP, Jets
from workbench.families.taggers.make import (
    CHUNK,
    COLLISIONS,
    HIGHEST_PT,
    JET_ETA,
    LOWEST_PT,
    clustered,
    from_top,
    jets_of,
)
from workbench.families.taggers.sample import SHIPPED, Source, make_jets, shipped, shipped_file
from workbench.families.taggers.store import decode, rounded, save_jets
from workbench.physics.collisions import missing_packages, programs

with_pythia = pytest.mark.skipif(
    bool(missing_packages()), reason=f"{' and '.join(missing_packages())} not installed, so none are made here."
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    return tmp_path


def counted():
    """A list that gets all words about progress, and what fills it."""
    words: list[str] = []
    return words, lambda fraction, text: words.append(f"{fraction:.2f} {text}")


# Shipped


def test_the_shipped_jets_are_inside_the_cuts_and_describe_themselves():
    for seed, number in SHIPPED.items():
        jets, attributes = decode(shipped_file(seed).read_bytes())
        assert len(jets) == 2 * number and (jets.label[::2] == TOP).all() and (jets.label[1::2] == QCD).all()
        assert (jets.pt_jet > LOWEST_PT).all() and (jets.pt_jet < HIGHEST_PT).all() and (np.abs(jets.momentum[:, 1]) < JET_ETA).all()
        assert jets.count.min() >= 5 and jets.count.max() <= 128 and set(np.unique(jets.kind)) == {1, 2, 3}
        assert (np.hypot(jets.delta_eta, jets.delta_phi) < 1.6).all()
        assert attributes["seed"] == str(seed) and attributes["level"] == "detector" and attributes["date"].startswith("20")
        assert "Pythia 8" in attributes["made_with"] and "24:onIfAny" in attributes["settings_top_jets"]
        assert "HardQCD:all = on" in attributes["settings_qcd_jets"]


def test_the_files_of_the_package_are_small():
    sizes = [path.stat().st_size for path in (shipped_file(1), shipped_file(2), shipped_file(1).with_name("minimum_bias.h5"))]
    assert sizes[0] < 700_000 and sum(sizes) < 1_200_000


def test_shipped_jets_look_like_jets():
    """Median masses of 172.5 and 73.4 GeV, and fewer constituents, were met with cells five times as coarse."""
    jets = shipped()
    top, qcd = jets[jets.label == TOP], jets[jets.label == QCD]
    assert np.median(top.mass) == pytest.approx(172.5, abs=4) and np.median(qcd.mass) == pytest.approx(73.4, abs=6)
    assert 55 < top.count.mean() < 66 and 43 < qcd.count.mean() < 53
    hardest = np.cumsum(jets.padded(128)[0][..., 0], axis=1)
    share = (hardest / hardest[:, -1:]).mean(axis=0)
    assert share[19] > 0.84 and share[39] > 0.95 and share[79] > 0.997
    assert np.mean(top.kind == 1) == pytest.approx(0.52, abs=0.03)


def test_the_mass_alone_tells_most_jets_apart():
    jets = shipped()
    away = np.abs(jets.mass - 172.5)
    top, qcd = away[jets.label == TOP], away[jets.label == QCD]
    assert (top[:, None] < qcd).mean() == pytest.approx(0.953, abs=0.014)


def test_training_and_test_jets_differ():
    first, second = shipped(1), shipped(2)
    assert not np.isin(first.momentum[:, 0], second.momentum[:, 0]).all()
    assert len(set(map(bytes, first.momentum)) & set(map(bytes, second.momentum))) == 0


@pytest.mark.parametrize("request_", [{"level": "partons"}, {"jets": 0}, {"jets": 2.5}, {"seed": -1}, {"pile_up": 200}, {"jets": True}])
def test_impossible_requests_are_refused_in_a_sentence(request_):
    with pytest.raises(ValueError, match=r"(is|are) (not )?possible") as found:
        make_jets(**{"jets": 10} | request_)
    assert "\n" not in str(found.value)


def test_what_is_shipped_needs_nothing(home, monkeypatch):
    monkeypatch.setattr(sample, "missing_packages", lambda: ["pythia8mc"])
    assert same(make_jets(700), shipped()[:1_400]) and not list(home.rglob("*.h5"))
    with pytest.raises(
        ValueError, match=r"2,000 jets of each label with seed 1 .* made with pythia8mc, not installed here: pip install .*1,000"
    ):
        make_jets(2_000)


# Stored


def test_what_is_saved_is_rounded_and_no_more(tmp_path):
    rng = np.random.default_rng(4)
    jets = Jets.of([1, 0], [30, 20], rng.exponential(20, 50) + 0.3, rng.normal(0, 0.3, 50), rng.normal(0, 0.3, 50), rng.integers(0, 4, 50))
    kept = decode(save_jets(tmp_path / "mine.h5", jets).read_bytes())[0]
    assert same(kept, rounded(jets)) and same(rounded(kept), kept)
    for name in ("pt", "delta_eta", "delta_phi"):
        np.testing.assert_allclose(getattr(kept, name), getattr(jets, name), rtol=2.0**-11)
    with pytest.raises(ValueError, match=r"mine.csv says no format"):
        save_jets(tmp_path / "mine.csv", jets)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.h5"]


def test_rounding_hardly_changes_masses():
    rng = np.random.default_rng(4)
    count = np.full(200, 40)
    jets = Jets.of(np.zeros(200), count, rng.exponential(20, 8_000) + 0.3, rng.normal(0, 0.3, 8_000), rng.normal(0, 0.3, 8_000))
    masses = [
        np.sqrt(momenta[:, 0] ** 2 - (momenta[:, 1:] ** 2).sum(axis=1))
        for momenta in (part.momenta(40).astype(float).sum(axis=1) for part in (jets, rounded(jets)))
    ]
    np.testing.assert_allclose(masses[1], masses[0], rtol=4e-4)


# Made


def record(quarks: list[tuple[int, int, tuple[float, float]]]):
    """One event with quarks of (number, that of the mother, (η, φ)) and p_T 200 GeV, as a batch of Pythia's records."""
    awkward = pytest.importorskip("awkward")
    mothers = [6, 24, -6, -24]
    eta, phi = np.array([direction for _, _, direction in quarks]).T
    pad = [0.0] * 4
    momentum = awkward.zip({
        "e": [pad + list(200 * np.cosh(eta))], "px": [pad + list(200 * np.cos(phi))], "py": [pad + list(200 * np.sin(phi))],
        "pz": [pad + list(200 * np.sinh(eta))],
    })  # fmt: skip
    return awkward.zip(
        {
            "id": [mothers + [number for number, _, _ in quarks]],
            "mother1": [[0, 0, 0, 0, *(mothers.index(mother) for _, mother, _ in quarks)]],
            "p": momentum,
        },
        depth_limit=2,
    )


TOP_QUARKS = [(5, 6, (0.1, 0.0)), (2, 24, (0.3, 0.2)), (-1, 24, (0.0, -0.3))]
ANTI_QUARKS = [(-3, -6, (-0.2, 3.1)), (1, -24, (0.1, -3.0)), (-2, -24, (-0.1, 3.0))]


def test_a_jet_is_a_tops_when_all_three_quarks_are_in_it():
    """One top decays to s here: what comes from it is known by its mother, not by being a b. The antitop lies across φ = π."""
    found = record([*ANTI_QUARKS, *TOP_QUARKS])
    axes = np.array([[600, 0.13, 0.0, 170], [600, -0.1, -3.13, 170], [600, 0.9, 0.5, 170], [600, 0.1, 1.5, 170]])
    np.testing.assert_array_equal(from_top(axes, np.zeros(4, dtype=int), found), [True, True, False, False])
    wide = record([*ANTI_QUARKS, *TOP_QUARKS[:2], (-1, 24, (0.0, -0.9))])
    np.testing.assert_array_equal(from_top(axes[:2], np.zeros(2, dtype=int), wide), [False, True])


@with_pythia
def test_jets_are_the_sums_of_their_constituents_and_no_particle_is_in_two():
    rng = np.random.default_rng(1)
    event, total = np.sort(rng.integers(0, 50, 2_000)), 2_000
    centre = np.where(rng.random(total) < 0.5, 0.0, np.pi)
    from workbench.families.taggers.detector import Objects

    seen = Objects(
        event, rng.exponential(60, total), rng.normal(0, 0.3, total), np.angle(np.exp(1j * (centre + rng.normal(0, 0.3, total)))),
        np.full(total, 0.14), np.ones(total, dtype=int),
    )  # fmt: skip
    momentum, of, members, count = clustered(seen, 60)
    assert len(momentum) > 50 and count.sum() == len(members.pt) and (np.diff(of) >= 0).all()
    np.testing.assert_array_equal(members.event, np.repeat(of, count))
    assert len(np.unique(members.pt)) == len(members.pt)
    px = np.add.reduceat(members.pt * np.cos(members.phi), np.cumsum(count) - count)
    np.testing.assert_allclose(px, momentum[:, 0] * np.cos(momentum[:, 2]), rtol=1e-9, atol=1e-7)


@with_pythia
@pytest.mark.parametrize("name", ["top_jets-particles", "qcd_jets-detector"])
def test_a_chunk_is_the_same_for_the_same_seed_and_inside_the_cuts(name, monkeypatch):
    monkeypatch.setattr(make, "BATCH", 80)
    kind, told = replace(COLLISIONS[name], chunk=40), []
    first, again, other = (kind.make(number, 3, told.append) for number in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other) and told[-1] == 40 and first.shape == (40, 129, 4)
    jets = jets_of(first, kind.label)
    assert ((jets.pt_jet > LOWEST_PT) & (jets.pt_jet < HIGHEST_PT) & (np.abs(jets.momentum[:, 1]) < JET_ETA)).all()
    assert (jets.label == kind.label).all() and (np.diff(jets.padded(128)[0][..., 0], axis=1) <= 0).all()
    whole = jets.momenta(128).astype(np.float64).sum(axis=1)
    np.testing.assert_allclose(np.hypot(whole[:, 1], whole[:, 2]), jets.pt_jet, rtol=2e-3)
    if kind.label == TOP:
        assert 155 < np.median(jets.mass) < 190


@with_pythia
def test_jets_are_made_in_processes_kept_and_the_same_as_the_shipped_ones(home):
    words, progress = counted()
    made = make_jets(501, seed=2, progress=progress)
    assert len(made) == 1_002 and (made.label[:4] == [1, 0, 1, 0]).all()
    assert "of 1,000 top jets" in words[0] and words[-1].startswith("1.00 made 1,000 of 1,000 qcd jets")
    kept = sorted(home.rglob("*.h5"))
    assert len(kept) == 2 and all(len(source.kept()) == CHUNK for source in (Source(label, "detector", 2) for label in (TOP, QCD)))
    if decode(shipped_file(2).read_bytes())[1]["made_with"] == programs():
        assert same(made[:1_000], shipped(2))
    words.clear()
    assert same(make_jets(900, seed=2, progress=progress)[:1_002], made) and not words
    kept[0].write_bytes(kept[0].read_bytes()[:-100])
    assert Source(QCD, "detector", 2).kept() is None or Source(TOP, "detector", 2).kept() is None


@pytest.mark.slow
@with_pythia
def test_more_jets_are_added_to_those_that_are_kept_and_nothing_changes_without_a_disk(home):
    first = make_jets(600, "particles", 5)
    more = make_jets(1_300, "particles", 5)
    assert same(more[:1_200], first) and same(make_jets(1_300, "particles", 5, cache=False), more)
    assert len(Source(TOP, "particles", 5).kept()) == 2 * CHUNK
    assert 165 < np.median(more.mass[::2]) < 182 and more.count[::2].mean() == pytest.approx(74.4, abs=3)
    assert np.median(more.mass[1::2]) == pytest.approx(76, abs=5) and more.count[1::2].mean() == pytest.approx(59.8, abs=4)
