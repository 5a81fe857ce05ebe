"""How a run ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """finished, collapsed and diverged are results; failed is what an exception leaves, and is tried again.

    step, epochs: how far it came.
    """

    outcome: str
    detail: str
    step: int
    epochs: int

    def facts(self) -> dict[str, Any]:
        """As outcome.json and failure.json hold it."""
        return {"outcome": self.outcome, "detail": self.detail, "step": self.step, "epochs": self.epochs}
