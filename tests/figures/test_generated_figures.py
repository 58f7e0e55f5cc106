"""Figures of generators show exactly what they are given, and judge it by known answers."""

import json

import numpy as np
import pytest
import xarray as xr
from generated import make_collisions, make_generated, make_holes, make_judged, make_nuisance

from workbench.families.generators.generated import at_nuisance, drawn_part, histogram, line, numbers, observables_of, quality, slope
from workbench.families.generators.product import GENERATOR
from workbench.figures import FIGURES, csv_of, data_of, pack, unpack
from workbench.figures.drawing import outside_words
from workbench.figures.theme import LIGHT
from workbench.physics.datasets.known import FAMILIES
from workbench.results.product import product_of

DRAWN = [name for name, entry in FIGURES.items() if entry.takes == "generator"]


def draw(name, datasets, **options):
    return FIGURES[name].as_dict(datasets, **options)


def said(drawn):
    return drawn["layout"]["annotations"][0]["text"].replace("<br>", " ")


def panel(drawn, axis, start):
    return next(
        trace for trace in drawn["data"] if trace.get("yaxis", "y") == axis and trace["name"].startswith(start) and not trace.get("fill")
    )


def test_numbers_are_those_of_the_made_histogram():
    found = quality(make_generated(tilt=0.1, spread=0.05))
    assert found.deviation == pytest.approx(0.1) and found.largest == pytest.approx(0.1) and found.where == "x"
    assert found.band == pytest.approx(0.05) and found.statistics == pytest.approx(0.04)
    assert found.log_loss - found.entropy == pytest.approx(0.01)
    assert np.isnan(quality(make_collisions()).entropy) and np.isnan(quality(make_generated(draws=1, spread=0)).band)


def test_bins_with_little_truth_are_not_judged():
    dataset = make_generated()
    filled = histogram(dataset, "x")["share"].values > 0.01
    density = dataset["density_x"].where(xr.DataArray(filled, dims="bin_x"), 7.0)
    assert quality(dataset.assign(density_x=density)).deviation == pytest.approx(0, abs=1e-12)


def test_only_generators_are_taken_for_generators():
    assert product_of(make_generated()) == product_of(make_collisions()) == "generator"
    assert product_of(xr.Dataset({"mean": ("event", [1.0])})) == "amplitude"
    assert observables_of(make_collisions()) == ["jet1_pt"]


@pytest.mark.parametrize("dataset", ["wedge", "kicker", "ring"])
@pytest.mark.parametrize("kind", ["fit", "counting"])
def test_the_family_that_made_the_spread_has_the_smaller_chi2(dataset, kind):
    family = FAMILIES[dataset][kind]
    errors = dict.fromkeys(family.derivatives(np.array([0.3])), 0.01)
    found = line(make_generated(dataset, sigma=lambda x: family.error(x, errors)))
    other = {"fit": "counting", "counting": "fit"}[kind]
    assert found.chi2[kind] < 1e-6 < found.chi2[other]
    np.testing.assert_allclose(found.fits[kind].curve, found.sigma[found.inside], rtol=1e-6)


def test_the_fit_does_not_look_at_the_hard_edges():
    found = line(make_generated())
    assert found.x[found.inside].min() == pytest.approx(0.05) and found.x[found.inside].max() == pytest.approx(0.95)


def test_three_panels_show_density_ratio_and_deviation():
    drawn = draw("generated", make_generated(tilt=0.1, spread=0.05))
    assert panel(drawn, "y", "truth") and panel(drawn, "y3", "1 %")["y"].tolist() == [1, 1]
    ratio, deviation = panel(drawn, "y2", "flow")["y"], panel(drawn, "y3", "flow")["y"]
    np.testing.assert_allclose(ratio[np.isfinite(ratio)], 1.1)
    np.testing.assert_allclose(deviation[np.isfinite(deviation)], 10)
    band = next(trace for trace in drawn["data"] if trace.get("fill") and trace.get("yaxis") == "y2" and trace["name"].startswith("flow"))
    good = band["y"][np.isfinite(band["y"])]
    assert {round(value, 6) for value in good} == {round(1.1 * 0.95, 6), round(1.1 * 1.05, 6)}
    assert drawn["layout"]["yaxis3"]["type"] == "log"


