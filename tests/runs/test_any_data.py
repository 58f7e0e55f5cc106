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
from workbench.families.generators.generated import histogram, observables_of
from workbench.families.generators.page import Generators
from workbench.figures import FIGURES, csv_of, unpack
from workbench.physics.observables import observables
from workbench.results.bands import distribution
from workbench.runs.store import RunStore
from workbench.studios.pages.address import Address

SMALL = ["--events", "600", "--test-events", "300", "--steps", "60", "--draws", "4", "--hidden", "8", "--foreground"]
FLOW = ["--blocks", "2", "--bins", "4"]
CASES = {
    "own amplitudes at 10 TeV": ["train", "--file", "10"],
    "own amplitudes at 50 TeV": ["train", "--file", "50"],
    "own amplitudes, an ensemble without noise": ["train", "--file", "10", "--noise", "0", "--uncertainty", "repulsive_ensemble"],
    "13 TeV": ["train", "--sqrt-s", "13000"],
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
    if name.isdecimal():
        made = wb.make_dataset("gg_yyg", 1_200)
        return wb.save_events(folder / "events.h5", float(name) * made["momenta"].values, made["amplitude"].values / float(name) ** 2)
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
    assert main([*asked, *SMALL]) == 0
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
        for observable in observables("gg_yyg").values():
            fitted = observable.fitted(prediction["momenta"].values)
            found = distribution(prediction, fitted)
            assert int(found["outside"]) <= 0.05 * int(found["events"]), observable.name
            figure = FIGURES["kinematics"].as_dict(prediction, observable=observable.name)
            assert not NAN.search(csv_of(figure)) and not [text for text in words(figure) if NAN.search(text)]
            assert (float(found["below"] + found["above"]) < 5e-4) or any("outside" in text for text in words(figure))
    else:
        for observable in observables_of(prediction):
            h = histogram(prediction, observable)
            lost = float(h.attrs["below"] + h.attrs["above"])
            figure = FIGURES["generated"].as_dict(prediction, observable=observable)
            assert lost <= 0.05 and (lost < 5e-4 or any("outside" in text for text in words(figure)))
        assert len(csv_of(FIGURES["density_map"].as_dict(prediction)).splitlines()) > 100
