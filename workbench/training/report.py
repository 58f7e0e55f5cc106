"""What a training yields: one `Report` per block of steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Report:
    """Losses of the last block of steps.

    `losses` are means over the block, `validation` is empty where the block did not end with a validation. `seconds` counts the
    time spent training, without pauses.
    """

    step: int
    steps: int
    seconds: float
    losses: dict[str, float]
    validation: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "steps": self.steps,
            "seconds": round(self.seconds, 6),
            "losses": self.losses,
            "validation": self.validation,
        }
