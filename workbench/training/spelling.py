"""Numbers as people write them: 9,000 and 12k and 1.5M, 50 %, 10⁻³, −0.5 with the sign of a book, 3×128 for three layers of 128.

A comma parts values, as everywhere on the command line and in links. It groups thousands only where nothing else makes sense: 9,000 would
be 9 and 000, which nobody writes. So 0,01 is never a hundredth: whoever means that is told to type 0.01.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

LONGEST = 100
"""Characters of a number, or of the widths of all layers."""
FACTORS: dict[str, int | Decimal] = {"k": 1_000, "K": 1_000, "M": 1_000_000, "%": Decimal("0.01")}
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
GROUPED = re.compile(r"[+-]?[1-9][0-9]{0,2}([,' ])[0-9]{3}(\1[0-9]{3})*(\.[0-9]+)?")
"""Thousands in groups, by commas, apostrophes or blanks."""
POWER = re.compile(r"(?:([+-]?[0-9.]+)[·⋅×x*])?([+-]?)10(?:\^|\*\*)([+-]?[0-9]{1,4})")
PLAIN = re.compile(r"[+-]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
PARTED = re.compile(r"[0-9]+,[0-9]+")
TIMES = re.compile(r"\s*[×xX*]\s*")


def number(text: str) -> Decimal:
    """The number that a text spells. Raises: ValueError."""
    text = tidy(text)
    factor: int | Decimal = 1
    if text[-1:] in FACTORS:
        factor, text = FACTORS[text[-1]], text[:-1].rstrip()
    if GROUPED.fullmatch(text):
        text = re.sub("[,' ]", "", text)
    dense = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+", lambda raised: "^" + raised[0].translate(RAISED), text.replace(" ", "") if "10" in text else text)
    if power := POWER.fullmatch(dense):
        mantissa, sign, exponent = power.groups()
        text = f"{sign}{mantissa or 1}e{exponent}"
    if not PLAIN.fullmatch(text):
        raise ValueError(text)
    try:
        return Decimal(text) * factor
    except InvalidOperation as problem:
        raise ValueError(text) from problem


def tidy(text: str) -> str:
    """A text with plain blanks and signs. Raises: ValueError for one that is too long."""
    if len(text) > LONGEST:
        raise ValueError(text)
    return " ".join(text.replace("−", "-").replace("\N{EN DASH}", "-").split())


def values(text: str) -> list[str]:
    """The values that commas or semicolons part in a text: one where there is none, or where commas group thousands."""
    text = text.strip()
    if ";" in text:
        parts = text.split(";")
    elif re.search(r"[0-9],[0-9]{3},\s", text) or re.search(r",\s+[0-9]{1,3},[0-9]{3}$", text):
        parts = re.split(r",\s+", text)
    elif GROUPED.fullmatch(text) and any(len(part) > 1 and part[0] == "0" for part in text.split(",")[1:]):
        parts = [text]
    else:
        parts = text.split(",")
    return [part.strip() for part in parts]


def listed(found: Iterable[Any]) -> str:
    """Values as `values` reads them, also those that are lists of their own: 0.1,0.2 and 64,64;128."""
    texts = [(",".join(map(str, value)), True) if isinstance(value, (list, tuple)) else (str(value), False) for value in found]
    return (";" if any(several for _, several in texts) else ",").join(text for text, _ in texts)


def decimal_comma(text: str) -> str:
    """The number with a point, where a text may mean one with a decimal comma; else ''."""
    return text.strip().replace(",", ".") if PARTED.fullmatch(text.strip()) else ""


def widths(text: str, layers: int) -> list[Decimal]:
    """Widths of layers: 128, 128, 128, or 128 128 128, 128-128-128, 3×128, 128x3; of what is multiplied, what fits `layers` counts layers.

    Raises: ValueError.
    """
    text = TIMES.sub("×", tidy(text.strip("[]() ")))
    found: list[Decimal] = []
    for word in re.split(r"[,;\s]+|(?<=[0-9])-(?=[0-9])", text):
        factors = sorted((number(factor) for factor in word.split("×", 1)), key=lambda factor: factor > layers)
        count, width = factors if len(factors) > 1 else (1, factors[0])
        if count != int(count) or not 0 < count <= layers:
            raise ValueError(text)
        found += [Decimal(width)] * int(count)
    return found
