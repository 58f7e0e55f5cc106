"""Figures of sweeps and of tested error bars show exactly what they are given."""

import json

import numpy as np
import pytest
import xarray as xr
from test_figures import make_prediction, make_scan

from workbench.figures import FIGURES, THEMES, data_of, pack, unpack
from workbench.figures.axes import Ladder, point_name
from workbench.figures.drawing import decades, number
from workbench.results.calibration import descent
from workbench.results.coverage import coverage
from workbench.results.members import pull_widths
from workbench.results.plateau import noise_law
from workbench.results.pulls import pulls, width_and_mean

SCANS = [name for name, entry in FIGURES.items() if entry.takes == "scan" and name != "band_size"]  # that one is of generators
PER_EVENT = {"noise_peaks", "sweep_pulls"}


def draw(name, datasets, theme="light", **options):
    return FIGURES[name].as_dict(datasets, theme, **options)


def shown(drawn):
    return {trace["name"]: trace for trace in drawn["data"] if trace.get("meta") != "key"}


def said(drawn):
    return drawn["layout"]["annotations"][0]["text"].replace("<br>", " ")


def points_of(trace):
    good = np.isfinite(trace["y"])
    return trace["x"][good], trace["y"][good]


def scalars(scan):
    return scan.drop_dims("event")


def training_sizes():
    """σ falls with √N, the ensemble's σ_syst from twice as high."""
    sizes, kinds = np.array([90_000, 1_000, 9_000]), ["bnn", "repulsive_ensemble"]
    syst = np.array([1.0, 2.0]) / np.sqrt(sizes)[:, None]
    parts = {"syst": syst, "stat": syst / 3, "tot": np.hypot(syst, syst / 3)}
    data = {
        f"sigma_{part}_{average}": (("events", "uncertainty"), value) for part, value in parts.items() for average in ("median", "mean")
    }
    return xr.Dataset({**data, "delta_median": (("events", "uncertainty"), syst / 2)}, {"events": sizes, "uncertainty": kinds})


def test_plateau_draws_the_scan_its_law_and_the_diagonal():
    scan = make_scan()
    curves = shown(draw("plateau", scan))
    for kind, words, stat in (("bnn", "BNN", 0.0005), ("repulsive_ensemble", "ensemble", 0.00025)):
        part = scan.sel(uncertainty=kind)
        p = float(noise_law(part)["plateau"])
        x, y = points_of(curves[f"{words}<br>plateau p = {number(p)}"])
        np.testing.assert_allclose(y, part["sigma_syst_median"])
        np.testing.assert_allclose(x, [1e-5, 1e-4, 1e-3, 1e-2, 0.1])
        np.testing.assert_allclose(points_of(curves[f"{words}: σ_stat/A"])[1], stat)
        law = curves[f"{words}: √(f² + p²), p = {number(p)}"]
        np.testing.assert_allclose(law["y"], np.hypot(law["x"], p))
    np.testing.assert_array_equal(curves["σ = f"]["x"], curves["σ = f"]["y"])


def test_noise_zero_stands_apart_at_the_left_edge():
    drawn = draw("plateau", make_scan(uncertainty=["bnn"]))
    x = drawn["layout"]["xaxis"]
    assert x["ticktext"][0] == "0"
    assert x["tickvals"][0] == 1e-5
    assert x["ticktext"][1:] == ["10⁻⁴", "10⁻³", "0.01", "0.1"]
    line = next(trace for name, trace in shown(drawn).items() if name.startswith("BNN<br>plateau p") and "√" not in name)
    assert np.isnan(line["y"][1])
    assert np.isfinite(np.delete(line["y"], 1)).all()
    short = draw("plateau", make_scan([1e-3, 1e-2]))["layout"]["xaxis"]
    assert short["ticktext"] == ["10⁻³", "2·10⁻³", "5·10⁻³", "0.01"]  # less than two decades: 2 and 5 are labelled too


def test_mean_instead_of_median_and_no_sigma_stat():
    scan = make_scan(uncertainty=["bnn"])
    scan["sigma_syst_mean"] = 2 * scan["sigma_syst_mean"]
    curves = shown(draw("plateau", scan, average="mean", stat=False))
    assert "p = 4·10⁻³" in next(iter(curves))
    assert not any("stat" in name for name in curves)
    with pytest.raises(ValueError, match="average = 'mode'"):
        draw("plateau", scan, average="mode")


