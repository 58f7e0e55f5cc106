import xarray as xr

from workbench.results.product import Product

KNOWN = {"off": {"long_name": "largest |y − y_true|", "units": "1"}}


def off(found: xr.Dataset) -> float:
    return float(abs(found["y"] - found["y_true"]).max())


LINE = Product(
    "line",
    "a line",
    "This figure shows a line.",
    lambda found: f"off by {off(found):.2g}",
    lambda test, train: [({}, xr.Dataset({"off": ((), off(test), KNOWN["off"])}))],
    KNOWN,
    scan="line scan",
)
