"""What is chosen on the page beside a recipe: a jet, how jets are shifted, and what is drawn of them."""

from __future__ import annotations

MOST_SHOWN = 1_000
"""Jets whose constituents are kept, in these units:"""
PT_UNIT, ANGLE_UNIT = 0.02, 1e-4
"""GeV, and radians: they are kept as whole numbers."""
JETS = {str(number): f"jet {number}" for number in range(MOST_SHOWN)}
PLANES = {"": "probability μ", "logit": "logit z"}
SHIFTS = {
    "0": "as they are",
    "-10": "all momenta −10 %",
    "-5": "all momenta −5 %",
    "5": "all momenta +5 %",
    "10": "all momenta +10 %",
    "v20": "20 further collisions",
    "v40": "40 further collisions",
    "v60": "60 further collisions",
}
"""How jets may come that the network was not made for, by their names in links."""


def place_of(jet: str, jets: int) -> int:
    """The row of a jet among so many."""
    return min(int(jet or 0), jets - 1)