def test_a_deterministic_network_has_no_sigma_stat():
    scan = make_scan()
    names = shown(draw("plateau", scan.assign(sigma_stat_median=0 * scan.sigma_stat_median)))
    assert not any("stat" in name for name in names)


def test_every_combination_of_the_other_axes_is_a_curve_that_can_be_told_apart():
    scan = xr.concat([scalars(make_scan())] * 4, "hidden").assign_coords(hidden=[", ".join(["64"] * n) for n in (1, 2, 3, 4)])
    lines = [trace for trace in draw("plateau", scan)["data"] if "marker" in trace and trace.get("showlegend") is not False]
    looks = {(trace["line"]["color"], trace["marker"]["symbol"]) for trace in lines}
    assert len(lines) == len(looks) == 8
    assert any(trace["name"].startswith("3 × 64, BNN") for trace in lines)


@pytest.mark.parametrize("name", ["plateau", "scan"])
def test_published_numbers_are_drawn_in_ink_and_only_when_given(name):
    assert not any("talk" in trace["name"] for trace in draw(name, make_scan())["data"])
    for theme in THEMES.values():
        drawn = draw(
            name, make_scan(), theme, published={"BNN-DSI": 8.7e-5, "RE-DSI": (0.01, 5.1e-5)}, **({"x": "noise"} if name == "scan" else {})
        )
        curves = shown(drawn)
        line, point = curves["talk: BNN-DSI"], curves["talk: RE-DSI"]
        assert set(line["y"]) == {8.7e-5}
        assert (point["x"][0], point["y"][0]) == (0.01, 5.1e-5)
        assert line["line"]["color"] == point["marker"]["color"] == theme.ink
        assert 10 ** drawn["layout"]["yaxis"]["range"][0] < 5.1e-5
        assert "talk: BNN-DSI" in line["text"]


def test_scan_takes_the_longest_axis_unless_it_is_told():
    scan = make_scan()
    curves = shown(draw("scan", scan, which="tot"))
    np.testing.assert_allclose(points_of(curves["BNN: σ<sub>tot</sub>/A"])[1], scan.sigma_tot_median.sel(uncertainty="bnn"))
    drawn = draw("scan", scan, x="uncertainty", which=("syst", "delta"), select={"noise": [0.0, 0.01]})
    assert drawn["layout"]["xaxis"]["ticktext"] == ["BNN", "ensemble"]
    curves = shown(drawn)
    assert len(curves) == 4
    np.testing.assert_allclose(curves["f = 0.01: median |Δ|"]["y"], scan.delta_median.sel(noise=0.01))
    np.testing.assert_allclose(curves["f = 0.01: median |Δ|"]["x"], [0, 1])


def test_scan_over_numbers_is_drawn_in_their_order_and_logarithmic_when_they_are_far_apart():
    drawn = draw("scan", training_sizes(), x="events", average="mean", which=("syst", "stat", "tot", "delta"))
    assert drawn["layout"]["xaxis"]["type"] == "log"
    line = shown(drawn)["BNN: σ<sub>syst</sub>/A"]
    np.testing.assert_allclose(line["x"], [1_000, 9_000, 90_000])
    np.testing.assert_allclose(line["y"], 1 / np.sqrt(line["x"]))
    assert len(shown(drawn)) == 8
    near = training_sizes().assign_coords(events=[1_000, 2_000, 3_000])
    assert "type" not in draw("scan", near, x="events")["layout"]["xaxis"]


@pytest.mark.parametrize("name", ["plateau", "scan"])
def test_seeds_are_drawn_as_their_median_and_a_band(name):
    scan = scalars(make_scan([0.001, 0.01], ["bnn"]))
    seeds = xr.concat([scan, 2 * scan, 5 * scan], "seed").assign_coords(seed=[0, 1, 2])
    curves = shown(draw(name, seeds, **({"x": "noise", "which": "syst"} if name == "scan" else {})))
    line, area = (
        next(t for n, t in curves.items() if ("seed" in n) == banded and "√" not in n and "stat" not in n) for banded in (False, True)
    )
    np.testing.assert_allclose(points_of(line)[1], 2 * scan.sigma_syst_median.values.ravel())
    np.testing.assert_allclose(np.sort(area["y"]), np.sort(np.ravel([[1], [5]] * scan.sigma_syst_median.values)))
    one = shown(draw(name, seeds, select={"seed": 2}, **({"x": "noise"} if name == "scan" else {})))
    assert not any("seed" in n for n in one)
    if name == "scan":
        assert len(shown(draw(name, seeds, x="seed", which="syst"))) == 2


