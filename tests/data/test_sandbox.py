"""The process that reads: narrow limits, nothing to steal, and an end with events, a sentence, or a signal."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest
from attacks import SECRET, attack_cycle, attack_external_link, attack_external_storage, attack_filter, attack_virtual
from own import problem

from workbench.data.reader import sandbox
from workbench.data.reader.limits import SECONDS

# Forks of a process that has already imported everything read one damaged file each, with the limits of the real one. Prints per file: exit
# code, seconds, whether the secret came out, the sentence.
READ_MANY = """
import json, os, sys, time
import h5py
import workbench.data.reader.read
from workbench.data.reader import sandbox
for path in sys.argv[1:]:
    begin, (out, into) = time.monotonic(), os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(into, 1), os.dup2(into, 2), os.close(out)
        sys.stdout = open(1, "w", closefd=False)
        sys.stderr = open(2, "w", closefd=False)
        code = sandbox.main(path, "gg_yyg", "mine.h5")
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)
    os.close(into)
    with open(out, "rb") as stream:
        said = stream.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(json.dumps([code, time.monotonic() - begin, any(word in said for word in WORDS), said[-300:].decode("latin1") if code else ""]))
"""


@pytest.mark.parametrize("number", [100, pytest.param(2_000, marks=pytest.mark.slow)])
def test_s2_damaged_files_leak_nothing_crash_nobody_and_are_refused_within_two_seconds(number, events, tmp_path, slowdown):
    """S2: bytes flipped, cut and doubled in plain, compressed and hostile files: 0 leaks, 0 crashes of the server, each refused < 2 s."""
    secret = float.fromhex("0x1.23456789abcdep+3")
    with h5py.File(tmp_path / "private.h5", "w") as file:
        file["momenta"], file["amplitude"] = np.full((300, 5, 4), secret), np.full(300, secret)
    (tmp_path / "private.bin").write_bytes(SECRET)

    def plain(file, folder, **options):
        file.create_dataset("momenta", data=events.momenta, **options)
        file.create_dataset("amplitude", data=events.amplitude, **options)

    def compressed(file, folder):
        plain(file, folder, compression="gzip", shuffle=True, fletcher32=True)

    makers = [plain, compressed, attack_external_link, attack_external_storage, attack_virtual, attack_cycle, attack_filter]
    wholes = []
    for make in makers:
        with h5py.File(tmp_path / "whole.h5", "w", libver="latest" if make is compressed else None) as file:
            make(file, tmp_path)
        wholes.append(np.frombuffer((tmp_path / "whole.h5").read_bytes(), dtype=np.uint8))
    rng, paths = np.random.default_rng(number), []
    for count in range(number):
        data = wholes[count % len(wholes)].copy()
        end = min(len(data), 6_000)  # where the structure is
        where = rng.integers(8, end, rng.integers(1, 8))
        data[where] = rng.integers(0, 256, len(where)) if count % 3 else data[where] ^ (1 << rng.integers(0, 8, len(where)))
        data = data[: rng.integers(100, len(data))] if count % 17 == 0 else data
        paths.append(tmp_path / f"{count}.h5")
        paths[-1].write_bytes(data.tobytes())
    before = slowdown()
    program = f"WORDS = {[np.float64(secret).tobytes(), SECRET[:14]]!r}\n" + READ_MANY
    done = subprocess.run([sys.executable, "-c", program, *map(str, paths)], capture_output=True, text=True, timeout=1_000)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == number and not any(leaked for _, _, leaked, _ in answers)
    refused = [answer for answer in answers if answer[0]]
    stopped = [code for code, *_ in answers if code not in (0, sandbox.REFUSED)]
    slowest = max(seconds for _, seconds, *_ in refused)
    print(f"{len(refused)} of {number} refused, {len(stopped)} readers stopped {sorted(set(stopped))}, slowest after {slowest:.2f} s")
    assert len(refused) > number / 3 and slowest < 2 * max(before, slowdown())
    assert all("mine.h5" in said for code, _, _, said in refused if code == sandbox.REFUSED)
    assert all(code < 0 for code in stopped), "a reader ends with events, a sentence, or by a signal"
    assert len(refused) < number, "some damage is none"


def test_a_reader_that_crashes_is_a_damaged_file(write, table, monkeypatch):
    monkeypatch.setattr(sandbox.sys, "executable", shutil.which("false"))
    assert "mine.csv is damaged: its reader stopped with code 1" in problem(write(table))


def test_s2_the_reader_has_no_environment_no_folder_and_narrow_limits(write, table, monkeypatch):
    """S2: in the reader's process there is no token to steal, nothing can be written, and memory is 1 GiB plus 24 bytes per byte."""
    path, seen, real = write(table), {}, subprocess.run

    def run(command, **options):
        limits = "import resource as r; print([r.getrlimit(getattr(r, 'RLIMIT_' + n))[0] for n in ('AS', 'CPU', 'FSIZE', 'NOFILE')])"
        code = f"from pathlib import Path; from workbench.data.reader import sandbox; sandbox.limit(Path({str(path)!r})); {limits}"
        done = real([*command[:2], "-c", code], capture_output=True, text=True, **{k: options[k] for k in ("env", "cwd")})
        seen.update(options, limits=json.loads(done.stdout))
        return subprocess.CompletedProcess(command, 0, b'{"kind": "gg_yyg", "events": 0, "arrays": [], "notes": []}\n', b"")

    monkeypatch.setenv("WORKBENCH_TOKEN", "secret")
    monkeypatch.setattr(sandbox.subprocess, "run", run)
    sandbox.ask(path, "gg_yyg", "", "auto", "look")
    size = path.stat().st_size
    assert seen["limits"] == [2**30 + 24 * size, SECONDS, 0, 64] and seen["cwd"] == "/"
    assert not [name for name in seen["env"] if name.startswith("WORKBENCH") or name == "HOME"]
