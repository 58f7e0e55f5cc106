"""What leaves a page: links that hide something, their codes, and the data of figures."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.figures import FIGURES, data_of, pack
from workbench.figures.drawing import signed
from workbench.runs import netcdf
from workbench.studios.pages import address
from workbench.studios.pages.draft import PARTS, Draft, hideable
from workbench.studios.server import sharing

TABS = {"runs": "Runs", "stories": "Stories"}


def names(recipe_type):
    return [name for group in hideable(recipe_type, TABS) for name in (group["name"], *(item for item, _ in group["items"])) if name]


@pytest.mark.parametrize("recipe_type", [AmplitudeRecipe, GeneratorRecipe])
def test_everything_that_can_be_hidden_has_one_name(recipe_type):
    found = names(recipe_type)
    assert len(found) == len(set(found))
    assert set(recipe_type.options()) | set(PARTS) | set(TABS) | {"recipe", "Training"} <= set(found)


def test_a_link_says_what_it_hides_and_comes_back():
    hide = ["noise", "Boosting", "stories"]
    link = address.Address(hide=hide).query()
    assert link == "?hide=noise,Boosting,stories"
    found = address.read({"hide": [link.partition("=")[2]]}, AmplitudeRecipe, tabs=[], hideable=names(AmplitudeRecipe))
    assert (found.hide, found.problems) == (hide, [])


def test_what_cannot_be_hidden_is_named_and_the_rest_is_hidden():
    found = address.read({"hide": ["noise,prior_wdth"]}, AmplitudeRecipe, tabs=[], hideable=names(AmplitudeRecipe))
    assert found.hide == ["noise"]
    assert found.problems == ["In the link: hide = 'prior_wdth' is not known; did you mean 'prior_width'?"]


def test_a_hidden_group_leaves_the_form_with_its_changes_but_not_the_recipe():
    draft = Draft(AmplitudeRecipe, "", {"boost_sigma": 3.0, "noise": 0.05})
    view = draft.view(["Boosting", "title"])
    assert {"boost_sigma", "boost_pull", "boost_rounds"} <= set(view["hidden"])
    assert [change["name"] for change in view["changes"]] == ["noise"]
    assert view["apart"] == ["title"]
    assert draft.recipe.boost_sigma == 3.0


def test_a_code_holds_an_address_as_browsers_send_it_and_needs_no_foreign_encoding():
    assert sharing.code("http://127.0.0.1/?title=Ω 💥") == sharing.code("http://127.0.0.1/?title=%CE%A9%20%F0%9F%92%A5")
    assert sharing.code("x\ud800") == sharing.code("x?")


@pytest.mark.parametrize("link", ["", "x" * 1_801])
def test_a_link_without_a_code_is_refused_in_a_sentence(link):
    with pytest.raises(ValueError, match="has no code; at most 1,800"):
        sharing.code(link)


def test_the_data_of_a_figure_are_exactly_its_points(tmp_path):
    columns = ("loss", "likelihood", "kl", "validation_likelihood", "validation_delta")
    reports = xr.Dataset({name: ("step", np.linspace(1.0, 0.1, 5)) for name in columns}, {"step": [10, 20, 30, 40, 50]})
    drawn = signed(FIGURES["losses"].as_dict(reports), "losses-abc-1", "Losses; seed 7")
    content, expected = sharing.netcdf_of(pack(drawn)), data_of(drawn)
    made = netcdf.decode(content, "figure.nc")["/"]
    assert made.attrs["about"] == "Losses; seed 7"
    assert list(made["curve"].values) == list(expected["curve"].values)
    np.testing.assert_allclose(made["y"], expected["y"], rtol=1e-6)
    path = tmp_path / "figure.nc"
    path.write_bytes(content)
    with xr.open_dataset(path, engine="h5netcdf") as opened:
        np.testing.assert_allclose(opened["x"], expected["x"], rtol=1e-6)


@pytest.mark.parametrize("frame", [b"", b"\0" * 7, b"\xff" * 64, b"\x10\0\0\0\0\0\0\0" + b'{"data": 1}     '])
def test_what_is_no_figure_is_refused_in_a_sentence(frame):
    with pytest.raises(ValueError, match=r"These \d+ bytes are not a figure of ours"):
        sharing.netcdf_of(frame)
