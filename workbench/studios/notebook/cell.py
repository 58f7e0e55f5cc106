"""`wb.studio(name)`: a page in a notebook cell.

The page itself, from a page server that belongs to the kernel and runs in a process beside it: so it is the same page with everything it
can do, it stays awake while the kernel computes, and nothing of it is stored in the notebook. The server ends with the kernel; runs go on.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import anywidget
import traitlets

from workbench.families import FAMILIES
from workbench.home import runs_folder
from workbench.runs.files import RunError
from workbench.studios.browser.assets import bundle
from workbench.studios.notebook.still import Still
from workbench.studios.pages.library import Library

PAGES = {family.name: family.place for family in FAMILIES}
"""Names of studios, and where the server has their pages."""
OPENS_WITHIN = 60.0  # seconds
_servers: dict[Path, Server] = {}
_stood: dict[tuple[str, str], tuple[str, str]] = {}
"""Where the page of a cell stood last, by the notebook's own name of the cell."""
_lock = threading.Lock()


class Server:
    """The page server of this kernel for one folder of runs."""

    def __init__(self, folder: Path):
        command = [sys.executable, "-m", "workbench.studios.notebook.beside", str(folder)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace"
        )
        self.said = ""
        self._read = threading.Lock()
        self._told: dict[str, Any] = {}
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def told(self) -> dict[str, Any]:
        """What it says of itself once it listens: port and token. Raises: RuntimeError with its last words."""
        with self._read:
            if not self._told:
                assert self.process.stdout
                line = self.process.stdout.readline()
                if not line:
                    self.process.wait(10)
                    last = self.said.strip().splitlines()[-1:] or ["it said nothing"]
                    raise RuntimeError(f"The page server of this kernel could not start: {last[0]}.")
                self._told = json.loads(line)
        return self._told

    def _listen(self) -> None:
        """Keep the end of what it complains about; a full pipe would stop it."""
        assert self.process.stderr
        for line in self.process.stderr:
            self.said = (self.said + line)[-4_000:]

    def admit(self, origin: str) -> None:
        """Let pages come in under this origin too: that of a proxy, as the browser sees it."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"origin": origin}) + "\n")
        self.process.stdin.flush()

    def close(self) -> None:
        if self.process.stdin:
            self.process.stdin.close()


def server_of(folder: Path) -> Server:
    """The server of this kernel that shows the runs of a folder; a new one where it has died."""
    with _lock:
        if folder not in _servers or not _servers[folder].alive:
            _servers[folder] = Server(folder)
            atexit.register(_servers[folder].close)
        return _servers[folder]


def name_of_cell() -> str:
    """The notebook's name of the cell that is being run; empty outside notebooks."""
    try:
        from IPython import get_ipython

        return str(get_ipython().kernel.get_parent()["metadata"]["cellId"])
    except (AttributeError, KeyError, TypeError, ImportError):
        return ""


class StudioCell(anywidget.AnyWidget):
    """A page in a notebook cell; the same page opens in a browser at `url`.

    It comes back as it was when its cell is run again or the notebook is loaded again. `query` is where it stands now, as in the page's own
    address: recipe, runs, tab.
    """

    _esm = bundle("cell.js")
    page = traitlets.Enum(list(PAGES.values())).tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    port = traitlets.Int(0).tag(sync=True)
    token = traitlets.Unicode().tag(sync=True)
    query = traitlets.Unicode().tag(sync=True)
    origin = traitlets.Unicode().tag(sync=True)
    sentence = traitlets.Unicode().tag(sync=True)
    still = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int(860).tag(sync=True)

    def __init__(self, name: str, runs: str | os.PathLike[str] | None = None, height: int = 860):
        self.name = name
        self.folder = Path(runs).expanduser().absolute() if runs is not None else runs_folder().absolute()
        self._cell = (name_of_cell(), name)
        self._opening: threading.Thread | None = None
        self._still = Still()
        page, query = _stood.get(self._cell, (PAGES[name], ""))
        super().__init__(page=page, title=f"workbench · {name}", query=query, height=height, still=self._still.name)
        self.observe(self._keep, ["page", "query"])
        self.observe(lambda change: server_of(self.folder).admit(change["new"]), "origin")

    def __repr__(self) -> str:
        return f"<studio {self.name} of {self.folder}>"

    @property
    def url(self) -> str:
        """Where a browser of this computer finds the page. Raises: RuntimeError when it cannot be served."""
        told = server_of(self.folder).told()
        with self.hold_sync():
            self.token, self.port = told["token"], told["port"]
        return f"http://127.0.0.1:{self.port}/{self.page}{self.query or '?'}{'&' if len(self.query) > 1 else ''}token={self.token}"

    def _repr_mimebundle_(self, **which: Any) -> Any:
        self._stand_still()
        if self._opening is None:
            self._opening = threading.Thread(target=self._begin, daemon=True)
            self._opening.start()
        return super()._repr_mimebundle_(**which)

    def _begin(self) -> None:
        try:
            _ = self.url
        except (RuntimeError, OSError, ValueError) as problem:
            self.sentence = str(problem)

    def _keep(self, _: Any) -> None:
        if self._cell[0]:
            _stood[self._cell] = (self.page, self.query)
        self._stand_still()

    def _stand_still(self) -> None:
        """What an exported notebook shows: the first figures of the run on the page, by default those of its first preset."""
        family = next(one for one in FAMILIES if one.place == self.page)
        library = Library(self.folder, (family.recipe,))
        try:
            named = parse_qs(self.query.lstrip("?")).get("run", [""])[0]
            run = library.find(named) if named else library.nearest(family.recipe())
            assert run, "examples ship with the package"
            self._still.show(
                f"Run {run.id}, {library.title(run)}, on the page {self.title}", [run.figure(name).still for name in family.first]
            )
        except (OSError, RunError, ValueError) as problem:
            self._still.show(f"The page {self.title}: {problem}", [])
