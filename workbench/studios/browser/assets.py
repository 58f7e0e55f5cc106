"""What a browser gets of ours: the files of this folder, and plotly.js. Knows no Panel: notebook cells need it too."""

from __future__ import annotations

import functools
import gzip
import re
from pathlib import Path

import plotly

from workbench.figures.engine import engine

PAGE = Path(__file__).parent
ENGINE_URL = f"plotlyjs/plotly.min.js?v={plotly.__version__}"


@functools.cache
def source(*names: str) -> str:
    """The text of files of this folder, one after the other: read once, and the same for all pages."""
    return "\n".join((PAGE / name).read_text(encoding="utf-8") for name in names)


IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)"$', re.M)
EXPORT = re.compile(r"^export (?:(?:async )?function|const) (\w+)", re.M)


@functools.cache
def bundle(name: str) -> str:
    """A script of this folder with all that it imports as one text, as components of Panel and of notebooks want it.

    Every other module is a function that is called once, in the order of imports. Raises: ValueError for another form of import or export.
    """
    found: dict[Path, str] = {}
    entry = (PAGE / name).resolve()

    def body_of(path: Path) -> str:
        text = path.read_text(encoding="utf-8")
        for _, place in IMPORT.findall(text):
            take(path.parent.joinpath(place).resolve())
        text = IMPORT.sub(lambda each: f"const {{{each[1].replace(' as ', ': ')}}} = {called(path.parent.joinpath(each[2]))}", text)
        if re.search(r"^import\b", text, re.M):
            raise ValueError(f'{path.name} imports in another way than import {{name}} from "./file.js".')
        return text

    def take(path: Path) -> None:
        if path not in found:
            text = body_of(path)
            names = EXPORT.findall(text)
            text = re.sub(r"^export default .*$", "", re.sub(r"^export (?=(async )?function|const)", "", text, flags=re.M), flags=re.M)
            if re.search(r"^export\b", text, re.M):
                raise ValueError(f"{path.name} exports in another way than with its function or const, on one line.")
            found[path] = f"const {called(path)} = (() => {{\n{text}\nreturn {{{', '.join(names)}}}\n}})()"

    text = body_of(entry)
    return "\n".join([*found.values(), text])


def called(path: Path) -> str:
    """What a module is called within a bundle."""
    return f"module_{path.stem}"


@functools.cache
def compressed_engine() -> bytes:
    """The same as gzip, made once per process."""
    return gzip.compress(engine(), compresslevel=6)
