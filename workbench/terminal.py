"""What is printed is readable in any terminal: letters that its encoding does not have are spelled out, `median |Delta| 0.5 %`."""

from __future__ import annotations

import codecs
import io
import os
import re
import sys
import unicodedata

SPELLED = {
    "…": "...", "–": "-", "—": "-", "−": "-", "‐": "-", "·": "*", "×": "x", "±": "+-", "→": "->", "←": "<-", "↺": "undo",
    "√": "sqrt ", "∂": "d", "∫": "int", "∞": "inf", "∝": "~", "≈": "~", "≠": "!=", "≤": "<=", "≥": ">=", "∈": "in", "½": "1/2", "⅔": "2/3",
    "⟨": "<", "⟩": ">", "‖": "||", "‘": "'", "’": "'", "“": '"', "”": '"', "′": "'", "ᵀ": "^T", "ⁿ": "^n", "µ": "mu",
    "✓": "yes", "✗": "no", "ŝ": "s^", "Ā": "Abar", "ȳ": "ybar",
    "\N{COMBINING CIRCUMFLEX ACCENT}": "^", "\N{COMBINING MACRON}": "bar", "\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " ",
}  # fmt: skip
HIGH, LOW = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "₀₁₂₃₄₅₆₇₈₉₊₋"
DIGITS = str.maketrans(HIGH + LOW, 2 * "0123456789+-")


def make_readable() -> None:
    """Let nothing that is printed fail: letters are spelled out where they must be, and a stream that is closed becomes a void."""
    codecs.register_error("spelled", spelled)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, _void(number))
        elif number and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="spelled")


def _void(number: int) -> io.TextIOWrapper:
    """A closed stream at its own place, for children too: else the next file that is opened gets the number, and what is printed."""
    file = os.open(os.devnull, os.O_RDWR)
    if file != number:
        os.dup2(file, number)
        os.close(file)
    os.set_inheritable(number, True)
    return open(number, "w" if number else "r", encoding="utf-8", errors="spelled")


def in_unicode(text: str) -> str:
    """An argument as it was typed, also where the locale knows no more than ASCII."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def spelled(problem: UnicodeError) -> tuple[str | bytes, int]:
    """The error handler of `str.encode`: letters in words of ASCII; bytes of a file's name that are no letters as they are."""
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    text = problem.object[problem.start : problem.end]
    if raw := re.match("[\udc80-\udcff]+", text):
        return raw[0].encode("ascii", "surrogateescape"), problem.start + len(raw[0])
    text = re.match("[^\udc80-\udcff]+", text)[0]  # type: ignore[index]
    return in_ascii(text), problem.start + len(text)


def in_ascii(text: str) -> str:
    """'median |Delta|', 'sqrt s', '10^-4', and the code of what has no word: '\\xf6'."""
    text = re.sub(f"[{HIGH}]+", lambda found: "^" + found[0].translate(DIGITS), text)
    text = re.sub(f"[{LOW}]+", lambda found: "_" + found[0].translate(DIGITS), text)
    return "".join(map(_letter, text)).encode("ascii", "backslashreplace").decode()


def _letter(letter: str) -> str:
    """Greek letters by their names."""
    found = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (?:FINAL )?(\w+)", unicodedata.name(letter, ""))
    return SPELLED.get(letter, letter) if found is None else found[2].lower() if found[1] == "SMALL" else found[2].capitalize()
