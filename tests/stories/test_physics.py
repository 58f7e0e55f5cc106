"""Predictions that obey a law, and such as break it, told by the stories that are about this law."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from workbench.results.scan import scan
from workbench.stories import story

EVENTS = 2_000


def regression(rng, *, sigma=1.0, draws=None):
    """A prediction with residuals of 3 %, which says that they are `sigma` times as large; `draws` of the mean have the shape given."""
    truth = np.full(EVENTS if draws is None else draws.shape[1], 2.0)
    mean = np.full((1, len(truth)), 2.0) if draws is None else 2.0 + 0.1 * draws
    train = truth * (1 + 0.03 * rng.normal(size=len(truth)))
    columns = {"amplitude_true": ("event", truth), "amplitude_train": ("event", train), "mean": (("draw", "event"), mean)}
    return xr.Dataset({**columns, "sigma_syst": (("draw", "event"), np.full(mean.shape, 0.06 * sigma))})


def told(name, predictions, **columns):
    """The verdict of a story about these predictions, by place on its one axis."""
    about = story(name)
    (axis,) = about.axes
    points = []
    for place, prediction in zip(about.axes[axis], predictions, strict=True):
        numbers = about.measured(prediction) | {key: values[place] for key, values in columns.items()}
        points.append(({axis: place}, xr.Dataset({key: ((), value) for key, value in numbers.items()})))
    return about.judge(scan(about.axes, points, known={}))


def marks(verdict, words):
    return [row.mark for row in verdict.rows if words in row.what]


@pytest.mark.parametrize(("sigma", "mark"), [(1.0, "agrees"), (0.85, "differs"), (1.2, "differs")])
def test_coverage_is_tested_by_coverage_and_not_by_the_width_of_the_pull(sigma, mark):
    names = story("coverage").axes["network"]
    rng = np.random.default_rng(5)
    verdict = told("coverage", [regression(rng, sigma=sigma) for _ in names], pull_width=dict.fromkeys(names, 1.0))
    assert marks(verdict, "68.3 %") == marks(verdict, "95.5 %") == [mark] * 3 and marks(verdict, "width") == ["agrees"] * 3
    assert verdict.headline == ("agrees" if mark == "agrees" else "agrees in part (3 of 9)")
    assert ("68 % intervals hold 68 %." in verdict.sentence) == (mark == "agrees")


def test_the_scaled_story_tests_means_of_all_sizes_and_the_shape():
    names, rng = story("scaled").axes["network"], np.random.default_rng(6)
    gaussian = rng.normal(size=(512, 150))
    chain = np.zeros_like(gaussian)
    for k in range(1, 512):
        chain[k] = 0.9 * chain[k - 1] + gaussian[k]
    right = dict.fromkeys(names, 1.0)
    good = told("scaled", [regression(rng, draws=gaussian)] * 2, statistical_width=right)
    assert good.headline == "agrees" and "Means of M draws scatter as σ_stat/√M" in good.sentence
    drifting = told("scaled", [regression(rng, draws=gaussian), regression(rng, draws=chain)], statistical_width=right)
    assert marks(drifting, "ensemble, 512 members: width of t̂ at M = 8") == ["differs"] and "Means of M draws" not in drifting.sentence
    tails = rng.standard_t(2.1, size=gaussian.shape)
    heavy = told("scaled", [regression(rng, draws=gaussian), regression(rng, draws=tails)], statistical_width=right)
    assert marks(heavy, "share within σ_stat") == ["agrees", "differs"] and heavy.state == "part"
    biased = told("scaled", [regression(rng, draws=gaussian)] * 2, statistical_width=right | {names[0]: 1.8})
    assert marks(biased, "t_stat") == ["differs", "agrees"] and "scatter around the truth" not in biased.sentence


def changed(name, **columns):
    """The verdict of a story about its shipped numbers, with some of them changed: by name, factors by place."""
    about = story(name)
    kept = about.kept
    for column, (place, factor) in columns.items():
        values = kept[column].copy(deep=True)
        values.loc[place] = values.loc[place] * factor
        kept = kept.assign({column: values})
    return about.judge(kept)


def test_each_way_to_repair_the_mass_peak_is_judged_by_itself():
    """What ships: weights repair it, DiscFlow alone does not."""
    shipped = changed("mass_peak")
    assert [row.mark for row in shipped.tested] == ["agrees", "differs", "agrees"] and shipped.headline == "agrees in part (2 of 3)"
    better = changed("mass_peak", central_dimuon_mass=({"network": "DiscFlow"}, 0.3))
    assert better.headline == "agrees"
    worse = changed("mass_peak", reweighted_dimuon_mass=({"network": "INN"}, 4.0))
    assert marks(worse, "INN over INN × w_D") == ["differs"] and worse.headline == "agrees in part (1 of 3)"


def test_six_layers_are_judged_by_what_the_talk_says_of_them():
    six = ", ".join(["32"] * 6)
    assert marks(changed("depth"), "six layers") == ["differs"]
    large = changed("depth", sigma_syst_median=({"hidden": six}, 2.0))
    assert marks(large, "six layers") == ["agrees"] and "Six layers are too large." in large.sentence and large.headline == "agrees"


def test_the_table_is_held_against_the_numbers_of_the_talk():
    shipped = changed("table")
    assert marks(shipped, "over the talk's") == ["differs"] * 8 and shipped.headline == "agrees in part (4 of 12)"
    talk = changed("table", sigma_syst_mean=({"events": 3_000, "uncertainty": "bnn"}, 2.5e-4 / 0.0815))
    assert marks(talk, "over the talk's").count("agrees") == 1