def test_steep_spectra_have_logarithmic_axes_and_units():
    layout = draw("generated", make_collisions(), observable="jet1_pt")["layout"]
    assert layout["yaxis"]["type"] == "log" and layout["yaxis"]["title"]["text"] == "density [1/GeV]"
    assert layout["xaxis"]["title"]["text"] == "p<sub>T,j1</sub> [GeV]"
    assert "type" not in draw("generated", make_generated())["layout"]["yaxis"]


def test_runs_on_the_same_data_share_one_truth_and_others_bring_their_own():
    def truths(*datasets):
        drawn = draw("generated", list(zip("AB", datasets, strict=True)))
        return [
            trace["name"]
            for trace in drawn["data"]
            if trace.get("yaxis", "y") == "y" and "truth" in trace["name"] and not trace.get("fill")
        ]

    assert len(truths(make_generated(), make_generated(tilt=0.1))) == 1
    assert len(truths(make_generated(), make_generated("kicker"))) == 2


def test_a_run_without_the_observable_is_left_out():
    drawn = draw("generated", [("A", make_generated()), ("B", make_collisions())], observable="jet1_pt")
    assert not any(trace["name"].startswith("A") for trace in drawn["data"])
    assert "no histogram of m_top; there are x, jet1_pt" in said(
        draw("generated", [("A", make_generated()), ("B", make_collisions())], observable="m_top")
    )


def test_maps_are_as_given_and_reach_the_csv():
    dataset = make_generated()
    drawn = draw("density_map", dataset)
    assert [trace["name"] for trace in drawn["data"]] == ["learned p", "true p"]
    np.testing.assert_array_equal(drawn["data"][0]["z"], dataset["map_mean"])
    np.testing.assert_array_equal(unpack(pack(drawn))["data"][0]["z"], dataset["map_mean"].astype("float32"))
    assert drawn["layout"]["coloraxis"]["colorbar"]["title"]["text"] == "p(x, y)"
    assert drawn["layout"]["coloraxis"]["colorscale"][1] == [1e-3, LIGHT.paper]  # where there is next to nothing
    assert all(axis["constrain"] == "domain" for name, axis in drawn["layout"].items() if name[1:5] == "axis")  # x and y have one scale
    assert len(draw("density_map", dataset, truth=False)["data"]) == 1
    data = data_of(FIGURES["density_map"].function(dataset))
    assert data.sizes["point"] == 2 * 400 and data.attrs["z"] == "p(x, y)"
    first = data.isel(point=data["curve"].values == "learned p")
    np.testing.assert_allclose(first["z"], dataset["map_mean"].values.ravel())
    np.testing.assert_allclose(first["x"][:20], dataset["map_x"])
    assert csv_of(drawn).splitlines()[0] == "curve,panel,x,y,z"


def test_new_events_are_points_in_a_plane_of_the_same_scale_beside_the_densities():
    dataset = make_generated()
    new = np.random.default_rng(1).random((600, 2)).astype(np.float32)
    drawn = draw("cloud", dataset.assign(cloud=(("dot", "coordinate"), new)))
    assert [trace["name"] for trace in drawn["data"]] == ["learned p", "true p", "new events"]
    points = drawn["data"][-1]
    np.testing.assert_array_equal(np.column_stack([points["x"], points["y"]]), new)
    assert points["mode"] == "markers" and (points["xaxis"], points["yaxis"]) == ("x3", "y3")
    look = drawn["layout"]
    assert look["xaxis3"]["range"] == look["xaxis"]["range"] and look["xaxis3"]["scaleanchor"] == "y3"
    assert [trace["name"] for trace in draw("cloud", dataset)["data"]] == ["learned p", "true p"], "older snapshots kept no events"


