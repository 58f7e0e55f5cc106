"""Trainings on data of any size, from the command line to the last figure: all is inside of the bins or said to be outside, and no number
that is printed is nan."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import workbench as wb
from workbench.__main__ import main
from workbench.families.amplitudes.page import Amplitudes
from workbench.families.generators.generated import histogram, observables_of, unjudged
from workbench.families.generators.page import Generators
from workbench.figures import FIGURES, csv_of, unpack
from workbench.figures.drawing import Empty
from workbench.physics.observables import observables
from workbench.results.bands import distribution
from workbench.runs.store import RunStore
from workbench.studios.pages.address import Address

SMALL = ["--events", "600", "--test-events", "300", "--steps", "60", "--draws", "4", "--hidden", "8", "--foreground"]
FLOW = ["--blocks", "2", "--bins", "4"]
TWO_JETS = ["--process", "gg_yygg", "--events", "300", "--test-events", "200"]
CASES = {
    "own amplitudes at 10 TeV": ["train", "--file", "10"],
    "own amplitudes at 50 TeV": ["train", "--file", "50"],
    "own amplitudes, an ensemble without noise": ["train", "--file", "10", "--noise", "0", "--uncertainty", "repulsive_ensemble"],
    "own amplitudes of two jets at 10 TeV": ["train", *TWO_JETS, "--file", "10 gg_yygg"],
    "own amplitudes of two jets at 200 GeV": ["train", *TWO_JETS, "--file", "0.2 gg_yygg"],
    "13 TeV": ["train", "--sqrt-s", "13000"],
    "own Z with jets, eight times as hard": ["generate", "--dataset", "z_jets", "--file", "8 z_jets", *FLOW],
    "own Z with one to three jets, 30 times as hard": ["generate", "--dataset", "z_jets", "--jets", "0", "--file", "30 z_jets", *FLOW],
    "own top pairs, eight times as hard": ["generate", "--dataset", "tt_partons", "--file", "8 tt_partons", *FLOW],
    "3 TeV, one network": ["train", "--sqrt-s", "3000", "--uncertainty", "deterministic"],
    "own points in GeV": ["generate", "--file", "GeV", *FLOW],
    "own points in GeV as a ring": ["generate", "--file", "GeV", "--dataset", "ring", *FLOW],
    "own points around zero": ["generate", "--file", "normal", *FLOW],
    "own points that are tiny": ["generate", "--file", "tiny", *FLOW],
    "own points with an outlier": ["generate", "--file", "outlier", *FLOW],
    "own points with tails": ["generate", "--file", "cauchy", *FLOW],
    "own points on a line": ["generate", "--file", "line", *FLOW],
    "own points that are 0 or 1": ["generate", "--file", "binary", *FLOW],
}
NAN = re.compile(r"\b(nan|NaN)\b")


def written(name: str, folder: Path) -> Path:
    rng = np.random.default_rng(5)
    scale, _, kind = name.partition(" ")
    if kind in ("z_jets", "tt_partons"):
        return wb.save_events(folder / "events.h5", harder(wb.make_dataset(kind, 2_400)["momenta"].values, float(scale), kind))
    if scale.replace(".", "").isdecimal():
        made, factor = wb.make_dataset(kind or "gg_yyg", 600 if kind else 1_200), float(scale)
        amplitude = made["amplitude"].values / factor ** (4 if kind else 2)
        return wb.save_events(folder / "events.h5", factor * made["momenta"].values, amplitude)
    points = {
        "GeV": lambda: np.column_stack([91.2 + 1.25 * np.tan(rng.uniform(-1.4, 1.4, 1_200)), 20 + rng.exponential(40, 1_200)]),
        "normal": lambda: rng.normal(size=(1_200, 2)),
        "tiny": lambda: 1e-30 * rng.random((1_200, 2)),
        "outlier": lambda: np.concatenate([rng.normal(size=(1_199, 2)), [[1e6, 1e30]]]),
        "line": lambda: np.repeat(rng.normal(size=(1_200, 1)), 2, axis=1),
        "binary": lambda: rng.integers(0, 2, (1_200, 2)).astype(float),
        "cauchy": lambda: rng.standard_cauchy((1_200, 2)),
    }
    return wb.save_events(folder / "points.h5", points=points[name]())


def harder(momenta: np.ndarray, factor: float, kind: str) -> np.ndarray:
    """Events whose jets, or all of whose partons, have so many times their momentum; the masses of muons and partons stay."""
    energy, vector = momenta[..., 0], momenta[..., 1:]
    square = np.maximum(energy**2 - (vector**2).sum(-1), 0.0)
    factors = np.ones(momenta.shape[1])
    factors[2 if kind == "z_jets" else 0 :] = factor
    vector = factors[:, None] * vector
    square = np.where(factors > 1, factors**2 if kind == "z_jets" else 1.0, 1.0) * square
    return np.concatenate([np.sqrt(square + (vector**2).sum(-1))[..., None], vector], axis=-1)


COUNTED = {"delta": False, "delta_largest": True, "systematic_pull": False, "statistical_pull": False, "scaled_pull": False, "sigmas": True}
"""Default figures that are histograms of events, and whether their densities are per decade."""


def inside(curve, axis, log: bool) -> float:
    """The share of a histogram that is drawn between the ends of an axis."""
    x, y = (np.log10(curve["x"]) if log else np.asarray(curve["x"], dtype=float)), np.asarray(curve["y"], dtype=float)
    ends = axis["range"]  # of a logarithmic axis the logarithms, as plotly has it
    low, high = np.clip(x[:-1:2], *ends), np.clip(x[1::2], *ends)
    return float(((high - low) * y[::2]).sum())


def words(drawn) -> list[str]:
    """All texts of a figure."""
    if isinstance(drawn, str):
        return [drawn]
    if isinstance(drawn, dict):
        return [text for value in drawn.values() for text in words(value)]
    return [text for value in drawn for text in words(value)] if isinstance(drawn, list) else []


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_all_is_inside_of_the_bins_or_said_to_be_outside_and_nothing_printed_is_nan(case, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("WORKBENCH_RUNS", raising=False)
    asked = list(CASES[case])
    if "--file" in asked:
        place = asked.index("--file") + 1
        asked[place] = str(written(asked[place], tmp_path))
    assert main([asked[0], *SMALL, *asked[1:]]) == 0
    (run,) = RunStore().runs()
    assert main(["runs", "show", run.id]) == 0 and main(["runs"]) == 0
    printed = "".join(capsys.readouterr())
    assert "median" in printed or "log loss" in printed
    assert not NAN.search(printed), printed

    page = (Amplitudes if asked[0] == "train" else Generators)(runs=RunStore().root)
    page.restore(Address(run=run.id))
    for tab in page.tabs:
        page.hear({"tab": tab.name})
        page.refresh(everything=True)
        drawn = {name: unpack(plot.frame) for name, plot in page.plots.items() if plot.frame}
        assert not [text for figure in drawn.values() for text in words([figure["data"], figure["layout"]]) if NAN.search(text)]
    assert not NAN.search("".join(str(part.state) for part in (page.frame, page.form, page.bar)))

    prediction = run.prediction("test")
    if asked[0] == "train":
        for observable in observables(run.recipe.process).values():
            fitted = observable.fitted(prediction["momenta"].values)
            found = distribution(prediction, fitted)
            assert int(found["outside"]) <= 0.05 * int(found["events"]), observable.name
            figure = FIGURES["kinematics"].as_dict(prediction, observable=observable.name)
            assert not NAN.search(csv_of(figure)) and not [text for text in words(figure) if NAN.search(text)]
            assert (float(found["below"] + found["above"]) < 5e-4) or any("outside" in text for text in words(figure))
        counted = 0
        for name, log in COUNTED.items():
            try:
                figure = FIGURES[name].as_dict(prediction)
            except Empty as reason:
                assert str(reason) and not NAN.search(str(reason))
                continue
            histograms = [curve for curve in figure["data"] if len(curve["x"]) >= 60 and not {"fill", "N(0,1)"} & {*curve, curve["name"]}]
            counted += len(histograms)
            for curve in histograms:
                told = "outside" in curve["name"] or any("outside" in text for text in words(figure["layout"]))
                assert told or inside(curve, figure["layout"]["xaxis"], log) >= 0.95, (name, curve["name"])
        assert counted >= 3
    else:
        for observable in observables_of(prediction):
            h = histogram(prediction, observable)
            lost = float(h.attrs["below"] + h.attrs["above"])
            figure = FIGURES["generated"].as_dict(prediction, observable=observable)
            assert lost < 5e-4 or any("outside" in text for text in words(figure)), (observable, lost)
            known = observables(str(prediction.attrs["dataset"]))
            window = observable in known and known[observable].window  # it looks at a peak or a hole only, on purpose
            assert lost <= 0.05 or window or "outside of its bins" in unjudged(prediction, observable), (observable, lost)
        if "points" in asked[asked.index("--file") + 1]:
            assert len(csv_of(FIGURES["density_map"].as_dict(prediction)).splitlines()) > 100
