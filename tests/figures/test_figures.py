"""What every figure keeps to, whatever it is given."""

import functools
import json
import re

import numpy as np
import pytest
import xarray as xr
from generated import make_generated, make_holes, make_judged, make_nuisance

from workbench.families.basics.job import BasicsJob
from workbench.families.basics.recipe import BasicsRecipe
from workbench.families.formulas.job import FormulaJob
from workbench.families.formulas.recipe import FormulaRecipe
from workbench.families.inference.job import InferenceJob
from workbench.families.inference.recipe import InferenceRecipe
from workbench.families.taggers.job import TaggerJob
from workbench.families.taggers.recipe import TaggerRecipe
from workbench.figures import FIGURES, THEMES, csv_of, data_of, pack, unpack
from workbench.figures.drawing import bound, thinned, with_error
from workbench.results.prediction import summary

UNITLESS = ("step", "−⟨log p(A)⟩", "KL / N", "⟨A⟩ / A", "normalised density", "density per decade", "relative error bar σ/A")
UNITLESS += ("ratio to a = 0", "w<sub>D</sub> = D/(1 − D)", "w<sub>D</sub>", "⟨w<sub>D</sub>⟩ per bin", "Δη", "Δφ", "per decade")
UNITLESS += ("median σ/A", "median σ/A and |Δ|", "noise f<sub>smear</sub>", "mean σ/A over the test events")
UNITLESS += (
    "learned relative error bar σ<sub>syst</sub>/A",
    "members n in ⟨A⟩",
    "width of t<sub>syst</sub>",
    "T",
    "step of the descent",
    "",
)
UNITLESS += ("f − best", "(y − f)/σ", "loss", "φ(ω x + β)", "along the path", "across it")
UNITLESS += ("complexity: nodes", "MSE / variance", "Δ/s = (s<sub>new</sub> − s)/s", "probability", "generation", "value")
UNITLESS += ("−⟨log p⟩", "density", "ratio", "x", "y", "σ of p(x)")
UNITLESS += ("loss per event", "⟨(log r̂ − log r)²⟩", "exact log r(x|θ)", "estimated log r̂(x|θ)", "joint log r(x,z|θ)", "log r(x|θ)")
UNITLESS += ("log of n(θ)/n(SM) in the bin", "q(f<sub>W</sub>)", "q(f<sub>WW</sub>)", "Δφ, forward − backward jet")
UNITLESS += ("share of the information", "q(0) of one experiment", "share of experiments above")
UNITLESS += ("AUC", "1/ε<sub>B</sub>(0.5)", "1/ε<sub>B</sub>(0.3)", "μ = ⟨p(top)⟩", "jets, normalised", "top jets kept ε<sub>S</sub>", "σ")
UNITLESS += ("QCD rejection 1/ε<sub>B</sub>", "share of tops", "jets", "training jets N", "σ, 0.3 < μ < 0.7", "tagger", "ECE")
UNITLESS += ("σ<sub>z</sub>/as they are", "u, across the main axis", "v, along the main axis")


def make_prediction(events=1_500, draws=8, *, noise=0.02, seed=0):
    rng = np.random.default_rng(seed)
    truth = np.exp(rng.normal(-14.7, 2.3, events))
    momenta = rng.normal(size=(events, 5, 4)) * 100
    momenta[..., 0] = np.linalg.norm(momenta[..., 1:], axis=-1)
    mean = truth * (1 + 0.01 * rng.normal(size=(draws, events)))
    return xr.Dataset(
        {
            "mean": (("draw", "event"), mean, {"units": "GeV^-2"}),
            "sigma_syst": (("draw", "event"), noise * truth * np.exp(0.2 * rng.normal(size=mean.shape))),
            "amplitude_true": ("event", truth),
            "amplitude_train": ("event", truth * (1 + noise * rng.normal(size=events))),
            "momenta": (("event", "particle", "component"), momenta),
            "temperature": ((), 1.05),
        },
        attrs={"process": "gg_yyg", "recipe": json.dumps({"noise": noise, "steps": 2_000, "sampling": "flat"})},
    )


def make_reports(count=2_000):
    step = np.arange(1, count + 1)
    sometimes = np.where(step % 20 == 0, 1.0, np.nan)
    fall = np.exp(-step / 200) - 2
    return xr.Dataset(
        {
            "seconds": ("step", step / 100),
            "loss": ("step", fall + 0.1),
            "likelihood": ("step", fall),
            "kl": ("step", np.where(step > 1_000, 0.02, 0.0)),
            "validation_likelihood": ("step", sometimes * fall),
            "validation_delta": ("step", sometimes * np.exp(-step / 500)),
        },
        coords={"step": step},
    )