def test_maps_and_lines_of_another_toy_are_left_out():
    runs = [("A", make_generated()), ("B", make_generated("ring")), ("C", make_generated(tilt=0.1))]
    assert [trace["name"] for trace in draw("density_map", runs)["data"]] == ["A", "C", "true p"]
    assert [trace["name"] for trace in draw("uncertainty_map", runs)["data"]] == ["A", "C"]
    assert not any(trace["name"].startswith("B") for trace in draw("uncertainty_line", runs)["data"])
    assert len(draw("density_map", [(letter, make_generated()) for letter in "ABCDEF"])["data"]) == 4


def test_relative_spread_is_in_per_cent():
    z = draw("uncertainty_map", make_generated(), relative=True)["data"][0]["z"]
    np.testing.assert_allclose(z[np.isfinite(z)], 10)


def test_the_line_tells_both_chi2_and_the_coordinate():
    drawn = draw("uncertainty_line", make_generated("ring"))
    names = [trace["name"] for trace in drawn["data"]]
    assert any("fit, Gaussian<br>χ²" in name for name in names) and any("counting √p<br>χ²" in name for name in names)
    assert drawn["layout"]["xaxis"]["title"]["text"] == "r"


def test_log_loss_stands_beside_the_exact_entropy():
    reports = xr.Dataset({"validation_log_loss": ("step", [np.nan, -0.1, -0.19])}, {"step": [1, 2, 3]}, {"dataset": "wedge"})
    drawn = draw("log_loss", reports)
    (curve, exact) = drawn["data"]
    assert curve["y"].tolist() == [-0.1, -0.19] and exact["y"] == pytest.approx([0.5 - np.log(2)] * 2)
    low, high = drawn["layout"]["yaxis"]["range"]
    assert low < -0.193 and high > -0.1
    assert len(draw("log_loss", reports.assign_attrs(dataset="z_jets"))["data"]) == 1


def test_losses_of_a_generator_do_not_speak_of_amplitudes():
    reports = xr.Dataset({"likelihood": ("step", [2.0, 1.9]), "validation_log_loss": ("step", [0.1, 0.0])}, {"step": [1, 2]})
    assert draw("losses", reports)["layout"]["yaxis"]["title"]["text"] == "−⟨log p⟩"


def test_the_dip_of_a_spread_is_where_it_rises_to_both_sides():
    dipped = line(make_generated(sigma=lambda x: 0.02 + np.abs(x - 0.6)))
    assert (
        dipped.dip == pytest.approx(0.6) and dipped.bulk_dip[0] == pytest.approx(0.6) and dipped.bulk_dip[1] == pytest.approx(0.37 / 0.02)
    )
    rising = line(make_generated(sigma=lambda x: 0.01 + 0.01 * np.sqrt(x)))
    assert rising.bulk_dip[1] == pytest.approx(1.0) and rising.best != "counting"
    low = line(
        make_generated(sigma=lambda x: 0.01 * x + 0.5 * np.where(x < 0.3, x**2, 0.04 + (x - 0.6) ** 2))
    )  # lowest at the end, with a dip in the bulk
    assert low.dip == pytest.approx(0.05) and low.bulk_dip[0] == pytest.approx(0.6)


def test_the_numbers_of_a_generator_are_those_of_its_parts():
    dataset = make_generated(tilt=0.1, spread=0.05, sigma=lambda x: 0.02 + np.abs(x - 0.6))
    found = numbers(dataset)
    assert float(found["deviation_x"]) == pytest.approx(0.1) and float(found["band"]) == pytest.approx(0.05)
    assert float(found["bulk_dip"]) == pytest.approx(0.6) and float(found["rise"]) == pytest.approx(0.37 / 0.02)
    assert found["deviation_x"].attrs["long_name"].endswith("of x") and all(variable.attrs["units"] for variable in found.values())
    assert np.isnan(numbers(make_collisions())["spread"])
    part = drawn_part(dataset, ["x"], maps=False)
    assert "map_mean" not in part and numbers(part)["deviation_x"] == pytest.approx(0.1, rel=1e-4)


