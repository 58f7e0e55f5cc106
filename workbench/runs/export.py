"""A trained amplitude as one file for other programs: ONNX, or what `torch.export.load` reads.

Input `momenta` (event, particle, 4), float64, in GeV; outputs `mean`, `sigma_syst`, `sigma_stat` (event), float64, in the unit of the
amplitude. The file says which run it is of, and which particles it wants in which order.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .files import RunError, replace
from .prediction import module
from .run import Run

MOST_BYTES = 1_900_000_000
"""Of weights: one file of ONNX holds 2 GiB."""


def export(run: Run, file: Path | str, draws: int | None = None) -> Path:
    """See `Run.export`."""
    path = Path(file).absolute()
    writers = {".onnx": _onnx, ".pt2": _pt2}
    if path.suffix not in writers:
        raise ValueError(f"{path.name[:60]!r} says no format that is written: an end in .onnx or .pt2 is needed.")
    found: Any = module(run, draws).cpu()
    size = sum(tensor.numel() * tensor.element_size() for tensor in found.buffers())
    if size > MOST_BYTES:
        raise RunError(f"The weights of all draws take {size / 1e9:.1f} GB, and one file holds 1.9 GB; ask for fewer draws.")
    said = {"run": run.id, "made": run.created, "recipe": run.recipe.to_json(), **found.about}
    try:
        with _quiet():
            data = writers[path.suffix](found, said)
    except ImportError as problem:
        needed = f"Writing {path.suffix} needs the package {problem.name}, which is not here"
        raise RunError(f"{needed}: pip install 'workbench[export]'.") from problem
    replace(path, data)
    return path


def _program(found: Any) -> Any:
    """The module as a graph of operations, for any number of events."""
    import torch

    some = torch.rand(3, found.particles, 4, dtype=torch.float64)
    program = torch.export.export(found, (some,), dynamic_shapes={"momenta": {0: torch.export.Dim("event")}})
    for node in program.graph.nodes:  # where on this computer the lines of code lie is nobody's business
        node.meta.pop("stack_trace", None)
    return program


def _pt2(found: Any, said: dict[str, str]) -> bytes:
    import torch

    data = io.BytesIO()
    torch.export.save(_program(found), data, extra_files={f"{name}.txt": text for name, text in said.items()})
    return data.getvalue()


def _onnx(found: Any, said: dict[str, str]) -> bytes:
    import onnx  # noqa: F401 - which torch asks for late and in other words
    import onnxscript  # noqa: F401
    import torch

    names = {"input_names": ["momenta"], "output_names": found.outputs}
    written = torch.onnx.export(_program(found), dynamo=True, optimize=False, verbose=False, **names)
    assert written is not None
    graph, ends = written.model.graph, {id(value) for value in written.model.graph.outputs}
    for node in graph:
        node.metadata_props.clear()
        for value in node.outputs:
            if value.name in found.outputs and id(value) not in ends:  # what is inside may have the name of an output
                value.name = f"inside_{value.name}"
    written.model.metadata_props.update(said)
    return written.model_proto.SerializeToString()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the packages say of themselves."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logging.disable(before)
