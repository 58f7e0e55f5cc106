"""Own points on Basics: two or three columns are learned from as the toys are, without an exact answer, and refused in one sentence."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.data.files import FileProblem, count_events, load_table
from workbench.families.basics.job import BasicsJob
from workbench.families.basics.points import points_for
from workbench.families.basics.product import BASICS_PRODUCT
from workbench.families.basics.recipe import BasicsRecipe
from workbench.figures import FIGURES


@pytest.fixture
def write(tmp_path):
    def write(columns, *, header="", delimiter=" "):
        np.savetxt(tmp_path / "mine.csv", columns, header=header, comments="", delimiter=delimiter)
        return str(tmp_path / "mine.csv")

    return write


def sine(count=400):
    rng = np.random.default_rng(1)
    x = rng.uniform(2, 9, count)
    return np.column_stack([x, np.sin(x) + 0.1 * rng.standard_normal(count), np.full(count, 0.1)])


def apart(count=600):
    rng = np.random.default_rng(2)
    label = rng.integers(0, 2, count)
    return np.column_stack([rng.standard_normal((count, 2)) + 1.5 * (label == 0)[:, None], label])


def trained(**options):
    job = BasicsJob(BasicsRecipe(**options))
    list(job.train())
    return job.prediction()


def test_an_own_curve_is_learned_where_its_points_are(write):
    found = trained(toy="own_curve", file=write(sine()[:, :2]), steps=500)
    x = found["x"].values
    assert 2 <= x[0] < 2.3 and 8.7 < x[-1] <= 9
    assert np.sqrt(np.mean((found["mean"].values - np.sin(x)) ** 2)) < 0.1
    assert not {"truth", "answer", "floor", "rms"} & set(found.variables)


def test_own_classes_are_told_apart(write):
    found = trained(toy="own_classes", file=write(apart()), steps=200)
    assert 0.88 < float(found["auc"]) < 0.98  # 1.5 √2 widths apart: .933
    assert not {"probability_exact", "auc_exact", "background_best"} & set(found.variables)


@pytest.mark.parametrize(
    ("columns", "options"),
    [
        (sine()[:, :2], {"toy": "own_curve"}),
        (sine()[:, :2], {"toy": "own_curve", "loss": "gaussian", "uncertainty": "ensemble", "members": 2}),
        (sine(), {"toy": "own_curve", "loss": "chi2", "uncertainty": "bnn", "draws": 2}),
        (apart(), {"toy": "own_classes"}),
        (apart(), {"toy": "own_classes", "uncertainty": "bnn", "draws": 2}),
    ],
)
def test_every_figure_and_sentence_does_without_the_exact_answer(write, columns, options):
    found = trained(file=write(columns), steps=20, **options)
    for name in ("learned", "beside_exact", "neurons", "landscape"):
        drawn = FIGURES[name].as_dict(found)
        assert drawn["data"] and not any("exact" in one.get("name", "") or "truth" in one.get("name", "") for one in drawn["data"])
    assert "exact" not in BASICS_PRODUCT.sentence(found)


def test_columns_have_names_or_come_in_their_order(write):
    rows = sine(100)
    plain = points_for(BasicsRecipe(toy="own_curve", file=write(rows)))
    for file in (write(rows[:, ::-1], header="sigma,y,x", delimiter=","), write(rows, header="E;A;dA", delimiter=";")):
        found = points_for(BasicsRecipe(toy="own_curve", file=file))
        for split, points in found.items():
            np.testing.assert_array_equal(points.x, plain[split].x)
            np.testing.assert_array_equal(points.sigma, plain[split].sigma)
    assert {split: len(points) for split, points in plain.items()} == {"validation": 20, "test": 20, "train": 60}
    together = np.concatenate([points.x[:, 0] for points in plain.values()])
    np.testing.assert_array_equal(np.sort(together), np.sort(rows[:, 0]))  # nobody is tested with what was learned from


def test_columns_that_mean_something_else_are_not_taken_by_their_place(write):
    """A weight is no width of y; names in capitals are names."""
    rows = sine(100)
    plain, capitals = (
        points_for(BasicsRecipe(toy="own_curve", file=file)) for file in (write(rows), write(rows[:, ::-1], header="SIGMA Y X"))
    )
    np.testing.assert_array_equal(plain["test"].x, capitals["test"].x)

    def refused(header, toy="own_curve", columns=rows):
        with pytest.raises(FileProblem) as problem:
            load_table(write(columns, header=header, delimiter=","), BasicsRecipe(toy=toy).subject)
        return str(problem.value).partition(" ")[2]

    unused = "which are not used, as all points count alike; leave them out, after hit-or-miss, keeping each with the probability w/w_max."
    assert refused("x,y,weight") == f"has weights, 'weight', {unused}"
    assert refused("x1,x2,class,wgt", "own_classes", np.column_stack([apart(), np.ones(len(apart()))])) == f"has weights, 'wgt', {unused}"
    assert refused("x,y,quality") == "has the column 'quality' beside x, y; x, y, sigma are needed."


def test_what_cannot_be_learned_is_refused_in_one_sentence(write):
    def refused(columns, **options):
        recipe = BasicsRecipe(**{"toy": "own_curve", **options}, file=write(columns))
        with pytest.raises(ValueError) as problem:
            points_for(recipe)
        return str(problem.value).partition(" ")[2]

    assert refused(np.ones((30, 2))) == "has the same x in all rows; there is nothing to learn."
    assert refused(sine()[:10]) == "has 10 rows; 20 to 5,000,000 are needed."
    assert refused(np.column_stack([sine()] * 2)) == "has 6 columns; 2 (x, y) or 3 (x, y, sigma) are needed."
    assert refused(sine() * [1, 1, -1]) == "has sigma = -0.1 in row 1; the width of y must be positive."
    assert refused(sine()[:, :2], loss="chi2").startswith("has no column with the width σ of y")
    assert refused(sine(), toy="own_classes") == "has class = 0.1 in row 1; 0 for signal, 1 for background, 2 for a third."
    assert refused(apart() * [1, 1, 0], toy="own_classes") == "has fewer than 5 points of class 1; there is nothing to tell apart."
    assert refused(apart(), toy="own_classes", classes=3) == "has 2 classes; set classes = 2."
    with pytest.raises(ValueError, match="paste two or three columns"):
        points_for(BasicsRecipe(toy="own_curve"))
    with pytest.raises(FileProblem, match=r"mine.csv has class = 0.1"):
        count_events(write(sine()), "classes", "mine.csv")


def test_the_same_content_is_the_same_recipe_wherever_it_lies(write, tmp_path):
    first = BasicsRecipe(toy="own_curve", file=write(sine())).fixed()
    (tmp_path / "copy.csv").write_bytes((tmp_path / "mine.csv").read_bytes())
    second = BasicsRecipe(toy="own_curve", file=str(tmp_path / "copy.csv")).fixed()
    assert first.hash == second.hash != BasicsRecipe(toy="own_curve").hash
    (tmp_path / "copy.csv").write_text("1 2\n" * 30)
    assert second.replace(file=second.file).fixed().hash != first.hash
