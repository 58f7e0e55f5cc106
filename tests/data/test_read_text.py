"""Text as many programs write it: read by names or places; rows and columns that are wrong are named."""

from __future__ import annotations

import numpy as np
from own import broken_line, problem, same

from workbench.data.files import columns, load_file


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
    assert "has the column 'pz5' twice" in problem(write(np.column_stack([table, table[:, 0]]), header=header + ",PZ5"))
    assert "has 20 columns and no header; 21 are needed: E1, …, amplitude" in problem(write(table[:, :20], header=False))