def test_styles_stand_in_the_legend_in_the_order_asked_for():
    keys = [trace["name"] for trace in draw("scan", make_scan(), which=("delta", "syst"))["data"] if trace.get("meta") == "key"]
    assert keys == ["BNN", "ensemble", "median |Δ|", "σ<sub>syst</sub>/A"]


def test_a_single_curve_gives_its_colours_to_the_quantities():
    drawn = draw("scan", training_sizes().isel(uncertainty=0, drop=True))
    assert [trace["name"] for trace in drawn["data"]] == ["σ<sub>syst</sub>/A", "σ<sub>stat</sub>/A", "median |Δ|"]
    assert len({trace["line"]["color"] for trace in drawn["data"]}) == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [({"which": "sigma"}, "which = 'sigma'"), ({"select": {"depth": 1}}, "no axis 'depth'"), ({"average": "x"}, "'x'")],
)
def test_wrong_options_are_refused_in_a_sentence(options, words):
    with pytest.raises(ValueError, match=words):
        draw("scan", make_scan(), **options)


def test_an_axis_that_the_sweep_lacks_is_named():
    assert "does not vary prior_width; its axes are: uncertainty, noise." in said(draw("scan", make_scan(), x="prior_width"))


def test_peaks_stand_at_the_noise_and_stop_at_the_plateau():
    drawn = draw("noise_peaks", make_scan(events=500), select={"uncertainty": "bnn"})
    curves = shown(drawn)
    for f in (0.0, 1e-4, 1e-3, 1e-2, 0.1):
        name = next(name for name in curves if name.startswith(f"f = {number(f, 6)}<br>"))
        top = curves[name]["x"][np.argmax(curves[name]["y"])]
        assert top == pytest.approx(np.hypot(f, 0.002), rel=0.08)
        assert name.endswith(number(float(np.hypot(f, 0.002))))
        if f:
            assert set(curves[f"noise f = {number(f, 6)}"]["x"]) == {f}
    assert "noise f = 0" not in curves
    h = curves[next(iter(curves))]
    assert np.sum(np.diff(np.log10(h["x"])) * h["y"][:-1]) == pytest.approx(1, abs=1e-9)


def test_peaks_of_another_uncertainty():
    name = next(iter(shown(draw("noise_peaks", make_scan(), select={"uncertainty": "repulsive_ensemble"}))))
    assert name == "f = 0<br>median 10⁻³"
    assert next(iter(shown(draw("noise_peaks", make_scan())))).startswith("BNN: f = 0")


def test_pulls_of_chosen_points_have_their_mean_and_width():
    scan = make_scan(events=2_000)
    curves = shown(draw("sweep_pulls", scan, select={"noise": 0.1}))
    assert len([name for name in curves if "width" in name]) == 2
    drawn = draw("sweep_pulls", scan, select={"noise": [0.0, 0.1]})
    m = width_and_mean(pulls(scan.isel(uncertainty=0, noise=0)[["mean", "sigma_syst", "sigma_stat", "amplitude_train", "amplitude_true"]]))
    assert drawn["data"][0]["name"] == f"BNN, f = 0<br>mean {m.mean:z.2f}, width {m.width:.2f}".replace("-", "−")
    assert drawn["data"][-1]["name"] == "N(0,1)"


def test_pulls_are_told_of_all_test_events_where_only_some_are_drawn():
    scan = make_scan()
    known = {
        f"pull_{name}": (("noise", "uncertainty"), np.full((scan.sizes["noise"], 2), value))
        for name, value in (("mean", -0.5), ("width", 1.5))
    }
    drawn = draw("sweep_pulls", scan.assign(known), select={"noise": [0.0, 0.1]})
    assert drawn["data"][0]["name"] == "BNN, f = 0<br>mean −0.50, width 1.50"


def test_at_most_eight_pulls_with_the_ends_of_the_long_axes():
    names = [
        t["name"] for t in draw("sweep_pulls", make_scan(np.linspace(0, 0.1, 7), ("bnn", "deterministic", "repulsive_ensemble")))["data"]
    ]
    assert len(names) == 1 + 6
    assert all(any(f"{kind}, f = {f}<br>" in name for name in names) for kind in ("BNN", "deterministic", "ensemble") for f in ("0", "0.1"))
    assert len(draw("sweep_pulls", make_scan(np.linspace(0, 0.1, 30), ("bnn",)))["data"]) == 1 + 8