MADE = dict.fromkeys(["ways", "weights", "weight_points"], make_judged)
MADE |= {"nuisance": make_nuisance, "theory_band": make_nuisance, "hole": make_holes}
DRAWN = [name for name in FIGURES if name != "band_size"]  # that one draws a scan of generators: test_generated_figures


def make_generator_reports():
    reports = make_reports()
    return reports.assign(validation_log_loss=reports["validation_likelihood"] + 1).assign_attrs(dataset="wedge")


def make_scan(noise=(0.0, 1e-4, 1e-3, 1e-2, 0.1), uncertainty=("bnn", "repulsive_ensemble"), *, events=400, seed=0):
    """A finished sweep whose σ_syst/A is √(f² + p²) for every event, p = 0.002 for the first uncertainty and half of it for the next."""
    rng = np.random.default_rng(seed)
    f, p = np.array(noise), 0.002 / 2.0 ** np.arange(len(uncertainty))[:, None]
    relative = {"syst": np.sqrt(f**2 + p**2), "stat": np.broadcast_to(p / 4, (len(uncertainty), len(f)))}
    relative["tot"] = np.hypot(relative["syst"], relative["stat"])
    dims, truth = ("uncertainty", "noise"), np.exp(rng.normal(-14.7, 2.3, events))
    scalars = {f"sigma_{part}_{average}": (dims, value) for part, value in relative.items() for average in ("median", "mean")}
    mean = truth * (1 + 0.7 * p[..., None] * rng.normal(size=(len(uncertainty), len(f), events)))
    noisy = truth * (1 + f[:, None] * rng.normal(size=(len(f), events)))
    per_event = {
        "mean": ((*dims, "event"), mean),
        "amplitude_train": ((*dims, "event"), np.broadcast_to(noisy, mean.shape)),
        "amplitude_true": ("event", truth),
        **{f"sigma_{part}": ((*dims, "event"), relative[part][..., None] * truth) for part in ("syst", "stat")},
    }
    return xr.Dataset(
        {**scalars, "delta_median": (dims, np.broadcast_to(p / 2, relative["stat"].shape)), **per_event},
        coords={"noise": f, "uncertainty": list(uncertainty)},
    )


@functools.cache
def make_first_lesson(seed):
    job = BasicsJob(BasicsRecipe(hidden=[4, 4], steps=40, seed=seed))
    assert list(job.train())
    return job.prediction()


@functools.cache
def make_inference(seed):
    job = InferenceJob(InferenceRecipe(hidden=[8], events=500, steps=20, members=2, seed=seed))
    assert list(job.train())
    return job.prediction()


@functools.cache
def make_tagger(seed):
    recipe = TaggerRecipe(
        jets=400, test_jets=200, steps=30, constituents=10, uncertainty="bnn_last_layer", draws=4, warm_start=0.2, seed=seed
    )
    job = TaggerJob(recipe)
    assert list(job.train())
    return job.prediction()


def make_tagger_reports():
    reports = make_reports()
    return reports.assign(validation_auc=0.9 - 0 * reports["validation_delta"], validation_rejection=20 + 0 * reports["validation_delta"])


def make_inference_reports():
    reports = make_reports()
    fall = np.exp(-reports["step"] / 500)
    return reports.assign(validation_mse=("step", fall.values), validation_mse_trimmed=("step", fall.values / 5))


@functools.cache
def make_search(seed):
    job = FormulaJob(FormulaRecipe(events=1_000, steps=4, samples=2, seed=seed))
    reports = list(job.train())
    columns = {name: ("step", [report.losses[name] for report in reports]) for name in ("loss", "smallest")}
    steps = [report.step for report in reports]
    return job.prediction(), xr.Dataset(columns, {"step": steps}, attrs=job.recipe.reported)


def inputs(name, seed=0):
    takes = FIGURES[name].takes
    if takes == "inference":
        return make_inference(seed)
    if takes == "tagger":
        return make_tagger(seed)
    if name == "tagger_quality":
        return make_tagger_reports()
    if name == "ratio_error":
        return make_inference_reports()
    if takes == "formula":
        return make_search(seed)[0]
    if name == "formula_search":
        return make_search(seed)[1]
    if takes == "basics":
        return make_first_lesson(seed)
    if takes == "scan":
        return make_scan(seed=seed)
    if takes == "generator":
        return MADE[name]() if name in MADE else make_generated(spread=0.05 + 0.01 * seed)
    if takes == "reports":
        return make_generator_reports() if name == "log_loss" else make_reports()
    return make_prediction(seed=seed)


