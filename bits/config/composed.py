"""A run as Hydra composes it, and what all runs of a plan share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from bits.config.evaluation import EvaluationSettings
from bits.config.recipe import Curve, Dataset, Recipe
from bits.config.section import Positive, Section
from bits.config.site import Site


class Finetuning(Section):
    """How a pretraining goes on, without labels, on a target data set; all else stays as it was."""

    epochs: Positive
    warmup_epochs: float = Field(ge=0)
    learning_rate: Annotated[float, Field(gt=0)] | None  # for 256 images a step; null: the pretraining's
    min_learning_rate: Annotated[float, Field(ge=0)] | None  # null: the pretraining's
    reset: bool  # one head reset, at the start, for runs with resets
    freeze_prototypes_epochs: int = Field(ge=0)
    curve: Curve


class Composed(Section):
    """A run as Hydra composes it, and what all runs of a plan share."""

    recipe: Recipe
    evaluation: EvaluationSettings  # on the pretraining data set
    target_evaluation: EvaluationSettings  # on the target sets
    targets: dict[str, Dataset]  # role -> the data set that plays it
    finetuning: Finetuning
    seeds: tuple[Annotated[int, Field(ge=0)], ...] | None  # of every run that names none itself; null: the one `seed`
    site: Site

    @model_validator(mode="after")
    def _seeds_once(self) -> Composed:
        if self.seeds is not None and (not self.seeds or len(set(self.seeds)) < len(self.seeds)):
            raise ValueError(f"seeds = {list(self.seeds)}: expected at least one, each once")
        return self
