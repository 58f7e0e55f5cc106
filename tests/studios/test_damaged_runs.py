"""Run folders that were damaged: the page and the list show what is right or say what is wrong, and never a wrong number."""

from __future__ import annotations

import json
import random
import re
import shutil

import pytest

from workbench.__main__ import main
from workbench.families.amplitudes.page import Amplitudes
from workbench.runs.store import RunStore
from workbench.studios.pages.address import Address

NUMBER = re.compile(r"[-−]?\d[\d,]*\.?\d*")


def damaged(data: bytes, chance: random.Random) -> bytes:
    """A bit, a byte, a sector of zeros or the end."""
    if not data:  # a file that is there or not, which may hold anything
        return chance.randbytes(7)
    place, kind = chance.randrange(len(data)), chance.randrange(4)
    if kind == 0:
        return data[:place]
    if kind == 1:
        return data[:place] + bytes(min(512, len(data) - place)) + data[place + 512 :]
    change = 1 << chance.randrange(8) if kind == 2 else chance.randrange(1, 256)
    return data[:place] + bytes([data[place] ^ change]) + data[place + 1 :]


def shown(root, name: str) -> dict[str, list[str]]:
    """The numbers of a run that its page shows, by what they are called."""
    page = Amplitudes(runs=root)
    page.restore(Address(run=name))
    for tab in ("accuracy", "runs"):
        page.hear({"tab": tab})
        page.refresh(everything=True)
    told = json.loads(page.frame.state).get("numbers") or {"rows": []}
    return {f"{row['title']} {place}": NUMBER.findall(str(cell)) for row in told["rows"] for place, cell in enumerate(row["values"])}


@pytest.mark.parametrize("seed", [1, 2])
def test_a_damaged_folder_breaks_neither_page_nor_list_and_shows_no_wrong_number(finished, tmp_path, seed, capsys, monkeypatch):
    chance, whole = random.Random(seed), finished.singles[0]
    right = shown(finished.root, whole.id)
    assert any(right.values())
    victims = sorted(path.name for path in whole.path.iterdir() if path.is_file() and path.name not in ("LOCK", "log.txt", "control.json"))
    differs = 0
    for number in range(24):
        store = RunStore(tmp_path / f"runs{number}")  # each time another folder: what was read is remembered
        shutil.copytree(whole.path, store.root / whole.id)
        victim = store.root / whole.id / victims[number % len(victims)]
        victim.write_bytes(damaged(victim.read_bytes(), chance))
        assert main(["runs", "--runs", str(store.root)]) == 0
        listed = "".join(capsys.readouterr())
        assert "Traceback" not in listed
        found = shown(store.root, whole.id)
        wrong = {name: (numbers, right[name]) for name, numbers in found.items() if name in right and numbers and numbers != right[name]}
        assert not wrong, (victim.name, wrong)
        differs += found != right
    assert differs, "some damage is seen"