def test_what_is_just_outside_of_the_hole_is_held_against_the_truth_with_the_error_of_both():
    about = {"symbol": "ΔR", "unit": "", "long_name": "Distance"}
    truth, drawn = np.array([0.0, 0.0, 0.0, 0.2, 0.4, 0.4]), np.array([[0.1, 0.1, 0.1, 0.3, 0.2, 0.2]])
    dataset = xr.Dataset({
        "edges_jets12_distance": ("edge", np.linspace(0, 0.8, 7), about), "truth_jets12_distance": ("bin", truth),
        "error_jets12_distance": ("bin", 0.1 * truth), "density_jets12_distance": (("draw", "bin"), drawn),
        "drawn_error_jets12_distance": (("draw", "bin"), 0.2 * drawn), "log_loss": ((), 1.0),
    })  # fmt: skip
    found = numbers(dataset)
    assert float(found["edge_ratio"]) == pytest.approx(1.5) and float(found["edge_error"]) == pytest.approx(1.5 * np.hypot(0.1, 0.2))
    assert np.isnan(numbers(make_collisions())["edge_ratio"])
    nothing = dataset.assign(truth_jets12_distance=("bin", np.zeros(6)))
    assert np.isnan(numbers(nothing)["edge_ratio"])


def test_a_power_law_has_its_slope_and_the_band_is_drawn_beside_it():
    n = np.array([1e4, 3e4, 1e5, 3e5])
    assert slope(n, 0.3 / np.sqrt(n)) == pytest.approx(-0.5) and np.isnan(slope(n, np.full(4, np.nan)))
    scan = xr.Dataset({"spread": ("events", 0.3 / np.sqrt(n))}, {"events": n})
    drawn = draw("band_size", scan)
    assert "N<sup>−0.50</sup>" in drawn["data"][0]["name"]
    np.testing.assert_allclose(drawn["data"][1]["y"], scan["spread"])
    assert said(draw("band_size", scan.drop_vars("spread"))).endswith(".")


def test_four_ways_are_two_runs_with_and_without_weights():
    drawn = draw("ways", [("A", make_judged()), ("B", make_judged(alpha=0.5, off=0.05))])
    names = {trace["name"] for trace in drawn["data"]}
    assert {"A: INN", "A: INN × w<sub>D</sub>", "B: DiscFlow", "B: DiscFlow × w<sub>D</sub>"} <= names
    np.testing.assert_allclose(panel(drawn, "y2", "A: INN × w")["y"], 1.0)
    ratio = next(trace["y"] for trace in drawn["data"] if trace["name"] == "A: INN" and trace.get("yaxis") == "y2")
    np.testing.assert_allclose(ratio, 1.2)
    assert "discriminator" in said(draw("ways", make_collisions()))


def test_weights_are_drawn_over_truth_and_generated_events_and_by_bin():
    drawn = draw("weights", make_judged())
    assert {trace["name"] for trace in drawn["data"]} == {"generated, AUC 0.530", "truth"}
    assert {trace.get("xaxis", "x") for trace in drawn["data"]} == {"x", "x2"}
    where = draw("weight_points", make_judged(off=0.25))
    np.testing.assert_allclose(where["data"][0]["y"], 0.8)
    assert where["layout"]["yaxis"]["range"][0] < 0.8


def test_at_each_nuisance_the_truth_is_weighted_and_the_network_conditioned():
    assert at_nuisance(make_nuisance(), "jet1_pt", 7.0).attrs["a"] == 5
    drawn = draw("nuisance", make_nuisance(), a=30.0)
    assert any(trace["name"] == "truth × w(a = 30)" for trace in drawn["data"])
    np.testing.assert_allclose(panel(drawn, "y2", "flow on a = 30")["y"], 1.0)
    assert at_nuisance(make_collisions(), "jet1_pt", 0.0) is None


def test_the_theory_band_opens_where_the_weight_grows():
    drawn = draw("theory_band", make_nuisance())
    envelope = next(trace["y"] for trace in drawn["data"] if trace["name"].startswith("theory"))
    sigma = next(trace["y"] for trace in drawn["data"] if trace["name"] == "a = 30" and trace.get("yaxis") == "y2")
    good = np.isfinite(envelope)
    assert envelope[good][-1] > 3 * np.nanmin(envelope) and sigma[np.isfinite(sigma)] == pytest.approx(1.0)


