"""A run as composed by Hydra, with the settings that all runs of a plan share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, model_validator

from bits.config.evaluation import EvaluationSettings
from bits.config.recipe import Curve, Dataset, Recipe
from bits.config.section import Positive, Section
from bits.config.site import Site


class Finetuning(Section):
    """Self-supervised fine-tuning of a pretrained run on a target set; everything else is as in the pretraining."""

    epochs: Positive  # epochs to train
    warmup_epochs: float = Field(ge=0)  # epochs of linear warm-up from 0
    learning_rate: Annotated[float, Field(gt=0)] | None  # peak for a batch of 256 images; null: the pretraining's
    min_learning_rate: Annotated[float, Field(ge=0)] | None  # end of the cosine schedule; null: the pretraining's
    reset: bool  # one head reset at the start, for runs with head resets
    freeze_prototypes_epochs: int = Field(ge=0)  # epochs at the start in which DINO's prototypes are not trained
    curve: Curve  # the evaluation of the teacher during fine-tuning


class Target(Dataset):
    """A data set beside that of pretraining, with what is measured there in its own way."""

    evaluation: dict[str, Any] = Field(default_factory=dict)  # keys of target_evaluation that differ here

    @property
    def dataset(self) -> Dataset:
        """The data set alone."""
        return Dataset.model_validate(self.model_dump(exclude={"evaluation"}))


class Composed(Section):
    """A run as composed by Hydra, with the settings that all runs of a plan share."""

    recipe: Recipe  # everything that determines the weights
    evaluation: EvaluationSettings  # on the pretraining data set
    target_evaluation: EvaluationSettings  # on the target sets
    targets: dict[str, Target]  # data set role -> data set, and what is measured there otherwise than elsewhere
    finetuning: Finetuning  # self-supervised fine-tuning on the target sets
    seeds: tuple[Annotated[int, Field(ge=0)], ...] | None  # of runs without seeds of their own; null: only `seed`
    site: Site  # where things are and how fast they go

    @model_validator(mode="after")
    def _seeds_once(self) -> Composed:
        if self.seeds is not None and (not self.seeds or len(set(self.seeds)) < len(self.seeds)):
            raise ValueError(f"seeds = {list(self.seeds)}: expected at least one, each once")
        return self

    def evaluation_on(self, role: str) -> EvaluationSettings:
        """How backbones are measured on a target set. Raises pydantic's ValidationError for what is no such setting."""
        shared = self.target_evaluation.model_dump()
        return EvaluationSettings.model_validate(_merged(shared, self.targets[role].evaluation))


def _merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with nested `changes`, key by key."""
    changed = {
        key: _merged(values[key], value)
        if isinstance(value, Mapping) and isinstance(values.get(key), Mapping)
        else value
        for key, value in changes.items()
    }
    return {**values, **changed}
