"""`workbench lab`: JupyterLab on a copy of the lecture notebooks, set up for a lecture room without a network.

This computer only, behind a token; no news and no search for updates; notebooks as they come with the package, copied once: what was
changed is never overwritten. What the terminal says is about what the user did, or should do.
"""

from __future__ import annotations

import logging
import os
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

import workbench

SETTINGS = Path(__file__).parent
FOLDER = "workbench-notebooks"
LARGEST_MESSAGE = 100_000_000  # bytes through the websocket between a browser and its kernel


def packaged() -> list[Path]:
    """The notebooks that come with the package: beside it in a checkout, under share/ where it was installed."""
    beside = sorted((Path(workbench.__file__).parents[1] / "notebooks").glob("*.ipynb"))
    if beside:
        return beside
    try:
        files = metadata.files("workbench") or []
    except metadata.PackageNotFoundError:
        files = []
    return sorted(Path(str(file.locate())) for file in files if file.suffix == ".ipynb" and file.parent.name == "notebooks")


def copy_notebooks(folder: Path) -> tuple[list[str], list[str]]:
    """Copy the notebooks that are not in the folder yet: names of the new ones, and of those that were there and differ.

    Raises: FileNotFoundError when the package has none; OSError when the folder cannot be written.
    """
    notebooks = packaged()
    if not notebooks:
        raise FileNotFoundError("The lecture notebooks are missing from this installation of workbench; install it anew.")
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{folder} is a file; a folder is needed for the notebooks.")
    folder.mkdir(parents=True, exist_ok=True)
    new, changed = [], []
    for notebook in notebooks:
        target = folder / notebook.name
        if not target.exists():
            shutil.copyfile(notebook, target)
            new.append(notebook.name)
        elif target.read_bytes() != notebook.read_bytes():
            changed.append(notebook.name)
    return new, changed


def arguments(folder: Path, *, port: int, show: bool, first: str = "") -> list[str]:
    """What JupyterLab is told."""
    return [
        f"--ServerApp.root_dir={folder}",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.allow_remote_access=False",
        f"--ServerApp.open_browser={show}",
        f"--ServerApp.allow_root={hasattr(os, 'geteuid') and os.geteuid() == 0}",
        f"--ServerApp.tornado_settings={{'websocket_max_message_size': {LARGEST_MESSAGE}}}",
        "--ServerApp.answer_yes=True",
        "--ServerApp.log_level=WARN",
        "--LabApp.log_level=WARN",
        "--LabApp.extension_manager=readonly",
        f"--LabApp.default_url=/lab{f'/tree/{first}' if first else ''}",
        *(["--KernelManager.transport_encryption=auto"] if kernels_encrypt() else []),
    ]


def kernels_encrypt() -> bool:
    """Whether notebook server and kernel can encrypt what they say to each other; those that can, and do not, complain."""
    import zmq
    from jupyter_client.manager import KernelManager

    return KernelManager.class_traits().get("transport_encryption") is not None and zmq.has("curve")


def sign(notary: Any, notebooks: list[Path]) -> None:
    """Vouch for notebooks that come with the package, so that nobody is warned of them."""
    import nbformat

    for notebook in notebooks:
        notary.sign(nbformat.read(notebook, as_version=4))


def lab(folder: str | os.PathLike[str] = FOLDER, *, port: int = 8888, show: bool = True) -> None:
    """Start JupyterLab on a copy of the notebooks, and serve until interrupted.

    *Arguments*: folder, where the copy lies or will lie; port, the next free one where it is taken; show, open a browser.
    *Raises*: OSError in one sentence.
    """
    place = Path(folder).expanduser().absolute()
    new, changed = copy_notebooks(place)
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, [str(SETTINGS), os.environ.get("JUPYTER_CONFIG_PATH")]))
    os.environ.pop("JUPYTER_TOKEN", None)

    from jupyterlab.labapp import LabApp

    first = min(path.name for path in packaged())
    server = LabApp.initialize_server(argv=arguments(place, port=port, show=show, first=first))
    print(sentence(place, new, changed))
    link = f"{server.connection_url.rstrip('/')}/lab/tree/{first}?token={server.identity_provider.token}"
    said = f"JupyterLab is at {link}  (Ctrl+C ends it; runs go on)"
    server.io_loop.add_callback(print, said, flush=True)  # after the server's own first callback, in which it begins to listen
    sign(server.contents_manager.notary, [place / name for name in new])
    server.log.addFilter(lambda record: "To access the server" not in record.getMessage())  # that has just been said
    # of two settings that Jupyter Server makes itself
    logging.getLogger("tornado.general").addFilter(lambda record: "websocket_ping_timeout" not in record.getMessage())
    server.start()


def sentence(folder: Path, new: list[str], changed: list[str]) -> str:
    """What was copied, and what was left as it is."""
    words = [f"{len(new)} notebooks were copied to {folder}." if new else f"The notebooks are in {folder}."]
    if changed:
        words.append(
            f"{len(changed)} that differ from the package's stay as they are ({', '.join(changed)}); delete one to have it copied anew."
        )
    return " ".join(words)
