"""The state of a page in its address."""

from __future__ import annotations

from urllib.parse import parse_qs

from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.studios.pages.address import MOST_COMPARED, MOST_SENTENCES, Address, read

TABS, OBSERVABLES = ["training", "accuracy"], ["jet_pt", "diphoton_mass"]


def parse(query):
    arguments = {
        key: [value.encode() for value in values] for key, values in parse_qs(query.removeprefix("?"), keep_blank_values=True).items()
    }
    return read(arguments, AmplitudeRecipe, tabs=TABS, choosers={"observable": OBSERVABLES})


options = st.fixed_dictionaries(
    {},
    optional={
        "noise": st.floats(0, 0.1),
        "hidden": st.lists(st.integers(2, 1024), min_size=1, max_size=8),
        "calibrate": st.booleans(),
        "file": st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"]), min_size=1, max_size=50),
        "seed": st.integers(0, 2**31 - 1),
        "uncertainty": st.sampled_from(["bnn", "repulsive_ensemble"]),
    },
)


@given(options, st.sampled_from([None, "noise"]), st.sampled_from(["", "0123456789ab-1"]), st.sampled_from([[], ["a-1", "b-2"]]))
def test_a_page_is_restored_from_the_address_it_wrote(options, preset, run, compare):
    address = Address(
        preset,
        {name: AmplitudeRecipe.check(name, value) for name, value in options.items()},
        run,
        compare,
        "accuracy",
        {"observable": "jet_pt"},
    )
    again = parse(address.query())
    again.options = {name: AmplitudeRecipe.check(name, value) for name, value in again.options.items()}
    assert again == address


def test_a_page_in_its_first_state_has_no_query():
    assert Address().query() == ""


def test_what_is_wrong_is_named_and_the_rest_is_kept():
    address = parse("?noise=7&prior_width=2&noize=1&run=../x&tab=nowhere&compare=a-1")
    assert address.options == {"prior_width": 2.0} and address.compare == ["a-1"] and not address.run and not address.tab
    assert len(address.problems) == 4 and all(problem.startswith("In the link: ") for problem in address.problems)
    assert any("did you mean 'noise'" in problem for problem in address.problems)


def test_many_mistakes_do_not_fill_the_page():
    address = parse("?" + "&".join(f"x{number}=1" for number in range(50)))
    assert len(address.problems) == MOST_SENTENCES + 1 and "46 more" in address.problems[-1]


def test_too_many_runs_to_compare_are_refused():
    address = parse("?compare=" + ",".join(f"run-{number}" for number in range(MOST_COMPARED + 1)))
    assert address.compare == [] and "too many" in address.problems[0]


keys = st.sampled_from(["run", "compare", "preset", "tab", "observable", "noise", "hidden", "steps", "file"]) | st.text(max_size=20)


@settings(max_examples=2_000)
@given(st.dictionaries(keys, st.lists(st.binary(max_size=30) | st.text(max_size=30), min_size=1, max_size=2), max_size=5))
def test_any_link_is_read_without_an_error(arguments):
    address = read(arguments, AmplitudeRecipe, tabs=TABS, choosers={"observable": OBSERVABLES})
    AmplitudeRecipe(**address.options)
    assert len(address.options) + len(address.problems) <= len(arguments)