def test_table_has_a_row_for_each_uncertainty_and_end_of_the_training_sizes():
    talk = {"bnn, small, syst": 2.5e-4, "repulsive_ensemble, large, stat": 4.8e-5}
    drawn = draw("uncertainty_table", training_sizes(), published=talk)
    assert drawn["layout"]["yaxis"]["ticktext"] == [
        "BNN<br>N = 1,000",
        "BNN<br>N = 90,000",
        "ensemble<br>N = 1,000",
        "ensemble<br>N = 90,000",
    ]
    curves = shown(drawn)
    syst = curves["σ<sub>syst</sub>/A"]
    np.testing.assert_allclose(syst["x"], [1 / np.sqrt(1e3), 1 / np.sqrt(9e4), 2 / np.sqrt(1e3), 2 / np.sqrt(9e4)])
    theirs = curves["talk, arXiv:2412.12069"]
    np.testing.assert_allclose(points_of({"x": theirs["y"], "y": theirs["x"]})[1], [2.5e-4, 4.8e-5])
    assert theirs["y"][np.nanargmax(theirs["x"])] == syst["y"][0]
    texts = [note["text"] for note in drawn["layout"]["annotations"]]
    assert "2.5·10⁻⁴" in texts
    assert number(1 / 300) in texts
    assert not any("talk" in note["text"] for note in draw("uncertainty_table", training_sizes())["layout"]["annotations"])


def test_coverage_figure_draws_coverage():
    prediction = make_prediction()
    drawn = draw("coverage", prediction)
    for part, trace in (("tot", drawn["data"][0]), ("syst", drawn["data"][1])):
        c = coverage(prediction, part)
        np.testing.assert_allclose(trace["y"], 100 * c.covered)
        np.testing.assert_allclose(trace["x"], 100 * c.nominal)
    difference = next(trace for trace in drawn["data"] if trace["name"].endswith("difference"))
    np.testing.assert_allclose(difference["y"], 100 * (coverage(prediction).covered - coverage(prediction).nominal))
    names = [t["name"] for t in draw("coverage", [("A", prediction), ("B", prediction)])["data"] if t.get("yaxis") != "y2"]
    assert [name[:3] for name in names] == ["A: ", "B: ", "cal"]


def test_calibration_figure_ends_at_the_closed_form():
    prediction = make_prediction()
    path = descent(prediction, 50.0, calibrated=False)
    curves = shown(draw("calibration", prediction, start=50.0))
    np.testing.assert_allclose(curves["descent on L<sub>T</sub>"]["y"], path.temperature)
    np.testing.assert_allclose(curves["closed form √⟨t²⟩"]["y"], float(path.closed_form))
    after = next(name for name in curves if name.startswith("T σ"))
    assert f"T = {float(path.closed_form):.3f}" in after
    assert "width 1.0" in after or "width 0.9" in after


def test_members_figure_draws_widths_and_expectation():
    prediction = make_prediction(draws=8)
    w = pull_widths(prediction)
    curves = shown(draw("members", prediction))
    measured = next(trace for name, trace in curves.items() if name.startswith("8 members"))
    np.testing.assert_allclose(measured["y"], w.width)
    np.testing.assert_allclose(measured["x"], [1, 2, 4, 8])
    expected = next(trace for name, trace in curves.items() if name.startswith("√"))
    np.testing.assert_allclose(expected["y"][[0, -1]], w.expected[[0, -1]])


def changed(scan, kind):
    changes = {
        "no values per event": scalars,
        "no points": lambda s: s.isel(noise=slice(0)),
        "one point": lambda s: s.isel(noise=[0], uncertainty=[0]),
        "one noisy point": lambda s: s.isel(noise=[4], uncertainty=[0]),
        "no axes": lambda s: s.isel(noise=0, uncertainty=0),
        "one axis": lambda s: s.isel(uncertainty=0, drop=True),
        "all NaN": lambda s: s * np.nan,
        "half done": lambda s: s.where((s.noise > 0) | (s.uncertainty == "bnn")),
        "negative": lambda s: -s,
        "zero": lambda s: s * 0,
        "infinite": lambda s: s + np.inf,
        "no events": lambda s: s.isel(event=slice(0)),
        "snapshots": lambda s: xr.concat([s, s], "step").assign_coords(step=[1, 2]),
        "no snapshot": lambda s: xr.concat([s, s], "step").isel(step=slice(0)),
        "a single run": lambda s: make_prediction(events=50),
        "float32": lambda s: s.astype("float32"),
        "other order": lambda s: s.transpose("event", "noise", "uncertainty").isel(noise=[3, 0, 4, 1, 2]),
    }
    return changes[kind](scan)


