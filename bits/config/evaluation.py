"""What determines a measured number, given the weights."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from pydantic import Field

from bits.config.section import Positive, Section


class CentreCrop(Section):
    resize: Positive  # px, short side, bicubic
    size: Positive  # px, centre crop


class Features(CentreCrop):
    model: Literal["teacher", "student"]


class Retrieval(Section):
    # Queries and gallery both out of val; every val image against the others; val against the training images.
    protocol: Literal["query-gallery", "each-against-all", "val-against-train"]
    queries_per_class: Positive
    seed: int
    cutoffs: tuple[Positive, ...]
    ties: Literal["expected", "stable"]  # mean over all orders of equally similar images, or their order in the gallery


class Knn(Section):
    ks: tuple[Positive, ...]
    temperature: float = Field(gt=0)


class Linear(Section):
    blocks: Positive  # CLS tokens of this many last blocks are concatenated
    average_patches: bool  # instead: the last block's CLS token and the average of its patch tokens
    augment: bool  # random resized crop and flip while the probe trains; false: cached centre crops
    epochs: Positive
    learning_rate: float = Field(gt=0)  # for 256 images a step
    momentum: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    batch_size: Positive
    grid: tuple[float, ...]  # more learning rates, reported as a second, labelled column
    standardised: bool  # another probe, on standardised features of centre crops, as a third


class Variance(Section):
    centred: bool
    normalised: bool


class EvaluationSettings(Section):
    """Everything that determines a measured number, given the weights. An evaluator that is null measures nothing."""

    features: Features
    pixels: Positive  # px, side of the centre square whose raw pixels are a reference; at most features.size
    knn: Knn | None
    linear: Linear | None
    retrieval: Retrieval | None
    variance: Variance | None

    def only(self, evaluators: Collection[str]) -> EvaluationSettings:
        """The same without the evaluators that are not named."""
        return self.model_copy(update={name: None for name in EVALUATORS if name not in evaluators})

    @property
    def blocks(self) -> int:
        """CLS tokens of how many last blocks are kept as features, of a backbone that has as many."""
        return self.linear.blocks if self.linear and not self.averages_patches else 1

    @property
    def averages_patches(self) -> bool:
        """Whether the average of the last block's patch tokens is kept beside its CLS token."""
        return self.linear is not None and self.linear.average_patches

    @property
    def tokens(self) -> int:
        """How many vectors of the backbone's width are kept of an image; of a backbone without tokens it is one."""
        return self.blocks + self.averages_patches

    def sees_training_images(self, backbone: bool = True) -> bool:
        """Whether features of the training images' centre crops are wanted; without a backbone no probe augments."""
        linear, retrieval = self.linear, self.retrieval
        probed = linear is not None and (linear.standardised or not linear.augment or not backbone)
        return self.knn is not None or probed or (retrieval is not None and retrieval.protocol == "val-against-train")


CHANCE_WIDTH = 128  # of the random features that stand for chance


EVALUATORS = ("knn", "linear", "retrieval", "variance")
