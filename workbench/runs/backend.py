"""Run folders for xarray: `xr.open_datatree("runs/x")` and `xr.open_dataset("runs/x", group="snapshots")`, also while the run trains."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import xarray as xr
from xarray.backends import BackendEntrypoint

from .files import Damaged, RunError
from .run import Run
from .store import open_run


class RunBackend(BackendEntrypoint):
    """Reads what is there at that moment: /reports, /snapshots and, at the end, /prediction/test and /prediction/train."""

    description = "Run folders of workbench: living, killed or finished"
    supports_groups = True
    open_dataset_parameters = ("filename_or_obj", "drop_variables", "group")

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        return isinstance(filename_or_obj, (str, os.PathLike)) and Path(filename_or_obj).joinpath("recipe.json").is_file()

    def open_dataset(
        self, filename_or_obj: Any, *, drop_variables: str | Iterable[str] | None = None, group: str | None = None
    ) -> xr.Dataset:
        """One group; without a name, the reports."""
        groups = self.open_groups_as_dict(filename_or_obj, drop_variables=drop_variables)
        name = "/" + (group or "reports").strip("/")
        if name not in groups:
            raise OSError(f"{filename_or_obj} has no group {name!r}; it has {', '.join(groups)}.")
        return groups[name] if group else groups[name].assign_attrs(groups["/"].attrs)

    def open_groups_as_dict(
        self, filename_or_obj: Any, *, drop_variables: str | Iterable[str] | None = None, **_: Any
    ) -> dict[str, xr.Dataset]:
        run = open_run(Path(filename_or_obj))
        about = {"run": run.id, "state": run.status.state}
        with contextlib.suppress(Damaged):
            about |= {"title": run.title, "created": run.created, "recipe": json.dumps({"recipe": run.recipe.kind, **run.recipe.to_dict()})}
        groups = {"/": xr.Dataset(attrs=about), "/reports": run.reports, "/snapshots": run.snapshots, **_predictions(run)}
        dropped = [drop_variables] if isinstance(drop_variables, str) else list(drop_variables or [])
        return {name: dataset.drop_vars(dropped, errors="ignore") for name, dataset in groups.items()}

    def open_datatree(self, filename_or_obj: Any, *, drop_variables: str | Iterable[str] | None = None, **_: Any) -> xr.DataTree:
        return xr.DataTree.from_dict(self.open_groups_as_dict(filename_or_obj, drop_variables=drop_variables))


def _predictions(run: Run) -> dict[str, xr.Dataset]:
    found = {}
    for split in ("test", "train"):
        try:
            found[f"/prediction/{split}"] = run.prediction(split)
        except RunError:
            continue
    return found