def test_the_hole_has_its_circle_beside_the_truth():
    drawn = draw("hole", [("A", make_holes()), ("B", make_holes())])
    assert [trace["name"] for trace in drawn["data"]] == ["truth", "A", "B", "ΔR = 0.4", "ΔR = 0.4", "ΔR = 0.4"]
    np.testing.assert_allclose(np.hypot(drawn["data"][3]["x"], drawn["data"][3]["y"]), 0.4)
    assert {trace["xaxis"] for trace in drawn["data"]} == {"x", "x2", "x3"}
    assert "two jets" in said(draw("hole", make_collisions()))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("made", [make_judged, make_nuisance, make_holes])
@pytest.mark.parametrize("name", DRAWN)
def test_nothing_finite_gives_a_figure_or_a_sentence(name, made):
    with xr.set_options(keep_attrs=True):
        for strange in (made(), made() * np.nan, made() * 0):
            drawn = draw(name, strange)
            json.dumps(unpack(pack(drawn))["layout"], allow_nan=False)
            assert drawn["data"] or said(drawn).endswith(".")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.isel(draw=slice(1)),
        lambda d: d.isel(draw=slice(0)),
        lambda d: d * np.nan,
        lambda d: d.drop_vars(["density_x", "edges_x", "truth_x", "error_x"]),
        lambda d: d[["log_loss"]],
        lambda d: d.assign(density_x=0 * d["density_x"], map_mean=0 * d["map_mean"], line_density=0 * d["line_density"]),
        lambda d: d.assign(truth_x=0 * d["truth_x"], error_x=0 * d["error_x"]),
        lambda _: make_collisions(),
    ],
)
def test_strange_datasets_give_a_figure_or_a_sentence(name, change):
    with xr.set_options(keep_attrs=True):
        drawn = draw(name, change(make_generated()))
    json.dumps(unpack(pack(drawn))["layout"], allow_nan=False)
    assert drawn["data"] or said(drawn).endswith(".")


def old_bins(dataset="wedge", inside=0.46):
    """A file from before bins suited the events: a part of the truth lies outside, and nothing says on which side."""
    made = make_generated(dataset)
    return made.assign({name: made[name] * inside for name in ("truth_x", "error_x", "density_x")})


def test_what_lies_outside_stands_in_the_figure_and_gets_no_score():
    made = old_bins()
    assert said(draw("generated", made)) == "54 % outside, to the right"
    found = quality(made)
    assert np.isnan(found.deviation) and found.reason == "of x 54 % of the events lie outside of its bins"
    edges = made["edges_x"].assign_attrs(below=0.003, above=0.021)
    told = make_generated().assign(edges_x=edges)
    assert said(draw("generated", told)) == "outside: 0.3 % to the left, 2.1 % to the right"
    assert quality(told).deviation >= 0 and not quality(told).reason
    assert (
        "annotations" not in draw("generated", make_generated())["layout"]
        or not draw("generated", make_generated())["layout"]["annotations"]
    )
    both = draw("generated", [("A", told), ("B", make_generated("kicker"))])
    assert said(both) == "wedge: outside: 0.3 % to the left, 2.1 % to the right" or said(both).startswith("outside")


def test_a_histogram_that_says_nothing_gets_no_perfect_score():
    made = make_generated()
    one = np.zeros(50)
    one[10] = 1 / np.diff(made["edges_x"].values)[10]
    alone = made.assign(truth_x=("bin_x", one), error_x=("bin_x", one / 30), density_x=(("draw", "bin_x"), np.tile(one, (9, 1))))
    assert np.isnan(quality(alone).deviation) and quality(alone).reason == "of x one bin holds 100 % of the events"
    flat = made.assign(truth_x=made["truth_x"] * 0 + 0.001)
    assert "outside" in quality(flat).reason
    lost = made.assign(density_x=made["density_x"] * np.nan)
    assert quality(lost).reason == "of x no generated event is finite" and np.isnan(float(numbers(lost)["deviation"]))


