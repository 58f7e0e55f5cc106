"""The lecture room: links that hide and are read by phones, figures and data that leave a page, in a real Chromium."""

from __future__ import annotations

import io
import json
import re
import zlib

import numpy as np
import pytest
import xarray as xr

pytestmark = pytest.mark.browser


def saved(page, way: str, tmp_path):
    """The file of the losses that the export dialog saves in one way."""
    page.click("[data-figure=losses] .export")
    with page.expect_download() as download:
        page.click(f"[data-way={way}]")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_a_link_hides_options_groups_and_tabs_and_names_what_it_cannot_hide(visit):
    page = visit("?hide=noise,Boosting,stories,nonsense")
    assert page.locator("[data-option=events]").is_visible()
    for hidden in ("[data-option=noise]", "[data-option=boost_sigma]", "legend:text-is('Boosting')", "[data-tab=stories][role=tab]"):
        assert not page.locator(hidden).is_visible(), hidden
    assert "hide = 'nonsense' is not known" in page.locator(".notice").inner_text()
    page.wait_for_function("location.search === '?hide=noise,Boosting,stories'")


def test_without_the_recipe_a_page_has_figures_only(visit):
    page = visit("?hide=recipe")
    page.wait_for_selector(".studio[data-bare]")
    assert not page.locator("aside").is_visible()


def test_the_code_of_the_dialog_leads_to_the_page_with_what_is_ticked_hidden(visit):
    zxing = pytest.importorskip("zxingcpp", reason="reads QR codes as a camera would")
    from PIL import Image

    page = visit("?noise=0.05")
    page.click("#share")
    page.click("#hide summary:text-is('Uncertainty')")
    page.check("#hide input[value=prior_width]")
    link = page.input_value("#link")
    assert link.endswith("/amplitudes?noise=0.05&hide=prior_width")
    page.wait_for_function("document.querySelector('#code').complete && document.querySelector('#code').src.includes('prior_width')")
    assert page.is_visible("#nearby") and not page.is_visible("#code"), "nobody else reaches an address of this computer"
    page.evaluate("document.querySelector('#code').hidden = false")
    seen = np.asarray(Image.open(io.BytesIO(page.locator("#code").screenshot())).convert("L"))
    assert zxing.read_barcodes(seen)[0].text == link
    page.keyboard.press("Escape")
    other = visit(link.partition("/amplitudes")[2])
    assert other.locator("[data-option=noise] input[type=text]").input_value() == "0.05"
    assert not other.locator("[data-option=prior_width]").is_visible()


def test_a_figure_leaves_as_svg_png_pdf_csv_and_netcdf_with_the_same_points(visit, tmp_path):
    from PIL import Image

    page = visit()
    page.wait_for_function("drawn.some(({figure}) => figure === 'losses')")
    svg, png, pdf, csv, nc = (saved(page, way, tmp_path) for way in ("svg", "png", "pdf", "csv", "nc"))
    assert {path.name.partition("-")[0] for path in (svg, png, pdf, csv, nc)} == {"losses"}
    assert "seed 0" in svg.read_text() and "<desc>Losses;" in svg.read_text()
    wide, high = Image.open(png).size
    assert (2 * wide, 2 * high) == pdf_image(pdf.read_bytes())
    rows = [line.rsplit(",", 2) for line in csv.read_text().splitlines()[1:]]
    with xr.open_dataset(nc, engine="h5netcdf") as opened:
        assert len(rows) == opened.sizes["point"] > 100
        assert "seed 0" in opened.attrs["about"] and "step" in json.dumps(opened.attrs)
        y = np.array([float(value) if value else np.nan for *_, value in rows])
        np.testing.assert_allclose(y, opened["y"].values, rtol=1e-6)


def pdf_image(content: bytes) -> tuple[int, int]:
    """Width and height of the image in a PDF whose cross-reference table and stream are whole."""
    assert content.startswith(b"%PDF-1.4") and content.endswith(b"%%EOF\n")
    start = int(content.rsplit(b"startxref\n", 1)[1].split()[0])
    places = [int(line.split()[0]) for line in content[start:].splitlines()[3:9]]
    for number, place in enumerate(places, start=1):
        assert content[place:].startswith(b"%d 0 obj" % number)
    width, height, length = (int(re.search(rb"/%s (\d+)" % name, content[places[4] :])[1]) for name in (b"Width", b"Height", b"Length"))
    begin = content.index(b"stream\n", places[4]) + len(b"stream\n")
    assert len(zlib.decompress(content[begin : begin + length])) == 3 * width * height
    return width, height


def test_the_export_dialog_knows_the_figure_under_the_pointer_and_closes_with_escape(visit):
    page = visit()
    page.wait_for_function("drawn.some(({figure}) => figure === 'delta')")
    page.hover("[data-figure=delta] .plot")
    page.keyboard.press("e")
    assert page.locator(".exporting select option:checked").inner_text() == "Accuracy"
    page.keyboard.press("Escape")
    assert not page.locator(".exporting[open]").count()
    page.click("[data-figure=losses] .export")
    assert page.locator(".exporting h2").inner_text() == "Export: Losses"
