"""Every way in which people write a number is that number, on the page, the command line, in links and in Python alike."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.training import spelling
from workbench.training.recipe import RecipeError

RAISE = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
WAYS = {
    "thousands": lambda n: f"{n:,}",
    "apostrophes": lambda n: f"{n:,}".replace(",", "'"),
    "blanks": lambda n: f"{n:,}".replace(",", " "),
    "narrow blanks": lambda n: f"{n:,}".replace(",", "\u202f"),
    "underscores": lambda n: f"{n:_}",
    "k": lambda n: f"{Decimal(n) / 1_000:f}k",
    "M": lambda n: f"{Decimal(n) / 1_000_000:f} M",
    "exponent": lambda n: f"{Decimal(n):e}",
    "superscript": lambda n: f"{Decimal(n) / 10:f}·10¹",
    "plain": str,
}


@pytest.mark.parametrize("way", WAYS)
@given(n=st.integers(1, 10_000_000))
def test_a_whole_number_is_understood_however_it_is_written(way, n):
    assert AmplitudeRecipe.check("steps", f" {WAYS[way](n)} ") == n


@given(st.floats(1e-3, 1e3, allow_nan=False), st.integers(1, 9), st.integers(-3, 2))
def test_a_number_is_understood_however_it_is_written(x, digit, power):
    check = AmplitudeRecipe.check
    assert check("prior_width", repr(x)) == check("prior_width", f"{x!r}".replace("-", "−")) == x
    raised = str(power).translate(RAISE)
    minus = str(power).replace("-", "−")
    for text in (f"{digit}e{power}", f"{digit}·10{raised}", f"{digit} × 10{raised}", f"{digit}*10^{power}", f"{digit}e{minus}"):
        assert check("prior_width", text) == float(f"{digit}e{power}"), text
    assert check("prior_width", f"10{raised}") == float(f"1e{power}")


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        ("events", "9,000", 9_000),
        ("events", "12k", 12_000),
        ("steps", "1.5M", 1_500_000),
        ("steps", "1,500", 1_500),
        ("warm_start", "50 %", 0.5),
        ("warm_start", "50%", 0.5),
        ("noise", "1e-3", 0.001),
        ("noise", "10⁻³", 0.001),
        ("sqrt_s", "13,000 GeV", 13_000.0),
        ("calibrate", " off ", False),
    ],
)
def test_what_people_type(option, text, value):
    assert AmplitudeRecipe.check(option, text) == value


@pytest.mark.parametrize(
    "text",
    ["128, 64", "128 64", "128-64", "[128, 64]", "(128,64)", "128;64", " 128,64 "],
)
def test_widths_of_layers_are_parted_by_anything(text):
    assert AmplitudeRecipe.check("hidden", text) == [128, 64]


@given(st.integers(1, 8), st.integers(9, 1024), st.sampled_from("x×*X"), st.sampled_from(["", " "]))
def test_layers_times_width_in_either_order(layers, width, times, blank):
    wanted = [width] * layers
    for first, second in ((layers, width), (width, layers)):
        assert AmplitudeRecipe.check("hidden", f"{first}{blank}{times}{blank}{second}") == wanted
    if layers < 8:
        assert AmplitudeRecipe.check("hidden", f"{width}{times}{layers}, 16") == [*wanted, 16]


def test_where_both_may_count_the_layers_the_first_does_as_in_titles_of_runs():
    assert AmplitudeRecipe.check("hidden", "4×8") == [8, 8, 8, 8] and GeneratorRecipe.check("hidden", "2x4") == [4, 4]


@pytest.mark.parametrize("text", ["0,01", "1,00", "9,00", "12kk", "5 0", "--3", "1e", "%", "k", "10^", "1e99999", "٣", "1,0000", "9" * 200])
def test_what_is_no_number_is_refused(text):
    for option in ("noise", "steps", "hidden", "prior_width"):
        if (option, text) not in {("hidden", "9,00")}:
            with pytest.raises(RecipeError, match=option):
                AmplitudeRecipe.check(option, text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("0,0.01,0.1", ["0", "0.01", "0.1"]),
        ("0; 0.01 ;0.1", ["0", "0.01", "0.1"]),
        ("9,000", ["9,000"]),
        ("9,000, 18,000", ["9,000", "18,000"]),
        ("9,000; 18,000", ["9,000", "18,000"]),
        ("1000,2000", ["1000", "2000"]),
        ("128,256", ["128", "256"]),
        ("0,01", ["0", "01"]),
        ("50 %", ["50 %"]),
    ],
)
def test_commas_part_values_unless_they_group_thousands(text, parts):
    assert spelling.values(text) == parts


@given(st.text(max_size=120))
def test_any_text_is_a_number_or_refused(text):
    for read in (spelling.number, lambda text: spelling.widths(text, 8)):
        try:
            read(text)
        except ValueError:
            pass
    assert spelling.values(text)
