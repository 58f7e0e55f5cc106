"""Checkpoints from elsewhere: read as numbers or refused, never run (S7)."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from toy import ToyJob, toy

from workbench.runs import checkpoint, files
from workbench.runs.run import Run
from workbench.runs.store import RunStore
from workbench.runs.worker import run_job


class Evil:
    """Unpickled, it leaves a file."""

    def __init__(self, canary: Path):
        self.canary = canary

    def __reduce__(self):
        return os.mkdir, (str(self.canary),)


def safetensors(header: dict | bytes, data: bytes = b"", size: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + data


def archive(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("data.pkl", content)
    return buffer.getvalue()


def saved(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


WHOLE = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
CRAFTED = {
    "pickle": lambda canary: pickle.dumps(Evil(canary)),
    "torch": lambda canary: saved({"weight.0": Evil(canary)}),
    "zip_bomb": lambda canary: archive(bytes(200_000_000)),
    "expanded_stride": lambda canary: saved({"weight.0": torch.zeros(1).expand(100_000_000_000)}),
    "header_of_1_TB": lambda canary: safetensors(b"{}", size=10**12),
    "shape_of_1_TB": lambda canary: safetensors({"weight.0": {"dtype": "F32", "shape": [2**38], "data_offsets": [0, 16]}}, bytes(16)),
    "overflowing_shape": lambda canary: safetensors(
        {"weight.0": {"dtype": "F32", "shape": [2**62, 8], "data_offsets": [0, 16]}}, bytes(16)
    ),
    "overlap": lambda canary: safetensors({"a": WHOLE, "b": WHOLE}, bytes(16)),
    "outside": lambda canary: safetensors({"a": {**WHOLE, "data_offsets": [0, 2**40]}}, bytes(16)),
    "truncated": lambda canary: safetensors({"a": WHOLE}, bytes(9)),
    "deep": lambda canary: safetensors(b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    "empty": lambda canary: b"",
}


def plant(run: Run, data: bytes) -> int:
    """Put bytes where a checkpoint belongs, with a record that vouches for them."""
    step = run.checkpoints()[0]
    record = files.unseal(files.read(run.path / f"checkpoint-{step}.json"), "x")
    (run.path / f"checkpoint-{step}.safetensors").write_bytes(data)
    (run.path / f"checkpoint-{step}.json").write_bytes(files.seal({**record, "bytes": len(data), "crc32": zlib.crc32(data)}))
    return step


@pytest.fixture
def run(store: RunStore, quick: None) -> Run:
    run = store.create(toy(steps=300))
    assert run_job(run.path, ToyJob) == 0 and len(run.checkpoints()) == 2
    return run


@pytest.mark.parametrize("name", CRAFTED)
def test_s7_a_crafted_checkpoint_gives_way_to_the_one_before(run: Run, tmp_path: Path, name: str):
    """S7: pickles, bombs, sizes that are only declared, what was cut: no code runs (no canary), and the checkpoint before is used."""
    canary = tmp_path / "canary"
    step, older = plant(run, CRAFTED[name](canary)), run.checkpoints()[1]
    found = checkpoint.newest(run)
    assert found is not None and found[0] == older and run.checkpoints() == [older]
    assert not canary.exists() and not (run.path / f"checkpoint-{step}.safetensors").exists()


LIMITED = """
import resource, sys
from workbench.runs import checkpoint
from workbench.runs.run import Run
import safetensors.torch
size = int(next(line for line in open("/proc/self/status") if line.startswith("VmSize")).split()[1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (size + 64 * 2**20, size + 64 * 2**20))
print(*[checkpoint.newest(Run(path))[0] for path in sys.argv[1:]])
"""


def test_s7_no_crafted_checkpoint_takes_more_than_64_mib(run: Run, tmp_path: Path):
    """S7: the memory cap holds: a process that may take 64 MiB more refuses all that claim to be large."""
    names = ("zip_bomb", "expanded_stride", "header_of_1_TB", "shape_of_1_TB", "overflowing_shape")
    copies = [shutil.copytree(run.path, tmp_path / f"copy-{place}") for place in range(len(names))]
    for name, copy in zip(names, copies, strict=True):
        plant(Run(copy), CRAFTED[name](tmp_path / "canary"))
    done = subprocess.run([sys.executable, "-c", LIMITED, *map(str, copies)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.split() == [str(run.checkpoints()[1])] * len(names)


def test_s7_weights_that_do_not_fit_fail_in_a_sentence(run: Run):
    """S7: whole tensors of other shapes, under our own names: the run fails and says so; nothing is trained on."""
    import safetensors.torch

    for step in run.checkpoints():
        tensors = safetensors.torch.load_file(run.path / f"checkpoint-{step}.safetensors")
        other = {name: torch.zeros(7, 7) if name.startswith("weight") else tensor for name, tensor in tensors.items()}
        data = safetensors.torch.save(other)
        record = files.unseal(files.read(run.path / f"checkpoint-{step}.json"), "x")
        (run.path / f"checkpoint-{step}.safetensors").write_bytes(data)
        (run.path / f"checkpoint-{step}.json").write_bytes(files.seal({**record, "bytes": len(data), "crc32": zlib.crc32(data)}))
    before = np.array(run.reports["step"])
    assert run_job(run.path, ToyJob) == 1
    assert run.status.state == "failed" and run.status.message.count(".") >= 1 and "\n" not in run.status.message
    assert set(run.reports["step"].values) <= set(before)
