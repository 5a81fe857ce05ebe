"""Everything that determines the trained weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from bits.config.evaluation import EVALUATOR_SETTINGS, CentreCrop
from bits.config.kinds import declarations
from bits.config.objective import Objective
from bits.config.policy import Policy
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
    name: str  # any timm model; ViTs support every evaluation, other models the image-level ones
    image_size: Positive  # px, side of the images that the position embeddings are made for
    drop_path: Fraction  # stochastic depth rate of the last block, rising linearly from 0; student only
    class_token_std: Annotated[float, Field(gt=0)] | None = None  # initial std of the class token; null: timm's
    # for other image sizes; dino: as the public code; timm: antialiased
    position_interpolation: Literal["dino", "timm"] = "dino"
    options: dict[str, Any] = Field(default_factory=dict)  # further keyword arguments of timm.create_model


class Head(Section):
    hidden: Positive  # width of the hidden layers
    layers: Positive  # number of linear layers, without prototypes
    outputs: Positive  # B, the number of bits (or the dimension of the embedding), as in the paper
    outputs_scale: float = Field(gt=0)  # a small scale has outputs times this, for the paper's ratio to its backbone
    init_std: Annotated[float, Field(gt=0)] | None  # std of initial and reset weights; null: 1 / sqrt(layer's inputs)
    batch_norm: bool  # end the MLP in a batch norm: statistics of each view over the global batch; not with prototypes
    normalise: bool  # L2-normalise the outputs
    prototypes: Positive | None  # outputs of DINO's weight-normalised last layer; null: no such layer
    freeze_prototypes_epochs: int = Field(ge=0)  # epochs at the start in which the prototypes are not trained

    @property
    def dimension(self) -> int:
        """The number of outputs at this scale."""
        return round(self.outputs * self.outputs_scale)

    @model_validator(mode="after")
    def _whole_outputs(self) -> Head:
        if self.dimension < 1 or self.dimension != self.outputs * self.outputs_scale:
            raise ValueError(
                f"outputs = {self.outputs} times outputs_scale = {self.outputs_scale:g} is "
                f"{self.outputs * self.outputs_scale:g}: expected a whole number, at least 1"
            )
        return self

    @model_validator(mode="after")
    def _no_batch_norm_before_prototypes(self) -> Head:
        if self.batch_norm and self.prototypes is not None:
            raise ValueError(
                f"batch_norm = true with prototypes = {self.prototypes}: a batch norm needs the outputs of the whole "
                "batch at once, too many with prototypes. Set head.batch_norm only for runs without them, in their "
                "lines of config/runs.yaml, or add head.prototypes=null"
            )
        return self


class HeadReset(Section):
    every_epochs: Positive | None  # n, epochs between head resets (Table 9); null: never
    at_start: bool  # reset the heads before the first step, as in the fine-tuning of BITS-reset
    clear_optimizer: bool  # at a reset, also clear the optimiser's state of the head


class Crops(Section):
    global_size: Positive  # px, side of the two global crops
    local_size: Positive  # px, side of the local crops
    n_local: int = Field(ge=0)  # local crops per image
    global_scale: Range  # range of a global crop's area, as a fraction of the image's
    local_scale: Range  # range of a local crop's area, as a fraction of the image's


class Augmentation(Section):
    flip: Fraction  # probability of a horizontal flip
    jitter: Fraction  # probability of colour jitter
    brightness: float = Field(ge=0)  # x: brightness factor uniform in [max(0, 1 - x), 1 + x]
    contrast: float = Field(ge=0)  # x: contrast factor uniform in [max(0, 1 - x), 1 + x]
    saturation: float = Field(ge=0)  # x: saturation factor uniform in [max(0, 1 - x), 1 + x]
    hue: float = Field(ge=0, le=0.5)  # x: hue shift uniform in [-x, x] turns
    grey: Fraction  # probability of conversion to greyscale
    blur: tuple[Fraction, Fraction, Fraction]  # probability of blur on global crop 1, global crop 2, local crops
    blur_radius: Range  # px of the crop, range of the blur's standard deviation
    solarise: Fraction  # probability of solarisation, on global crop 2 only
    mean: tuple[float, float, float]  # RGB mean subtracted from values in [0, 1]
    std: tuple[float, float, float]  # RGB standard deviation divided by after that


class Optimizer(Section):
    learning_rate: float = Field(gt=0)  # peak for a batch of 256 images, scaled linearly with the batch size
    min_learning_rate: float = Field(ge=0)  # end of the cosine schedule, not scaled
    warmup_epochs: float = Field(ge=0)  # epochs of linear warm-up from 0
    betas: tuple[Fraction, Fraction]  # AdamW's beta1 and beta2
    weight_decay: float = Field(ge=0)  # at the start of its cosine schedule
    weight_decay_end: float = Field(ge=0)  # at the end of its cosine schedule
    clip_norm: float | None  # largest gradient norm; null: no clipping
    clip_by: Literal["tensor", "global"]  # tensor: clip each parameter by its own norm; global: all by their total norm


class Schedule(Section):
    epochs: Positive  # epochs to train
    horizon_epochs: Positive | None  # epochs that learning rate, decay and momentum schedules span; null: epochs
    batch_size: Positive  # images per step, over all processes
    images_per_epoch: Positive | None  # null: one pass over the data set, without the last incomplete batch

    @field_validator("horizon_epochs")
    @classmethod
    def _not_before_the_end(cls, horizon: int | None, info: ValidationInfo) -> int | None:
        epochs = info.data.get("epochs")
        if horizon is not None and epochs is not None and horizon < epochs:
            raise ValueError(f"the schedules would end before the last of {epochs} epochs; expected at least {epochs}")
        return None if horizon == epochs else horizon  # both spellings mean the same run

    @model_validator(mode="after")
    def _whole_batches(self) -> Schedule:
        if self.images_per_epoch is not None and self.images_per_epoch % self.batch_size:
            raise ValueError(
                f"images_per_epoch = {self.images_per_epoch} is not a multiple of batch_size = {self.batch_size}"
            )
        return self


class Teacher(Section):
    momentum: Fraction  # of the teacher's moving average, at the start of its cosine schedule
    momentum_end: Fraction  # at the end of its cosine schedule


class Dataset(Section):
    name: str  # key of its path in site.data
    title: str = ""  # shown to readers, affects no result
    kind: DatasetKindName  # how it is stored and read; each kind is a file in bits/data/kinds
    classes: Positive | None = None  # keep the first n classes; null: all
    max_side: Positive | None = None  # px, images with a longer side are reduced while decoding; null: never
    eval_split: Literal["val", "test"] = "val"  # the split to evaluate on, if the data set has both
    settings: dict[str, Any] = Field(default_factory=dict)  # of the kind; for scenes, of the renderer (docs/scenes.md)
    policy: Policy = Field(default_factory=Policy)  # what is done with images that can't or should not be used
    fingerprint: str | None = None  # of the content; filled in when the plan is made

    @model_validator(mode="after")
    def _settings_fit_the_kind(self) -> Dataset:
        kind = _KINDS[self.kind].value
        kind.check_settings(self)
        if kind.listing is None and self.policy != Policy():
            raise ValueError(f"policy of a set of kind {self.kind}: its images are made here, and none is left out")
        return self

    @model_serializer(mode="wrap")
    def _without_a_policy_that_is_the_usual_one(self, values: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without `policy` where it is the default, so that digests of such sets do not know the key."""
        return {name: value for name, value in values(self).items() if name != "policy" or self.policy != Policy()}


