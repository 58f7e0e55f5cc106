"""Text as many programs write it: read by names or places; rows and columns that are wrong are named."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from own import broken_line, of_file, problem, refused, same

import workbench as wb
from workbench.data.events import Events
from workbench.data.files import FileNote, columns, load_file, load_sample


def test_csv_with_and_without_header_and_with_any_delimiter(events, table, write):
    assert same(load_file(write(table)), events)
    assert same(load_file(write(table, header=False)), events)
    for delimiter in (";", "\t", " "):
        assert same(load_file(write(table, delimiter=delimiter)), events)
    assert same(load_file(write(table, digits=7)), events, rtol=1e-5)


def test_csv_columns_may_come_in_any_order_and_among_others(events, table, write):
    order = np.random.default_rng(1).permutation(21)
    header = "id," + ",".join(np.array(columns("gg_yyg"))[order]).upper()
    assert same(load_file(write(np.column_stack([np.arange(300), table[:, order]]), header=header)), events)


def test_csv_with_comments_blank_lines_and_a_byte_order_mark(events, table, write):
    path = write(table)
    path.write_text("\ufeff# made by hand\n\n" + path.read_text())
    assert same(load_file(path), events)


def test_text_among_numbers_is_named_with_row_and_column(table, write):
    path = write(table)
    broken_line(path, 17, lambda line: ",".join("n/a" if place == 5 else cell for place, cell in enumerate(line.split(","))))
    assert "has 'n/a' in row 17, column px2; a number is needed" in problem(path)
    path = write(table)
    broken_line(path, 17, lambda line: line.rsplit(",", 1)[0])
    assert "has 20 columns in row 17; 21 are needed" in problem(path)


def test_missing_column_is_named_with_the_nearest(table, write):
    header = ",".join(columns("gg_yyg"))
    assert "has no column 'amplitude' (rename 'amplitudo'?)" in problem(write(table, header=header[:-1] + "o"))
    assert "has no column 'px3'" in problem(write(table, header=header.replace("px3", "foo")))
    assert "has no column 'py1'; the columns" in problem(write(table, header=header.replace("py1", "foo")))  # px1 is needed itself
    assert "has no column 'py1' (rename 'pyy1'?)" in problem(write(table, header=header.replace("py1", "pyy1")))
    assert "has the column 'pz5' twice" in problem(write(np.column_stack([table, table[:, 0]]), header=header + ",PZ5"))
    assert "has 20 columns and no header; 21 are needed: E1, …, amplitude" in problem(write(table[:, :20], header=False))


NAMES = columns("gg_yyg")
ORDER = [*range(8), *range(16, 20), *range(8, 16), 20]
"""The gluon before the photons: all are massless, so that no check can see it."""


def lines_of(table, *, header: bool | str = True, delimiter: str = ",", fmt: str = "%.17g") -> list[str]:
    """The lines of a text."""
    names = [header] if isinstance(header, str) else [delimiter.join(NAMES)] if header else []
    return [*names, *(delimiter.join(fmt % number for number in row) for row in table)]


def put(path, lines, end: str = "\n"):
    path.write_bytes((end.join(lines) + end).encode())
    return path


@pytest.mark.parametrize("comment", ["# ", "#", "% ", "// "])
@pytest.mark.parametrize("delimiter", [",", " "])
def test_the_header_that_savetxt_writes_behind_a_comment_sign_is_the_header(comment, delimiter, events, table, tmp_path):
    """Without it, exchanged legs of massless particles would be read, and no check could see it."""
    header = comment + delimiter.join(np.array(NAMES)[ORDER])
    path = put(tmp_path / "a.txt", [header, *lines_of(table[:, ORDER], header=False, delimiter=delimiter)])
    notes: list[str] = []
    assert same(Events(**of_file(path, notes=notes)), events)
    assert notes == ["a.txt has the names of its columns in a comment, and was read by them."]


def test_a_user_is_told_that_a_comment_was_the_header(table, events, tmp_path):
    path = put(tmp_path / "a.txt", ["# " + ",".join(np.array(NAMES)[ORDER]), *lines_of(table[:, ORDER], header=False)])
    with pytest.warns(FileNote, match="has the names of its columns in a comment"):
        assert same(load_file(path), events)
    path = put(tmp_path / "b.txt", ["# y,x", *lines_of(table[:, [9, 10]], header=False)])
    with pytest.warns(FileNote, match="in a comment"):
        assert np.array_equal(load_sample(path, "ring").points, table[:, [10, 9]])


@pytest.mark.parametrize(
    ("header", "change"),
    [
        ("# event," + ",".join(NAMES), lambda t: np.column_stack([np.arange(300), t])),
        ("# amplitude," + ",".join(NAMES[:20]), lambda t: t[:, [20, *range(20)]]),
        ("# " + ",".join(NAMES) + "\n# 300 events of mine", lambda t: t),
        ("# " + ",".join(NAMES[:20]) + ",A", lambda t: t),
        ("# some,other,words", lambda t: t),
    ],
)
def test_comments_with_more_less_or_other_names(header, change, table, events, tmp_path):
    assert same(Events(**of_file(put(tmp_path / "a.csv", [header, *lines_of(change(table), header=False)]))), events)


def test_a_comment_whose_names_are_in_other_places_is_not_passed_over(table, tmp_path):
    path = put(tmp_path / "a.csv", ["# A," + ",".join(NAMES[:20]), *lines_of(table[:, [20, *range(20)]], header=False)])
    assert "has no column 'amplitude'; the columns E1, …, amplitude are needed" in refused(path)


def comma(lines):
    return [line.replace(".", ",") for line in lines]


PROGRAMS = {
    "pandas, all quoted": lambda t: [",".join(f'"{cell}"' for cell in line.split(",")) for line in lines_of(t)],
    "pandas, names quoted": lambda t: [",".join(f'"{name}"' for name in NAMES), *lines_of(t, header=False)],
    "pandas, with its index": lambda t: ["," + lines_of(t)[0], *(f"{k},{line}" for k, line in enumerate(lines_of(t, header=False)))],
    "R": lambda t: [
        " ".join(f'"{n}"' for n in NAMES),
        *(f'"{k}" {row}' for k, row in enumerate(lines_of(t, header=False, delimiter=" "))),
    ],
    "Fortran": lambda t: [line.replace("E", "D") for line in lines_of(t, header=False, delimiter="  ", fmt="%.16E")],
    "Fortran with commas": lambda t: [line.replace("e", "d") for line in lines_of(t, header=False, fmt="%.16e")],
    "Excel in Germany": lambda t: ["sep=;", *comma(lines_of(t, delimiter=";"))],
    "Excel": lambda t: ['"sep=,"', *lines_of(t)],
    "decimal commas": lambda t: comma(lines_of(t, header=False, delimiter=";")),
    "decimal commas and tabs": lambda t: comma(lines_of(t, header=False, delimiter="\t")),
    "decimal commas and blanks": lambda t: comma(lines_of(t, header=False, delimiter=" ")),
    "trailing commas": lambda t: [lines_of(t)[0], *(line + "," for line in lines_of(t, header=False))],
    "trailing commas, no header": lambda t: [line + "," for line in lines_of(t, header=False)],
    "trailing commas everywhere": lambda t: [line + "," for line in lines_of(t)],
    "gnuplot": lambda t: ["% mine", "// and yours", *lines_of(t)],
    "bars": lambda t: lines_of(t, delimiter="|"),
    "units": lambda t: lines_of(t, header=",".join([f"{name} [GeV]" for name in NAMES[:20]] + ["amplitude [GeV^-2]"])),
    "units in brackets": lambda t: lines_of(t, header=" ".join([f"{n} (GeV)" for n in NAMES[:20]] + ["amplitude"]), delimiter=" "),
    "units as ending": lambda t: lines_of(t, header=",".join([f"{name}_GeV" for name in NAMES[:20]] + ["amplitude"])),
    "p1_E": lambda t: lines_of(t, header=",".join([f"p{name[-1]}_{name[:-1]}" for name in NAMES[:20]] + ["Amplitude"])),
    "p0_E": lambda t: lines_of(t, header=",".join([f"p{int(name[-1]) - 1}_{name[:-1]}" for name in NAMES[:20]] + ["labels"])),
    "E0": lambda t: lines_of(t, header=",".join([f"{name[:-1]}{int(name[-1]) - 1}" for name in NAMES[:20]] + ["amplitude"])),
    "names of particles": lambda t: lines_of(
        t, header=",".join([f"{('g1', 'g2', 'y1', 'y2', 'g3')[int(n[-1]) - 1]}_{n[:-1]}" for n in NAMES[:20]] + ["amplitude"])
    ),
    "a label in front": lambda t: ["kind," + lines_of(t)[0], *("signal, " + line for line in lines_of(t, header=False))],
    "a label behind": lambda t: [lines_of(t)[0] + ",name", *(line + ',"a, b"' for line in lines_of(t, header=False))],
}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_text_as_other_programs_write_it_has_the_same_numbers(program, end, table, events, tmp_path):
    assert same(Events(**of_file(put(tmp_path / "a.csv", PROGRAMS[program](table), end))), events)


def test_text_behind_gzip_and_with_letters_of_another_alphabet(table, events, tmp_path):
    text = "\n".join(lines_of(table)).encode()
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text))
    assert same(load_file(tmp_path / "a.csv.gz"), events)
    (tmp_path / "b.csv").write_bytes("# Größe\n".encode("latin-1") + text)
    assert same(Events(**of_file(tmp_path / "b.csv")), events)
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(text)[:9_000])
    assert "cut.csv.gz is a damaged gzip file" in refused(tmp_path / "cut.csv.gz")
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(b"1,2\n" * 10_000_000))
    assert "far more bytes come out of it than a table of numbers packs to" in refused(tmp_path / "bomb.csv.gz", "ring")


def test_jets_that_are_empty_cells_are_not_there(tmp_path):
    momenta = wb.make_dataset("z_jets", 250)["momenta"].values
    lines = lines_of(momenta.reshape(250, 20), header=",".join(columns("z_jets")))
    for missing in ("", "NA", "nan"):
        found = of_file(put(tmp_path / "a.csv", [line.replace("nan", missing) for line in lines]), "z_jets")
        np.testing.assert_array_equal(found["momenta"], momenta)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda lines: [lines[0], '"1,234.5",' + lines[1].split(",", 1)[1], *lines[2:]],
            "has '1,234.5' in row 1, column E1; a number is needed",
        ),
        (lambda lines: [*lines[:9], "abc," + lines[9].split(",", 1)[1], *lines[10:]], "has 'abc' in row 9, column E1; a number is needed"),
        (lambda lines: ["signal," + line for line in lines[1:]], "has 22 columns and no header; 21 are needed"),
        (lambda lines: ["Dear colleague,", "my events are attached."], "its first line is 'Dear colleague,', but the columns E1, …"),
        (lambda lines: ["7"] * 300, "has 1 column and no header; 21 are needed"),
        (lambda lines: [lines[0].replace("E2", "E1"), *lines[1:]], "has the column 'E1' twice"),
        (lambda lines: [lines[0].replace("E2 ", "").replace("px1", "px1 [MeV]").replace("E1", "E1 [GeV]"), *lines[1:]], "different units"),
    ],
)
def test_what_is_no_number_is_named_with_row_and_column(change, sentence, table, tmp_path):
    assert sentence in refused(put(tmp_path / "a.csv", change(lines_of(table))))


def test_decimal_commas_between_blanks_are_read_and_said(tmp_path):
    points = np.random.default_rng(1).normal(size=(300, 2))
    for delimiter in (" ", "\t", ";"):
        (tmp_path / "p.txt").write_text("\n".join(f"{x!r}{delimiter}{y!r}".replace(".", ",") for x, y in points.tolist()))
        notes: list[str] = []
        np.testing.assert_array_equal(of_file(tmp_path / "p.txt", "ring", notes=notes)["points"], points)
        assert notes == ["p.txt has numbers with a comma, which was read as the decimal comma."]


def test_names_in_a_comment_may_be_parted_otherwise_than_the_numbers(tmp_path):
    points = np.random.default_rng(1).normal(size=(300, 2))
    for header in ("# y, x\n# seeds 3, 4\n", "# y x\n", "# y;x\n"):
        (tmp_path / "p.txt").write_text(header + "\n".join(f"{y!r} {x!r}" for x, y in points.tolist()))
        np.testing.assert_array_equal(of_file(tmp_path / "p.txt", "ring")["points"], points)


def test_coordinates_of_the_plane_may_have_different_units(tmp_path):
    points = np.random.default_rng(1).normal(size=(300, 2))
    (tmp_path / "p.csv").write_text("x [GeV],y [rad]\n" + "\n".join(f"{x!r},{y!r}" for x, y in points.tolist()))
    np.testing.assert_array_equal(of_file(tmp_path / "p.csv", "ring")["points"], points)
