"""Everything that determines the trained weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from bits.config.evaluation import EVALUATOR_SETTINGS, CentreCrop
from bits.config.kinds import declarations
from bits.config.objective import Objective
from bits.config.section import Fraction, Positive, Range, Section
from bits.records.digests import digest

_KINDS = declarations("bits.data.kinds", "KIND")
if TYPE_CHECKING:
    RetrievalSettings = Any
    DatasetKindName = str
else:
    RetrievalSettings = EVALUATOR_SETTINGS["retrieval"]
    DatasetKindName = Literal[tuple(_KINDS)]


class Backbone(Section):
    name: str  # any timm model; ViTs for everything, others for image-level evaluation
    image_size: Positive  # px, side of the square that position embeddings are laid out for
    drop_path: Fraction  # stochastic depth of the last block, linear from 0, student only
    class_token_std: Annotated[float, Field(gt=0)] | None = (
        None  # of its truncated normal start; null: as timm starts it
    )
    options: dict[str, Any] = Field(default_factory=dict)  # further keyword arguments of timm.create_model


class Head(Section):
    hidden: Positive
    layers: Positive
    outputs: Positive  # B, the number of bits (or the width of the embedding)
    # Of the truncated normal that weights start from, and return to at a reset; null: 1 / sqrt(inputs) of each layer.
    init_std: Annotated[float, Field(gt=0)] | None
    normalise: bool  # L2-normalise the outputs
    prototypes: Positive | None  # DINO's weight-normed last layer; null: none
    freeze_prototypes_epochs: int = Field(ge=0)


class HeadReset(Section):
    every_epochs: Positive | None  # n; null: never
    at_start: bool  # before the first step: what BITS-reset does once when it is fine-tuned
    clear_optimizer: bool


class Crops(Section):
    global_size: Positive  # px
    local_size: Positive  # px
    n_local: int = Field(ge=0)
    global_scale: Range  # fraction of the image's area
    local_scale: Range


class Augmentation(Section):
    flip: Fraction
    jitter: Fraction  # probability of colour jitter
    brightness: float = Field(ge=0)
    contrast: float = Field(ge=0)
    saturation: float = Field(ge=0)
    hue: float = Field(ge=0, le=0.5)
    grey: Fraction
    blur: tuple[Fraction, Fraction, Fraction]  # probability on global 1, global 2, local crops
    blur_radius: Range  # px
    solarise: Fraction  # on global 2
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class Optimizer(Section):
    learning_rate: float = Field(gt=0)  # for 256 images a step; scaled linearly with the batch
    min_learning_rate: float = Field(ge=0)  # reached at the end, not scaled
    warmup_epochs: float = Field(ge=0)
    betas: tuple[Fraction, Fraction]
    weight_decay: float = Field(ge=0)
    weight_decay_end: float = Field(ge=0)
    clip_norm: float | None  # null: no clipping
    clip_by: Literal["tensor", "global"]


class Schedule(Section):
    epochs: Positive
    horizon_epochs: Positive | None  # that the schedules of rate, decay and momentum are laid out for; null: epochs
    batch_size: Positive  # images a step over all processes
    images_per_epoch: Positive | None  # null: one pass over the data set, last incomplete batch dropped

    @field_validator("horizon_epochs")
    @classmethod
    def _not_before_the_end(cls, horizon: int | None, info: ValidationInfo) -> int | None:
        epochs = info.data.get("epochs")
        if horizon is not None and epochs is not None and horizon < epochs:
            raise ValueError(f"the schedules would end before the last of {epochs} epochs; give at least as many")
        return None if horizon == epochs else horizon  # the same run, whichever way it is said

    @model_validator(mode="after")
    def _whole_batches(self) -> Schedule:
        if self.images_per_epoch is not None and self.images_per_epoch % self.batch_size:
            raise ValueError(
                f"images_per_epoch = {self.images_per_epoch} is not a multiple of batch_size = {self.batch_size}"
            )
        return self


class Teacher(Section):
    momentum: Fraction  # cosine from this ...
    momentum_end: Fraction  # ... to this over all steps


class Dataset(Section):
    name: str
    title: str = ""  # for readers; changes nothing
    kind: DatasetKindName  # how it is stored and read; one file each in bits/data/kinds
    classes: Positive | None = None  # keep the first n classes; null: all
    max_side: Positive | None = None  # px, larger images are reduced while decoding; null: never
    eval_split: Literal["val", "test"] = "val"  # whose folder plays "val" where a set has both
    settings: dict[str, Any] = Field(default_factory=dict)  # of the kind; of scenes, the generator's
    fingerprint: str | None = None  # of the content; filled in when the plan is made

    @model_validator(mode="after")
    def _settings_fit_the_kind(self) -> Dataset:
        _KINDS[self.kind].value.check_settings(self)
        return self


class Curve(Section):
    """How the teacher is measured while it trains; apart from `evaluation`, whose changes train nothing anew."""

    every_epochs: Positive  # at these epochs, and at the last
    features: CentreCrop
    retrieval: RetrievalSettings


class Start(Section):
    """The pretraining whose student, teacher, heads and objective's state a fine-tuning starts from."""

    run: str
    digest: str  # of its recipe: another pretraining makes another fine-tuning


class Recipe(Section):
    """Everything that determines the trained weights."""

    method: str
    start: Start | None = None  # null: random initialisation
    backbone: Backbone
    head: Head
    objective: Objective
    head_reset: HeadReset
    crops: Crops
    augmentation: Augmentation
    optimizer: Optimizer
    schedule: Schedule
    teacher: Teacher
    dataset: Dataset
    curve: Curve
    precision: Literal["auto", "float32", "bfloat16"]  # auto: bfloat16 autocast on CUDA, float32 elsewhere
    seed: int = Field(ge=0)

    def digest(self) -> str:
        """sha256 (hex) of all of it but titles: another value that can change a weight, another digest."""
        return digest(self.model_dump(mode="json", exclude={"dataset": {"title"}}))