@pytest.fixture(params=[(name, theme, several) for name in DRAWN for theme in THEMES for several in (False, True)], ids=str)
def drawn(request):
    name, theme, several = request.param
    entry = FIGURES[name]
    one = inputs(name)
    return THEMES[theme], entry.function([("first", one), ("second", inputs(name, 1))] if several else one, theme)


def test_every_axis_says_what_it_shows_in_which_unit(drawn):
    layout = drawn[1].to_plotly_json()["layout"]
    axes = {key: axis for key, axis in layout.items() if key.startswith(("xaxis", "yaxis"))}
    assert {"xaxis", "yaxis"} <= set(axes)
    for axis in axes.values():
        title = axis["title"]["text"]
        pull = title.startswith("t")
        assert title in UNITLESS or pull or title.rstrip().endswith("]"), title


def test_every_curve_has_a_name_and_a_colour_and_few_points(drawn):
    theme, figure = drawn
    assert figure.data
    for trace in figure.data:
        assert trace.name
        if trace.type == "heatmap":
            assert trace.coloraxis and trace.z.shape == (len(trace.y), len(trace.x))
            continue
        if trace.type == "contour":
            assert trace.line.color and trace.z.shape == (len(trace.y), len(trace.x))
            continue
        assert (trace.line.color if trace.mode != "markers" else trace.marker.color) is not None
        assert len(trace.x) == len(trace.y) <= 600
        if trace.mode == "lines" and trace.fill is None:
            assert trace.line.width >= 0.75 * theme.line_width
    assert figure.layout.showlegend is False or any(trace.showlegend is not False for trace in figure.data)


def test_every_figure_is_json_and_survives_packing(drawn):
    figure = drawn[1]
    json.loads(figure.to_json())
    back = unpack(pack(figure))
    for packed, trace in zip(back["data"], figure.data, strict=True):
        np.testing.assert_allclose(packed["y"], trace.y, rtol=1e-5, atol=1e-6 * np.ptp(np.nan_to_num(trace.y)))


def test_fonts_and_lines_are_large_on_a_projector(drawn):
    theme, figure = drawn
    assert figure.layout.font.size == theme.font_size >= (18 if theme.name == "projector" else 14)
    assert figure.layout.font.color == theme.ink
    assert theme.name != "projector" or theme.line_width >= 3


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_is_as_high_in_a_notebook_as_on_a_page(name):
    assert FIGURES[name].function(inputs(name)).layout.height == FIGURES[name].height
    assert "height" not in FIGURES[name].as_dict(inputs(name))["layout"], "pages give it the height that they have"


def test_the_zoom_survives_new_data(drawn):
    assert drawn[1].layout.uirevision


@pytest.mark.parametrize("name", DRAWN)
def test_a_page_gets_a_file_name_and_no_cloud_button(name):
    config = FIGURES[name].as_dict(inputs(name))["config"]
    assert config["toImageButtonOptions"] == {"format": "svg", "filename": name, "scale": 1}
    assert config["showSendToCloud"] is False


@pytest.mark.parametrize("name", [name for name, entry in FIGURES.items() if entry.takes == "amplitude" and not entry.finished])
def test_figures_of_a_summary_need_no_draws(name):
    s = summary(make_prediction())
    assert FIGURES[name].as_dict(s.drop_vars(["sigma_tot", "delta", "momenta"]).astype("float32"))["data"]


def broken(prediction, kind):
    if kind == "no events":
        return prediction.isel(event=slice(0))
    if kind == "one event":
        return prediction.isel(event=slice(1))
    if kind == "all NaN":
        return prediction.assign(mean=prediction["mean"] * np.nan)
    if kind == "zero errors":
        return prediction.assign(sigma_syst=prediction["sigma_syst"] * 0)
    if kind == "infinite":
        return prediction.assign(mean=prediction["mean"] + np.inf)
    if kind == "one draw":
        return prediction.isel(draw=slice(1))
    if kind == "negative":
        return prediction.assign(mean=-prediction["mean"])
    return summary(prediction).drop_vars("momenta")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["no events", "one event", "all NaN", "zero errors", "infinite", "one draw", "negative", "summary"])