def make_window(lost=0.115, drawn_lost=(0.115, 0.115)):
    """Judged collisions of which a window on the Z peak leaves out some of the truth, and more or less of what each draw has."""
    parts = ("edges", "truth", "error", "density", "central", "central_error", "reweighted", "reweighted_error", "weight_mean")
    made = make_judged().rename({f"{part}_jet1_pt": f"{part}_dimuon_peak" for part in parts})
    truth = made["truth_dimuon_peak"] * (1 - lost)
    draws = (made["truth_dimuon_peak"].values * (1 - share) for share in drawn_lost)
    made = made.assign(truth_dimuon_peak=truth, error_dimuon_peak=0.02 * truth, density_dimuon_peak=(("draw", "bin"), np.stack([*draws])))
    made["edges_dimuon_peak"].attrs |= {"below": lost / 2, "above": lost / 2}
    return made


def test_what_a_window_on_a_peak_leaves_out_is_one_more_bin_of_its_score():
    right = quality(make_window())
    assert right.deviation == pytest.approx(0, abs=1e-12) and not right.reason
    smeared = make_window(drawn_lost=(0.20, 0.26))  # inside each bin is 0.87 of the truth, and outside twice of it
    h = histogram(smeared, "dimuon_peak", scored=True)
    assert h["share"].sum() == pytest.approx(1, abs=0.1), "all but bins of less than 1 % are judged"
    rest = h.isel(bin=-1)
    assert np.isnan(rest["low"]) and float(rest["truth"]) == pytest.approx(0.115) and float(rest["ratio"]) == pytest.approx(0.23 / 0.115)
    assert float(rest["sigma"]) == pytest.approx(0.03)
    inside = histogram(smeared, "dimuon_peak")
    errors = (inside["error"] * (inside["high"] - inside["low"])) ** 2
    assert float(rest["error"]) == pytest.approx(float(np.sqrt(errors.sum() * 0.115 / 0.885)))  # of so many events, √n
    found = quality(smeared)
    assert found.largest == pytest.approx(1.0) and found.where == "dimuon_peak"
    few = make_window(lost=0.04, drawn_lost=(0.2, 0.2))
    assert np.isfinite(histogram(few, "dimuon_peak", scored=True)["low"]).all(), "bins that hold 95 % are judged alone"


def test_bins_that_hold_too_little_give_no_score_of_any_kind():
    lost = make_window(lost=0.6, drawn_lost=(0.6, 0.6))
    assert quality(lost).reason == "of dimuon_peak 60 % of the events lie outside of its bins"
    made = make_judged()
    assert float(numbers(made)["central_jet1_pt"]) == pytest.approx(0.2)
    made["edges_jet1_pt"].attrs |= {"below": 0.0, "above": 0.06}
    found = numbers(made)
    assert all(np.isnan(float(found[name])) for name in ("deviation", "largest", "central_jet1_pt", "reweighted_jet1_pt", "band_jet1_pt"))
    for a in (0, 30):
        assert float(numbers(make_nuisance())[f"nuisance_{a}_jet1_pt"]) == 1.0
        made = make_nuisance()
        made["edges_jet1_pt"].attrs |= {"below": 0.06, "above": 0.0}
        assert np.isnan(float(numbers(made)[f"nuisance_{a}_jet1_pt"]))


