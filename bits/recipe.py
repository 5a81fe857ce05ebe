"""The schema of a resolved run.

`Recipe` holds every value that can change a trained weight, `Evaluation` every value that can change a
measured number, `Site` what can change neither (paths, devices, processes, logging). Only the first two
enter digests.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from bits.provenance import digest

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]
Range = tuple[float, float]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Backbone(Section):
    name: str  # any timm model; ViTs for everything, others for image-level evaluation
    image_size: Positive  # px, side of the square that position embeddings are laid out for
    drop_path: Fraction  # stochastic depth of the last block, linear from 0, student only
    class_token_std: Annotated[float, Field(gt=0)] | None = (
        None  # of its truncated normal start; null: as timm starts it
    )
    options: dict[str, Any] = {}  # further keyword arguments of timm.create_model


class Head(Section):
    hidden: Positive
    layers: Positive
    outputs: Positive  # B, the number of bits (or the width of the embedding)
    # Of the truncated normal that weights start from, and return to at a reset; null: 1 / sqrt(inputs) of each layer.
    init_std: Annotated[float, Field(gt=0)] | None
    normalise: bool  # L2-normalise the outputs
    prototypes: Positive | None  # DINO's weight-normed last layer; null: none
    freeze_prototypes_epochs: int = Field(ge=0)


class Objective(Section):
    agreement: Literal["bce", "code-cosine", "cosine", "cross-entropy"]
    agreement_weight: float = Field(ge=0)
    target: Literal["hard", "soft"]
    target_temperature: float = Field(gt=0)
    reduction: Literal["mean", "sum"]
    rate_weight: float = Field(ge=0)  # beta (BITS, Eq. 10) or SimDINO's factor of gamma * R
    rate_eps: float = Field(gt=0)  # plays the role of eps^2 in Eq. 9
    rate_rows: Literal["student", "mean"]
    rate_centred: bool
    virtual_ranks: Positive  # r > 1 reproduces the public code's per-process Gram matrices
    student_temperature: float = Field(gt=0)
    teacher_temperature: float = Field(gt=0)
    centre_momentum: Fraction


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
    kind: Literal["scenes", "images"]
    classes: Positive | None = None  # keep the first n classes; null: all
    max_side: Positive | None = None  # px, larger images are reduced while decoding; null: never
    eval_split: Literal["val", "test"] = "val"  # whose folder plays "val" where a set has both
    settings: dict[str, Any] = {}  # of the generator (kind scenes)
    fingerprint: str | None = None  # of the content; filled in when the plan is made

    @model_validator(mode="after")
    def _scenes_have_no_test(self) -> Dataset:
        if self.kind == "scenes" and self.eval_split != "val":
            raise ValueError(f"eval_split = {self.eval_split!r}: rendered scenes have the splits train and val alone")
        return self


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


class Curve(Section):
    """How the teacher is measured while it trains; apart from `evaluation`, whose changes train nothing anew."""

    every_epochs: Positive  # at these epochs, and at the last
    features: CentreCrop
    retrieval: Retrieval


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


class Evaluation(Section):
    """Everything that determines a measured number, given the weights. An evaluator that is null measures nothing."""

    features: Features
    pixels: Positive  # px, side of the centre square whose raw pixels are a reference; at most features.size
    knn: Knn | None
    linear: Linear | None
    retrieval: Retrieval | None
    variance: Variance | None

    def only(self, evaluators: Collection[str]) -> Evaluation:
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


class Finetuning(Section):
    """How a pretraining goes on, without labels, on a target data set; all else stays as it was."""

    epochs: Positive
    warmup_epochs: float = Field(ge=0)
    learning_rate: Annotated[float, Field(gt=0)] | None  # for 256 images a step; null: the pretraining's
    min_learning_rate: Annotated[float, Field(ge=0)] | None  # null: the pretraining's
    reset: bool  # one head reset, at the start, for runs with resets
    freeze_prototypes_epochs: int = Field(ge=0)
    curve: Curve


class JobSize(Section):
    """What a cluster is asked for one process of a job; memory and time are half as much more at every further try."""

    cpus: Positive
    memory_gib: float = Field(gt=0)
    hours: float = Field(gt=0)
    retries: int = Field(ge=0)  # on a cluster; elsewhere a failed job is not tried again


class Jobs(Section):
    """The kinds of jobs that a cluster runs; rendering needs none."""

    train: JobSize
    evaluate: JobSize
    prepare: JobSize


class Cluster(Section):
    """Where and how Slurm runs jobs; null: as Slurm does by itself."""

    partition: str | None
    account: str | None
    qos: str | None
    constraint: str | None
    gpu: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)?$")]  # the gres of a GPU: gpu, gpu:a100
    extra: str | None  # further words for sbatch
    most_hours: Annotated[float, Field(gt=0)] | None  # the partition's limits, which no retry exceeds
    most_memory_gib: Annotated[float, Field(gt=0)] | None


class Site(Section):
    """What cannot change a number: where things are and how fast they go."""

    device: str  # auto, cpu, cuda, cuda:1
    threads: int = Field(ge=0)  # CPU threads of a process; 0: leave it to torch
    processes: Positive  # of one training on each node, one per GPU; how many changes no number
    nodes: Positive  # that one training runs on
    micro_batch: int = Field(ge=0)  # images a process holds activations of at a time; 0: its whole share of the batch
    workers: int = Field(ge=0)  # decoding threads; 0: decode in the training process
    cache_gib: float = Field(ge=0)  # keep decoded images in memory up to this size
    feature_batch: Positive  # images a step when features are extracted
    scratch: str | None  # folder for the checkpoints of runs in progress; null: beside their results
    data: dict[str, str | None]  # data set name -> folder or zip
    checkpoint_minutes: float = Field(gt=0)
    log_every_steps: Positive
    jobs: Jobs
    cluster: Cluster


class Composed(Section):
    """A run as Hydra composes it, and what all runs of a plan share."""

    recipe: Recipe
    evaluation: Evaluation  # on the pretraining data set
    target_evaluation: Evaluation  # on the target sets
    targets: dict[str, Dataset]  # role -> the data set that plays it
    finetuning: Finetuning
    seeds: tuple[Annotated[int, Field(ge=0)], ...] | None  # of every run that names none itself; null: the one `seed`
    site: Site

    @model_validator(mode="after")
    def _seeds_once(self) -> Composed:
        if self.seeds is not None and (not self.seeds or len(set(self.seeds)) < len(self.seeds)):
            raise ValueError(f"seeds = {list(self.seeds)}: expected at least one, each once")
        return self