@pytest.mark.parametrize("name", [name for name, entry in FIGURES.items() if entry.takes == "amplitude"])
def test_strange_predictions_give_a_figure_or_a_sentence(name, kind):
    figure = FIGURES[name].as_dict(broken(make_prediction(events=60), kind))
    json.dumps(unpack(pack(figure))["layout"])
    if not figure["data"]:
        assert figure["layout"]["annotations"][0]["text"].endswith(".")


@pytest.mark.parametrize(
    "change", [lambda r: r.isel(step=slice(0)), lambda r: r.isel(step=slice(1)), lambda r: r * np.nan, lambda r: r[["seconds"]]]
)
@pytest.mark.parametrize("name", ["losses", "accuracy"])
def test_strange_reports_give_a_figure_or_a_sentence(name, change):
    figure = FIGURES[name].as_dict(change(make_reports(50)))
    assert figure["data"] or figure["layout"]["annotations"][0]["text"].endswith(".")


def test_no_run_gives_a_sentence():
    assert FIGURES["delta"].as_dict([])["layout"]["annotations"][0]["text"] == "No run is chosen."


def test_pull_figure_tells_mean_width_and_temperature():
    name = FIGURES["systematic_pull"].as_dict(make_prediction(events=5_000))["data"][0]["name"]
    assert "mean " in name
    assert "width 1.0" in name or "width 0.9" in name
    assert "T = 1.05" in name


def test_injected_noise_is_marked_only_where_there_is_some():
    entry = FIGURES["sigmas"]
    assert any("noise f = 0.02" in trace["name"] for trace in entry.as_dict(make_prediction())["data"])
    assert not any(
        "noise" in trace["name"] for trace in entry.as_dict(make_prediction(noise=0.0).assign_attrs(recipe='{"noise": 0}'))["data"]
    )


def test_a_run_keeps_its_colour_when_another_is_added():
    one = FIGURES["delta"].as_dict([("a", make_prediction()), ("b", make_prediction(seed=1))])
    two = FIGURES["delta"].as_dict([("a", make_prediction()), ("b", make_prediction(seed=1)), ("c", make_prediction(seed=2))])
    assert [t["line"]["color"] for t in one["data"]] == [t["line"]["color"] for t in two["data"]][:2]


def test_axes_keep_still_while_values_change_a_little():
    first, second = (FIGURES["systematic_pull"].as_dict(make_prediction(seed=seed))["layout"] for seed in (0, 1))
    assert first["xaxis"]["range"] == second["xaxis"]["range"]
    assert first["yaxis"]["range"] == second["yaxis"]["range"]


def test_largest_amplitudes_tell_how_many_they_are():
    names = [trace["name"] for trace in FIGURES["delta_largest"].as_dict(make_prediction(events=2_000))["data"]]
    assert "all 2,000" in names[0]
    assert "largest 1 % (20)" in names[1]
    assert "largest 0.1 % (2)" in names[2]


def test_data_of_a_figure_is_what_is_shown():
    figure = FIGURES["delta"].function(make_prediction())
    data = data_of(figure)
    assert data.sizes["point"] == sum(len(trace.x) for trace in figure.data)
    np.testing.assert_allclose(data["y"].values[: len(figure.data[0].y)], figure.data[0].y)
    assert data.attrs["x"].endswith("[%]")
    rows = csv_of(figure).splitlines()
    assert rows[0] == "curve,panel,x,y"
    assert len(rows) == 1 + data.sizes["point"]


def test_thinning_keeps_spikes_ends_and_order():
    x, y = np.arange(10_000.0), np.zeros(10_000)
    y[7_777] = 5
    kept_x, kept_y = thinned(x, y)
    assert len(kept_x) <= 600
    assert kept_y.max() == 5
    assert np.all(np.diff(kept_x) > 0)
    assert thinned(x[:9], y[:9])[0].size == 9


def test_bound_and_errors_in_words():
    assert bound(0.3, [0.1, 0.5, 1]) == 0.5
    assert bound(np.nan, [0.1, 1]) == 1
    assert with_error(-0.01234, 0.0071) == "−0.012 ± 0.007"
    assert with_error(1.0, 0.0123) == "1.000 ± 0.012"


@pytest.mark.parametrize(
    "array", [np.linspace(0, 1, 7), 1e9 + np.arange(5.0), np.array([1e-60, 1e-50]), np.array([np.nan, 1.0]), np.arange(3), np.array([])]
)
def test_packing_keeps_what_a_screen_can_show(array):
    back = unpack(pack({"data": [{"x": array}], "layout": {"width": np.float64(3), "nothing": float("nan"), "list": [1, np.int64(2)]}}))
    np.testing.assert_allclose(back["data"][0]["x"], array, rtol=1e-6, atol=1e-6 * (np.ptp(np.nan_to_num(array)) if array.size else 0))
    assert back["layout"] == {"width": 3, "nothing": None, "list": [1, 2]}


