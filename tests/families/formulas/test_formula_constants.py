"""Constants of the four-parameter formula at the level of the detector and of partons, beside those of the talk."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.families.formulas.job import FormulaJob
from workbench.families.formulas.recipe import FormulaRecipe
from workbench.families.formulas.talk import SAID


@pytest.mark.slow
def test_constants_of_the_detector_over_those_of_partons_are_the_talks_and_their_naive_errors_are_far_too_small():
    found = {}
    for level in ("parton", "detector"):
        job = FormulaJob(FormulaRecipe(events=120_000, level=level, steps=3, beside=False, samples=30))
        list(job.train())
        found[level] = job.prediction("test")
    for letter in ("a", "b", "c"):
        value, error = (
            {level: float(each[name].sel(letter=letter)) for level, each in found.items()} for name in ("talk_value", "talk_bootstrap")
        )
        ours, said = value["detector"] / value["parton"], SAID["detector"][letter][0] / SAID["parton"][letter][0]
        sigma = ours * np.hypot(error["detector"] / value["detector"], error["parton"] / value["parton"])
        naive = [error[level] / float(found[level]["talk_naive"].sel(letter=letter)) for level in found]
        print(f"{letter}: {ours:.3f} ± {sigma:.3f}, the talk {said:.3f}; bootstrap over naive {naive[0]:.1f}, {naive[1]:.1f}")
        assert abs(ours / said - 1) < 0.1 or abs(ours - said) < 2 * sigma
        assert min(naive) > 3.5  # with 30 samples a bootstrap error is known to an eighth
