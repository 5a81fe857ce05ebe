"""How a run ended."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """outcome: finished, collapsed and diverged are results; failed means an exception, and the run is tried again.

    step, epochs: how far the run got. channel: how its channel stood at the end, "live" or why it was not (see
    `bits.objectives.channel.state_of`); None where nothing was measured.
    """

    outcome: str
    detail: str
    step: int
    epochs: int
    channel: str | None = None

    def facts(self) -> dict[str, Any]:
        """The content of outcome.json or failure.json."""
        return asdict(self)