def test_equal_arrays_are_packed_once_and_all_come_back():
    x, y, none = np.linspace(0, 1, 1_000), np.linspace(5, 7, 1_000), np.array([])
    curves = [{"x": x, "y": y}, {"x": x.copy(), "y": x[:3]}, {"x": none, "y": none}, {"x": y, "y": x.reshape(-1, 4)}]
    frame = pack({"data": curves, "layout": {}})
    assert len(frame) < len(pack({"data": curves[:1], "layout": {}})) + 400
    for packed, curve in zip(unpack(frame)["data"], curves, strict=True):
        for name in ("x", "y"):
            np.testing.assert_allclose(packed[name], curve[name], atol=1e-6)


def test_packing_two_dimensions_and_equal_figures():
    grid = np.arange(6.0).reshape(2, 3)
    frame = pack({"data": [{"z": grid}], "layout": {}})
    np.testing.assert_array_equal(unpack(frame)["data"][0]["z"], grid)
    assert frame == pack({"data": [{"z": grid.copy()}], "layout": {}})


def with_units(prediction, units, process):
    mean = prediction["mean"].assign_attrs(units=units)
    return prediction.assign(mean=mean).assign_attrs(process=process)


def titles(name, datasets, **options):
    layout = FIGURES[name].as_dict(datasets, **options)["layout"]
    return [axis["title"]["text"] for key, axis in layout.items() if key.startswith(("xaxis", "yaxis")) and "title" in axis]


def test_amplitudes_are_shown_in_the_unit_of_the_prediction():
    two_jets = with_units(make_prediction(), "GeV^-4", "gg_yygg")
    two_jets = two_jets.drop_dims("particle").assign(
        momenta=(("event", "particle", "component"), np.tile(two_jets.momenta.values[:, :3], (1, 2, 1)))
    )
    for datasets, power in ((make_prediction(), 2), (two_jets, 4)):
        shown = titles("prediction_truth", datasets)
        assert f"A [GeV<sup>−{power}</sup>]" in shown and f"⟨A⟩ [GeV<sup>−{power}</sup>]" in shown
        assert f"Σ A [GeV<sup>−{power + 1}</sup>]" in titles("kinematics", datasets, observable="diphoton_mass")
        assert f"Σ A [GeV<sup>−{power}</sup>]" in titles("kinematics", datasets, observable="cos_theta")
    assert "Σ A [GeV<sup>−5</sup>]" in titles("kinematics", two_jets, observable="dijet_mass")


def test_runs_of_different_processes_share_ratios_but_no_sums():
    runs = [("one jet", make_prediction()), ("two jets", with_units(make_prediction(), "GeV^-4", "gg_yygg"))]
    assert "A [GeV<sup>−2</sup> or GeV<sup>−4</sup>]" in titles("prediction_truth", runs)
    assert "choose runs of one process" in json.dumps(FIGURES["kinematics"].as_dict(runs)["layout"], default=str)
    assert len(FIGURES["delta"].as_dict(runs)["data"]) == 2


@pytest.mark.parametrize("name", ["delta", "delta_largest", "systematic_pull", "statistical_pull", "sigmas"])
def test_what_lies_outside_of_the_bins_of_amplitudes_is_said(name):
    """A tenth of the predictions is far off, or its widths are."""
    made = make_prediction()
    far = np.arange(made.sizes["event"]) % 10 == 0
    away = made.assign(
        mean=made["mean"] * np.where(far, 50.0, 1.0), sigma_syst=made["sigma_syst"] * np.where(far, 1e6 if name == "sigmas" else 1.0, 1.0)
    )
    assert lost(FIGURES[name].as_dict(made)) < 2 and 5 < lost(FIGURES[name].as_dict(away)) < 15


def lost(drawn):
    """The largest share [%] that a figure says is outside of it."""
    texts = [trace.get("name", "") for trace in drawn["data"]] + [note["text"] for note in drawn["layout"].get("annotations", [])]
    shares = [
        float(value.replace("−", "-"))
        for text in texts
        if "outside" in text
        for value in re.findall(r"([\d.]+) ?%", text.partition("outside: ")[2] or text.partition("outside ")[2] or text)
    ]
    return max(shares, default=0.0)
