"""The user's own file: where it is, and what tells its content from that of others."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from workbench.home import uploads_folder

DIGITS = 16
"""So many digits of a file's SHA-256 tell it from all others."""
UNITS = ("auto", "GeV", "MeV", "TeV")
"""What may be asked for as the units of a file; auto: as the file says, else GeV."""
UPLOADED = re.compile(rf"uploads/([0-9a-f]{{{DIGITS}}})-[a-z0-9][a-z0-9._-]{{0,60}}")
"""How a file is called that a browser sent: by its content and its name there. The same file is the same recipe on every computer."""
PORTION = 1 << 20
SETTLED = 2.0
"""Seconds after which a change of a file surely shows in its dates."""


def digits_of(file: str) -> str:
    """The first digits of the digest of a file that a browser sent: they stand in its name; '' for any other file."""
    sent = UPLOADED.fullmatch(file)
    return sent[1] if sent else ""


def pasted(given: str) -> str:
    """A path as people paste it: without blanks and quotes around it, from $HOME, or as file:///… Read once or twice, it means the same."""
    before, path = None, given
    while path != before:
        before, path = path, _once_pasted(path)
    return path


def _once_pasted(given: str) -> str:
    text = given.strip()
    if len(text) > 1 and ((text[0] == text[-1] and text[0] in "\"'") or text[0] + text[-1] in ("“”", "‘’", "„“")):
        text = text[1:-1].strip()
    if text.lower().startswith("file:") and (found := urlsplit(text)).netloc in ("", "localhost") and found.path.startswith("/"):
        text = unquote(found.path)
    return re.sub(r"^\$(HOME|\{HOME\})(?=/|$)", "~", text)


def located(file: str | os.PathLike[str]) -> Path:
    """Where a file is, from the root: a relative path means the folder of this process. It need not exist."""
    text = os.fspath(file)
    return uploads_folder().absolute() / text.partition("/")[2] if digits_of(text) else Path(os.path.expanduser(text)).absolute()


def beside(file: str, folder: Path) -> str:
    """The path of a file that something in a folder names: a relative one is looked for there."""
    return file if not file or digits_of(file) else os.path.join(folder.absolute(), os.path.expanduser(file))


def digest(path: Path) -> str:
    """The SHA-256 of a file's content, read once as long as neither size nor dates change. Raises: OSError."""
    stat = path.stat()
    if abs(time.time() - max(stat.st_mtime, stat.st_ctime)) < SETTLED:  # another change may leave the same dates
        return _digest(path)
    return _settled_digest(path, stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def check_content(recipe: Any) -> None:
    """Raises: ValueError where the recipe's own file is not the one with which its run was started, as far as that is known."""
    if not (promised := getattr(recipe, "file_digest", "")):
        return
    try:
        found = digest(located(recipe.file))
    except OSError as problem:
        raise ValueError(f"{recipe.file} cannot be read: {problem.strerror or problem}.") from problem
    if found != promised:
        raise ValueError(f"the content of {recipe.file} has changed since the run was started; put the file back, or train it anew.")


@functools.lru_cache(maxsize=64)
def _settled_digest(path: Path, *_: int) -> str:
    return _digest(path)


def _digest(path: Path) -> str:
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while portion := file.read(PORTION):
            found.update(portion)
    return found.hexdigest()
