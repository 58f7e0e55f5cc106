"""Rows mark themselves, a headline counts them, a sentence says what they say; and no row of any story passes whatever comes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from workbench.stories import MARKS, STORIES, Row, Verdict, lines, story
from workbench.stories.verdict import claim, near


@pytest.mark.parametrize(
    ("row", "mark", "ours", "expected"),
    [
        (Row("width", 1.04, 0.9, 1.1), "agrees", "1.04", "0.9 to 1.1"),
        (Row("width", 1.1, 0.9, 1.1), "agrees", "1.1", "0.9 to 1.1"),
        (Row("width", 1.3, 0.9, 1.1), "differs", "1.3", "0.9 to 1.1"),
        (Row("gain", 2.5, 2.0), "agrees", "2.5", "≥ 2"),
        (Row("gain", 1.0, 1.0, strict=True), "differs", "1", "> 1"),
        (Row("price", -0.2, high=-0.1, form="+.2f"), "agrees", "−0.20", "≤ −0.1"),
        (Row("price", 0.2, high=0.1, strict=True), "differs", "0.2", "< 0.1"),
        (Row("share", 0.0111, high=0.0022, form=".2%"), "differs", "1.11 %", "≤ 0.22 %"),
        (Row("plateau", 6.08e-3), "untested", "6.08·10⁻³", ""),
        (Row("plateau", np.nan), "missing", "–", ""),
        (Row("width", np.nan, 0.9, 1.1), "missing", "–", "0.9 to 1.1"),
        (Row("leak", 0.1, high=np.nan), "untested", "0.1", ""),
        (near("held", 0.722, 0.0142, 0.6827, ".1%"), "differs", "72.2 ± 1.4 %", "65.4 to 71.1 %"),
        (near("held", 0.697, 0.0145, 0.6827, ".1%"), "agrees", "69.7 ± 1.5 %", "65.4 to 71.2 %"),
    ],
)
def test_a_row_marks_itself_by_its_number_alone(row, mark, ours, expected):
    assert (row.mark, row.ours, row.expected) == (mark, ours, expected)


GOOD, BAD, OPEN, MISSING = Row("good", 1.0, 0.0), Row("bad", -1.0, 0.0), Row("open", 1.0), Row("missing", np.nan, 0.0)


@pytest.mark.parametrize(
    ("rows", "headline", "holds"),
    [
        ((GOOD, GOOD, OPEN), "agrees", True),
        ((GOOD, BAD, OPEN, GOOD), "agrees in part (2 of 3)", False),
        ((BAD, OPEN, BAD), "does not agree", False),
        ((GOOD, MISSING), "not known yet", None),
        ((OPEN,), "not known yet", None),
        ((), "not known yet", None),
    ],
)
def test_the_headline_is_computed_from_the_rows_that_are_tested(rows, headline, holds):
    found = Verdict(rows)
    assert (found.headline, found.holds) == (headline, holds)
    assert str(found).lower().startswith(headline) and len(str(found).splitlines()) == 1 + len(rows)


def test_the_sentence_says_only_what_rows_say():
    rows = [*claim("It is flat.", GOOD, GOOD), *claim("It is small.", GOOD, BAD), OPEN]
    assert Verdict(tuple(rows)).sentence == "It is flat. Not as expected: bad."
    assert Verdict((GOOD, OPEN)).sentence == "All numbers are as expected."
    assert Verdict(tuple(claim("It is flat.", GOOD, MISSING))).sentence == "Not all of its trainings have finished."
    many = Verdict(tuple(Row(f"n{k}", -1.0, 0.0) for k in range(7)))
    assert many.sentence == "Not as expected: n0, n1, n2, n3, and 3 more."


def test_rows_are_printed_in_columns_with_their_marks():
    printed = lines([GOOD, BAD, OPEN, MISSING])
    assert [line.split()[0] for line in printed] == list(MARKS.values()) == ["✓", "✗", "–", "…"]
    assert printed[0] == "  ✓  good     1   ≥ 0" and printed[2] == "  –  open     1"


def broken(told, scan):
    """Verdicts of numbers that violate, or mend, what a story expects: one number of the scan, or all along one axis, times something."""
    whole = told.judge(scan).rows
    read = [name for name in scan.data_vars if told.judge(scan.assign({name: scan[name] * np.nan})).rows != whole]
    off = [row for row in whole if row.mark == "differs"]
    mended = [np.mean([end for end in (row.low, row.high) if np.isfinite(end)]) / row.value for row in off]
    for factor, name in itertools.product([50.0, 0.02, 2.0, 0.5, -1.0, *(f * x for x in mended for f in (1.0, 1.1, 0.9, 1 / x**2))], read):
        for place in places(scan[name].shape):
            values = scan[name].values.copy()
            values[place] *= factor
            yield told.judge(scan.assign({name: (scan[name].dims, values)}))
    for name in read:  # what is to be zero is as zero, times anything
        for place in places(scan[name].shape):
            values = scan[name].values.astype(float)
            if np.all(np.abs(values[place]) < 0.01):
                values[place] += 1.0
                yield told.judge(scan.assign({name: (scan[name].dims, values)}))
    for factor in (50.0, 0.02):  # all numbers of a training at once, where one row that fails makes another agree
        for dims in {scan[name].dims for name in read}:
            alike = [name for name in read if scan[name].dims == dims]
            for place in places(scan[alike[0]].shape):
                columns = {name: scan[name].values.copy() for name in alike}
                for values in columns.values():
                    values[place] *= factor
                yield told.judge(scan.assign({name: (dims, values) for name, values in columns.items()}))


def places(shape):
    """All numbers along each axis, and each number; of thousands, such as those of single jets, all along the first axis only."""
    if np.prod(shape) > 2_000:
        yield from range(shape[0])
        return
    if len(shape) > 1:
        for axis, size in enumerate(shape):
            yield from ((slice(None),) * axis + (k,) for k in range(size))
    yield from np.ndindex(shape)


@pytest.mark.parametrize("name", STORIES)
def test_no_row_of_a_story_passes_whatever_comes(name):
    """Each row that is tested fails for numbers that violate it, or agrees for such as do not, and the headline changes with it."""
    told = story(name)
    kept = told.kept.drop_vars([name for name, array in told.kept.data_vars.items() if "event" in array.dims])
    kept = kept.isel(jet=slice(2_000)) if "jet" in kept.dims else kept  # each is judged some hundred times
    shipped = told.judge(kept)
    assert len({row.what for row in shipped.rows}) == len(shipped.rows) and shipped.tested
    left = {row.what: row.mark for row in shipped.tested}
    for found in broken(told, kept):
        other = {row.what: row.mark for row in found.tested}
        turned = [what for what, mark in left.items() if other.get(what) in {"agrees", "differs"} - {mark}]
        assert not turned or (found.headline, found.sentence) != (shipped.headline, shipped.sentence)
        lost = [row for row in shipped.agreeing if other.get(row.what) == "differs" and row.claim]
        assert not [row for row in lost if row.claim in found.sentence], "a sentence asserts what a row denies"
        if found.headline in (shipped.headline, "not known yet"):
            continue
        assert len(found.agreeing) + len(found.differing) == len(found.tested) or found.holds is None
        left = {what: mark for what, mark in left.items() if what not in turned}
        if not left:
            break
    assert not left, f"{name}: nothing changes the mark of {', '.join(left)}"


@pytest.mark.parametrize("name", STORIES)
def test_what_is_expected_is_a_number_or_nothing(name):
    told = story(name)
    for row in told.judge(told.kept).rows:
        assert not set(row.expected) & set("abcdefghijklmnpqrsuvwxyz"), row  # "to" is the only word
        assert row.mark != "missing", row
