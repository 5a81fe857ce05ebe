"""What determines a measured number, given the weights: features, and a section for every evaluator there is."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Literal

from pydantic import SerializerFunctionWrapHandler, create_model, model_serializer

from bits.config.kinds import evaluator_declarations
from bits.config.section import Positive, Section

CHANCE_WIDTH = 128  # of the random features that stand for chance
WITHOUT_BACKBONE = ("chance", "pixels")  # references through which no image passes


class CentreCrop(Section):
    """How images are cut for the backbone when they are not augmented."""

    resize: Positive  # px, short side, bicubic
    size: Positive  # px, centre crop


class Features(CentreCrop):
    """From which backbone features are taken."""

    model: Literal["teacher", "student"]  # whose backbone


class _Evaluation(Section):
    """Everything that determines a measured number, given the weights. An evaluator that is null measures nothing."""

    features: Features
    pixels: Positive  # px, side of the centre square whose raw pixels are a reference; at most features.size

    def evaluators(self) -> dict[str, Section]:
        """The settings of the evaluators that measure something, by name."""
        named = {name: getattr(self, name) for name in EVALUATORS}
        return {name: settings for name, settings in named.items() if settings is not None}

    def only(self, names: Collection[str]) -> EvaluationSettings:
        """The same without the evaluators that are not named."""
        return self.model_copy(update={name: None for name in EVALUATORS if name not in names})

    @model_serializer(mode="wrap")
    def _those_that_measure(self, values: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without evaluators that measure nothing: another one that is declared changes no file and no digest."""
        return {name: value for name, value in values(self).items() if value is not None}


EVALUATOR_SETTINGS = {name: found.value.settings for name, found in evaluator_declarations().items()}
EVALUATORS = tuple(EVALUATOR_SETTINGS)

if TYPE_CHECKING:
    EvaluationSettings = _Evaluation
else:
    EvaluationSettings = create_model(
        "EvaluationSettings",
        __base__=_Evaluation,
        __module__=__name__,
        **{name: (EVALUATOR_SETTINGS[name] | None, None) for name in EVALUATORS},
    )