@pytest.mark.parametrize("older", [False, True])
def test_at_a_nuisance_what_lies_outside_is_said_and_one_more_bin_of_the_score(older):
    """The truth at a = 30 has a quarter of its events beyond the bins of a = 0."""
    made = make_nuisance()
    factor = np.array([1.0, 0.9, 0.75])
    truth, error, density = (made[f"nuisance_{part}_jet1_pt"] for part in ("truth", "error", "density"))
    scale = xr.DataArray(factor, dims="nuisance")
    made = made.assign(nuisance_truth_jet1_pt=truth * scale, nuisance_error_jet1_pt=error * scale)
    if not older:
        made["nuisance_outside_jet1_pt"] = (("nuisance", "side"), np.stack([0 * factor, 1 - factor], axis=1))
    right = made.assign(nuisance_density_jet1_pt=density * scale)
    assert "25 % outside, to the right" in said(draw("nuisance", right, a=30.0))
    assert not draw("nuisance", right, a=0.0)["layout"].get("annotations")
    h = at_nuisance(right, "jet1_pt", 30.0, scored=True)
    assert float(h["truth"][-1]) == pytest.approx(0.25) and float(h["ratio"][-1]) == pytest.approx(1.0)
    assert float(numbers(right)["nuisance_30_jet1_pt"]) == 1.0
    wrong = made.assign(nuisance_density_jet1_pt=density)  # a flow that lets nothing out
    assert float(at_nuisance(wrong, "jet1_pt", 30.0, scored=True)["mean"][-1]) == pytest.approx(0, abs=0.02)
    assert float(numbers(wrong)["nuisance_30_jet1_pt"]) < 0.5


def test_the_edge_of_the_hole_is_judged_only_where_a_bin_begins_there():
    made = make_collisions().rename({f"{part}_jet1_pt": f"{part}_jets12_distance" for part in ("edges", "truth", "error", "density")})
    made["drawn_error_jets12_distance"] = (("draw", "bin"), 0.01 * made["density_jets12_distance"].values)
    for first, ratio in ((0, 1.0), (3, np.nan)):
        edges = made.assign(edges_jets12_distance=("edge", np.linspace(first, first + 6, 31)))
        assert float(numbers(edges)["edge_ratio"]) == pytest.approx(ratio, nan_ok=True)


def test_bins_with_few_events_are_joined_with_their_draws():
    made = make_generated(tilt=0.1, spread=0.05)
    count = np.zeros(50)
    count[10:30] = 400
    count[30:40] = [9, 3, 0, 10, 8, 1, 30, 2, 0, 2]
    width = np.diff(made["edges_x"].values)
    truth, error = count / 8_100 / width, np.sqrt(count) / 8_100 / width
    offsets = np.linspace(-1, 1, 4)[:, None] * 0.1
    made = made.drop_dims("draw").assign(
        truth_x=("bin_x", truth), error_x=("bin_x", error), density_x=(("draw", "bin_x"), truth * (1 + offsets))
    )
    h = histogram(made, "x", join=True)
    content = h["truth"].values * (h["high"] - h["low"]).values * 8_100
    assert all(number == pytest.approx(0, abs=1e-9) or number > 19.99 for number in content) and content.sum() == pytest.approx(count.sum())
    np.testing.assert_allclose((h["error"] * (h["high"] - h["low"]))[content > 0] * 8_100, np.sqrt(content[content > 0]))
    np.testing.assert_allclose((h["sigma"] / h["truth"])[content > 0], offsets.std())
    assert h.sizes["bin"] < 50 == histogram(made, "x").sizes["bin"]
    points = next(trace for trace in draw("generated", made)["data"] if trace.get("yaxis") == "y3" and trace["name"].startswith("flow"))
    assert points["mode"] == "markers" and len(points["x"]) == h.sizes["bin"]


def test_a_map_of_old_runs_on_own_points_is_explained():
    bare = make_collisions().assign_attrs(dataset="ring")
    assert "before these had a map" in said(draw("density_map", bare))
    assert "too many dimensions" in said(draw("density_map", make_collisions()))


def test_shares_are_never_written_with_an_exponent():
    assert outside_words(0.0, 1.0) == "100 % outside, to the right" and outside_words(0.021, 0.0) == "2.1 % outside, to the left"
    found = make_generated()
    for name in observables_of(found):
        found[f"truth_{name}"] = found[f"truth_{name}"] * np.where(np.arange(found[f"truth_{name}"].size) % 2, 0.1, 1.9)
    assert "largest" in (said := GENERATOR.sentence(found)) and "e+" not in said