class Curve(Section):
    """How the teacher is evaluated during training. Separate from `evaluation`, whose changes retrain nothing."""

    every_epochs: Positive  # epochs between evaluations; the last epoch is always evaluated
    features: CentreCrop  # the images that the teacher is given
    retrieval: RetrievalSettings  # how mAP is measured
    channel_images: Positive  # validation images on whose views it is measured what the teacher's messages carry


class Start(Section):
    """The pretraining that a fine-tuning takes student, teacher, heads and the objective's state from."""

    run: str  # name of the pretraining in runs.yaml
    digest: str  # of the pretraining's recipe, so that another pretraining gives another fine-tuning


class Recipe(Section):
    """Everything that determines the trained weights."""

    method: str  # name of the method, as in config/method/
    start: Start | None = None  # the pretraining that a fine-tuning starts from; null: random initialisation
    backbone: Backbone  # the network whose features are evaluated
    head: Head  # the projection head on top of the backbone
    objective: Objective  # the terms of the loss and their weights
    head_reset: HeadReset  # when the heads get new weights (BITS-reset)
    crops: Crops  # multi-crop: number, size and scale of the views
    augmentation: Augmentation  # what happens to each crop
    optimizer: Optimizer  # AdamW: rates, weight decay, clipping
    schedule: Schedule  # length of training and batch size
    teacher: Teacher  # the teacher's moving average
    dataset: Dataset  # the images to train on
    curve: Curve  # the evaluation of the teacher during training
    precision: Literal["auto", "float32", "bfloat16"]  # auto: bfloat16 autocast on CUDA, float32 elsewhere
    seed: int = Field(ge=0)  # of all randomness in training

    @model_validator(mode="after")
    def _batch_norm_has_a_batch(self) -> Recipe:
        if self.head.batch_norm and self.schedule.batch_size < 2:
            raise ValueError("head.batch_norm = true needs schedule.batch_size >= 2, got 1: one image has no variance")
        return self

    def digest(self) -> str:
        """sha256 (hex) of everything but titles; it changes with every value that can change the weights."""
        return digest(self.model_dump(mode="json", exclude={"dataset": {"title"}}))
