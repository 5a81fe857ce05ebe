"""The schema of a resolved run.

`Recipe` holds every value that can change a trained weight, `Evaluation` every value that can change a
measured number, `Site` what can change neither (paths, devices, processes, logging). Only the first two
enter digests. Unknown keys and values are refused by name with the near matches.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bits.errors import BitsError

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]
Range = tuple[float, float]


class ConfigError(BitsError):
    """A configuration key or value that does not exist or does not fit."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Backbone(Section):
    name: str  # any timm model; ViTs for everything, others for image-level evaluation
    image_size: Positive  # px, side of the square that position embeddings are laid out for
    drop_path: Fraction  # stochastic depth of the last block, linear from 0, student only
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
    batch_size: Positive  # images a step over all processes
    images_per_epoch: Positive | None  # null: one pass over the data set, last incomplete batch dropped

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
    title: str
    kind: Literal["scenes", "images"]
    classes: Positive | None = None  # keep the first n classes; null: all
    max_side: Positive | None = None  # px, larger images are reduced while decoding; null: never
    settings: dict[str, Any] = {}  # of the generator (kind scenes)
    fingerprint: str | None = None  # of the content; filled in when the plan is made


class Curve(Section):
    every_epochs: Positive  # evaluate the teacher during training at these epochs, and at the last
    queries_per_class: Positive


class Recipe(Section):
    """Everything that determines the trained weights."""

    method: str
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


class Features(Section):
    model: Literal["teacher", "student"]
    resize: Positive  # px, short side, bicubic
    size: Positive  # px, centre crop


class Knn(Section):
    ks: tuple[Positive, ...]
    temperature: float = Field(gt=0)


class Linear(Section):
    blocks: Positive  # CLS tokens of this many last blocks are concatenated
    augment: bool  # random resized crop and flip while the probe trains; false: cached centre crops
    epochs: Positive
    learning_rate: float = Field(gt=0)  # for 256 images a step
    batch_size: Positive
    grid: tuple[float, ...]  # more learning rates, reported as a second, labelled column


class Retrieval(Section):
    protocol: Literal["query-gallery", "each-against-all"]
    queries_per_class: Positive
    seed: int
    cutoffs: tuple[Positive, ...]


class Variance(Section):
    centred: bool
    normalised: bool


class Evaluation(Section):
    """Everything that determines a measured number, given the weights."""

    features: Features
    knn: Knn
    linear: Linear
    retrieval: Retrieval
    variance: Variance


class Site(Section):
    """What cannot change a number: where things are and how fast they go."""

    device: str  # auto, cpu, cuda, cuda:1
    threads: int = Field(ge=0)  # CPU threads of a process; 0: leave it to torch
    workers: int = Field(ge=0)  # decoding threads; 0: decode in the training process
    cache_gib: float = Field(ge=0)  # keep decoded images in memory up to this size
    feature_batch: Positive  # images a step when features are extracted
    results: str  # folder
    data: dict[str, str | None]  # data set name -> folder or zip
    checkpoint_minutes: float = Field(gt=0)
    log_every_steps: Positive


class Composed(Section):
    """A run as Hydra composes it."""

    recipe: Recipe
    evaluation: Evaluation
    site: Site


def validated(values: Mapping[str, Any]) -> Composed:
    """The typed run behind a resolved mapping; raises ConfigError naming every bad key and value."""
    recipe = {key: value for key, value in values.items() if key not in ("evaluation", "site", "scale")}
    try:
        return Composed(recipe=recipe, evaluation=values["evaluation"], site=values["site"])
    except ValidationError as error:
        raise ConfigError("\n".join(_explained(problem) for problem in error.errors())) from None


def key_error(path: str, known: list[str]) -> str:
    """'unknown key' with the nearest known ones: among its siblings where its section exists, else anywhere."""
    parent, _, leaf = path.rpartition(".")
    siblings = sorted(key for key in known if parent and key.startswith(f"{parent}."))
    near = difflib.get_close_matches(path, siblings or sorted(set(known)), n=3, cutoff=0.8)
    near = near or sorted(key for key in known if leaf and leaf == key.rpartition(".")[2])[:3]
    if near:
        return f"unknown configuration key {path!r}; did you mean {' or '.join(near)}?"
    listed = siblings or sorted({key.split(".")[0] for key in known})
    return f"unknown configuration key {path!r}; there are {', '.join(listed)}"


def _explained(problem: Any) -> str:
    path = ".".join(str(part) for part in problem["loc"]).removeprefix("recipe.")
    if problem["type"] == "extra_forbidden":
        return key_error(path, known_keys())
    value = problem.get("input")
    if problem["type"] == "literal_error":
        allowed = [str(option) for option in _annotation(path)]
        near = difflib.get_close_matches(str(value), allowed, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"{path} = {value!r} is not one of {', '.join(allowed)}{hint}"
    return f"{path} = {value!r}: {problem['msg'][0].lower()}{problem['msg'][1:]}"


def known_keys(section: type[BaseModel] = Composed, prefix: str = "") -> list[str]:
    """Every dotted key of the configuration, as one writes it on the command line."""
    keys: list[str] = []
    for name, field in section.model_fields.items():
        path = "" if section is Composed and name == "recipe" else f"{prefix}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys += ([path] if path else []) + known_keys(field.annotation, f"{path}." if path else "")
        else:
            keys.append(path)
    return keys


def is_open(path: str) -> bool:
    """Whether `path` lies below a key whose value is a free mapping (backbone.options, site.data, ...)."""
    return any(path.startswith(f"{key}.") for key in ("backbone.options", "dataset.settings", "site.data"))


def _annotation(path: str) -> tuple[Any, ...]:
    model: Any = Composed
    parts = path.split(".")
    if parts[0] in Recipe.model_fields:
        parts = ["recipe", *parts]
    for part in parts:
        model = model.model_fields[part].annotation
        if get_origin(model) in (Union, types.UnionType):
            model = next((arg for arg in get_args(model) if get_origin(arg) is Literal), model)
    return get_args(model)
