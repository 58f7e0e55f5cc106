"""What is wanted of a file, how the user calls it, and what there is to say about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np

from workbench.data.reader import FileProblem
from workbench.data.reader.layout import Layout

READ = "HDF5, CSV, numpy, LHE, Parquet and ROOT files are read"


@dataclass
class Request:
    """One file to be read as events of a kind: a process or dataset, whose `layouts` it may have, the largest last."""

    path: Path
    kind: str
    name: str
    units: str
    layouts: list[Layout]
    instead: Callable[[int], str] = lambda particles: ""
    """Words about the process that has so many particles, if it is another one."""
    just_sent: bool = False
    """Whether a browser has just sent it: momenta that are hardly in GeV are only noted, and their unit may still be said; whoever keeps
    the file holds a lock on it."""
    unit_is_said: bool = False
    """Whether the user or the file has said the unit of the momenta."""
    notes: list[str] = field(default_factory=list)
    """What the user should know of a file that was read, one sentence each."""

    def refuse(self, what: str) -> NoReturn:
        raise FileProblem(f"{self.name} {what}.")

    def note(self, what: str) -> None:
        self.notes.append(f"{self.name} {what}.")

    def doubt(self, what: str) -> bool:
        """Refuse the file, or note what is doubtful and go on: True. Raises: FileProblem."""
        if not self.just_sent:
            self.refuse(what)
        self.note(what)
        return True

    def refuse_first(self, wrong: np.ndarray, sentence: Callable[..., str]) -> None:
        """Refuse the file if anything is wrong, by a sentence about the first place (row from 0, particle) where it is."""
        if wrong.any():
            self.refuse(sentence(*np.argwhere(wrong)[0]))

    @property
    def largest(self) -> Layout:
        return self.layouts[-1]

    def layout_with(self, particles: int) -> Layout:
        """The layout with so many particles, or the largest."""
        return next((layout for layout in self.layouts if layout.particles == particles), self.largest)