KINDS = [
    "no values per event",
    "no points",
    "one point",
    "one noisy point",
    "no axes",
    "one axis",
    "all NaN",
    "half done",
    "negative",
    "zero",
]
KINDS += ["infinite", "no events", "snapshots", "no snapshot", "a single run", "float32", "other order"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SCANS)
def test_strange_scans_give_a_figure_or_a_sentence(name, kind):
    scan = changed(make_scan(events=40), kind)
    drawn = draw(name, scan)
    json.dumps(unpack(pack(drawn))["layout"])
    if not drawn["data"]:
        assert said(drawn).endswith(".")
    if kind in ("one point", "one axis", "half done", "float32", "other order"):
        assert drawn["data"]
    if kind == "no values per event":
        assert (name in PER_EVENT) == (not drawn["data"])
    both = draw(name, [("A", scan), ("B", make_scan(events=40))])
    assert both["data"] or said(both).endswith(".")


def test_a_scan_in_another_order_is_the_same_figure():
    for name in ("plateau", "noise_peaks"):
        one, other = (data_of(draw(name, scan)) for scan in (make_scan(), changed(make_scan(), "other order")))
        xr.testing.assert_allclose(one.drop_vars(["curve", "panel"]), other.drop_vars(["curve", "panel"]))


def test_runs_of_different_noise_share_the_axis():
    drawn = draw("plateau", [("A", make_scan([0.0, 1e-3])), ("B", make_scan([1e-2, 0.1]))])
    assert drawn["layout"]["xaxis"]["tickvals"][0] == 1e-4
    assert [name.split(":")[0] for name in shown(drawn) if "p = " in name and "√" not in name] == ["A", "A", "B", "B"]


def test_what_explains_the_legend_is_no_data():
    drawn = draw("plateau", make_scan())
    assert any(trace.get("meta") == "key" for trace in drawn["data"])
    assert len(np.unique(data_of(drawn)["curve"])) == len(shown(drawn))


def test_names_of_points():
    assert point_name({"uncertainty": "repulsive_ensemble", "hidden": "64, 64, 64", "noise": 0.001}) == "ensemble, 3 × 64, f = 10⁻³"
    assert point_name({"hidden": "128, 64", "calibrate": True, "events": 9_000}) == "128, 64, calibrate: True, N = 9,000"
    assert point_name({"prior_width": 0.25}) == "σ<sub>p</sub> = 0.25"


def test_numbers_in_words():
    assert [number(v) for v in (0, 0.0214, 0.00317, 1e-4, 8.7e-5, 9_000, 2e9, -0.5, np.nan)] == [
        "0",
        "0.021",
        "3.2·10⁻³",
        "10⁻⁴",
        "8.7·10⁻⁵",
        "9,000",
        "2·10⁹",
        "−0.5",
        "–",
    ]
    assert number(12_345, 6) == "12,345"


def test_decades_hold_what_is_positive():
    low, high = decades([[np.nan, -1, 0.002], [0.09]])
    assert low < 0.002 < 0.09 < high
    assert decades([[np.nan]]) == [0.1, 1.0]
    assert decades([[1e-30, 1.0]])[0] > 1e-8


def test_ladders():
    assert Ladder.of("prior_width", [[0.1, 1, 10]]).kind == "log"
    assert Ladder.of("prior_width", [[1, 10]]).kind == "linear"
    assert Ladder.of("boost_pull", [[0, 5]]).kind == "linear"
    assert Ladder.of("x", [[-5, 500]]).kind == "linear"
    assert Ladder.of("noise", [[0, 1e-4, 0.1]]).places == {0.0: 1e-5, 1e-4: 1e-4, 0.1: 0.1}
    assert Ladder.of("calibrate", [[True, False]]).places == {True: 0, False: 1}


@pytest.mark.filterwarnings("error")
def test_seeds_that_have_not_come_so_far_are_left_out():
    scan = scalars(make_scan())
    seeds = xr.concat([scan * np.nan, scan.where(scan.noise < 0.01)], "seed").assign_coords(seed=[0, 1])
    for name in ("plateau", "scan", "uncertainty_table"):
        assert draw(name, seeds)["data"]
