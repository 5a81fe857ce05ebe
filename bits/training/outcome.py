"""How a run ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """outcome: finished, collapsed and diverged are results; failed means an exception, and the run is tried again.

    step, epochs: how far the run got.
    """

    outcome: str
    detail: str
    step: int
    epochs: int

    def facts(self) -> dict[str, Any]:
        """The content of outcome.json or failure.json."""
        return {"outcome": self.outcome, "detail": self.detail, "step": self.step, "epochs": self.epochs}
