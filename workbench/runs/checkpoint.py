"""All that training needs to go on bit for bit: tensors in safetensors, plain numbers in JSON, the last two of each run."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from . import files
from .files import RunError
from .run import Run

if TYPE_CHECKING:
    import torch


def encode(step: int, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> tuple[bytes, bytes]:
    """The bytes of the tensors, and of the record that knows their checksum. The tensors may change as soon as this returns."""
    import safetensors.torch

    data = safetensors.torch.save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    return data, files.seal({"step": step, "bytes": len(data), "crc32": zlib.crc32(data), "state": state})


def write(run: Run, step: int, data: bytes, record: bytes) -> None:
    """The tensors, then the record: with its renaming the checkpoint counts. The one before stays, older ones go."""
    files.replace(run.path / f"checkpoint-{step}.safetensors", data)
    files.replace(run.path / f"checkpoint-{step}.json", record)
    files.sync_folder(run.path)
    for older in [other for other in run.checkpoints() if other < step][1:]:
        _remove(run, older)


def newest(run: Run) -> tuple[int, dict[str, torch.Tensor], dict[str, Any]] | None:
    """Step, tensors and state of the newest checkpoint that is whole; damaged ones are removed."""
    import safetensors.torch
    from safetensors import SafetensorError

    for step in run.checkpoints():
        try:
            record = files.unseal(files.read(run.path / f"checkpoint-{step}.json"), f"checkpoint-{step}.json")
            data = files.read(run.path / f"checkpoint-{step}.safetensors")
            if len(data) == record["bytes"] and zlib.crc32(data) == record["crc32"] and step == record["step"]:
                return step, safetensors.torch.load(data), record["state"]
        except (OSError, RunError, KeyError, SafetensorError):
            pass
        _remove(run, step)
    return None


def drop_diverged(run: Run) -> None:
    """Remove what was saved of a training after its numbers had ceased to be numbers: going on from there would be in vain."""
    import torch

    def sound(tensors: dict[str, torch.Tensor]) -> bool:
        return all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values())

    while (found := newest(run)) and not sound(found[1]):
        _remove(run, found[0])


def _remove(run: Run, step: int) -> None:
    files.remove(run.path / f"checkpoint-{step}.json")
    files.remove(run.path / f"checkpoint-{step}.safetensors")
