"""How a probe is trained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bits.config.section import Positive, Section

Rate = Annotated[float, Field(gt=0)]


class ProbeSettings(Section):
    """SGD with a cosine schedule from learning_rate x batch_size / 256 to 0 (protocol "Linear probe")."""

    epochs: Positive  # passes over the training images
    learning_rate: Rate  # the headline's, for 256 images a step
    momentum: Annotated[float, Field(ge=0, lt=1)]  # of SGD
    weight_decay: Annotated[float, Field(ge=0)]  # of SGD
    batch_size: Positive  # images a step
    schedule: Literal["epoch", "step"]  # when the cosine moves on: once an epoch, or with every step
    grid: tuple[Rate, ...]  # more learning rates, trained from the same batches

    @property
    def rates(self) -> tuple[float, ...]:
        """All learning rates, each once; the headline's first."""
        return tuple(dict.fromkeys((self.learning_rate, *self.grid)))
