"""What an evaluator declares of itself. Never imports torch: planning reads every declaration.

An evaluator is one file below bits/evaluation or bits/analysis: its settings, what it needs, its function, its metrics,
what it costs, as `EVALUATOR = Evaluator(...)`. Its settings stand under its name in config/evaluator, and
config/measures.yaml says on which data sets its metrics are taken.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bits.config.kinds import evaluator_declarations
from bits.config.section import Section
from bits.exhibits.metrics import Metric

if TYPE_CHECKING:
    from bits.config.evaluation import EvaluationSettings
    from bits.data.images import ImageSet
    from bits.evaluation.subject import Subject

Need = Literal["features", "images", "codes", "patches", "video"]
Labels = Literal["classes", "several", "boxes", "masks"]
Split = Literal["train", "val"]
Precision = Literal["auto", "float32", "bfloat16"]  # of a backbone; auto: bfloat16 autocast on a GPU, else float32
Interpolation = Literal["bilinear", "bicubic"]  # of crops, antialiased
ON_THE_DEVICE = ("ranking", "probing")  # kinds of work that are done in float32 where the backbone is
NOT_OF_A_REFERENCE = ("codes", "patches")  # needs that chance and raw pixels cannot meet


@dataclass(frozen=True)
class Tokens:
    """Which vectors of the backbone an evaluator reads as the features of an image.

    blocks: the class tokens of this many last blocks. average_patches: before them the average of the last block's
    patch tokens. train: whether it reads the training images' features (of centre crops), too.
    """

    blocks: int = 1
    average_patches: bool = False
    train: bool = False


@dataclass(frozen=True)
class Workload:
    """The sizes that a cost follows from. width: of one token of the backbone. blocks: that it has. bare: a reference
    without a backbone, whose features cost nothing."""

    train: int
    val: int
    classes: int
    width: int
    blocks: int
    bare: bool

    def width_of(self, tokens: Tokens) -> int:
        """Of the features with those tokens; a source without tokens counts as one with a single block."""
        return self.width * min(tokens.blocks + tokens.average_patches, self.blocks)


@dataclass(frozen=True)
class Cost:
    """What an evaluator adds to extracting features once.

    passes: images that go through the backbone again, at a precision. images: what their features follow from, where
    others may want the same; evaluators with equal ones share the passes. flops: of other work, by kind; `bits
    calibrate` measures those ON_THE_DEVICE, another kind is done on the CPU, as fast as config/costs.yaml assumes.
    memory, disk: bytes, of main memory.
    """

    passes: int = 0
    precision: Precision = "float32"
    images: Hashable = None
    flops: Mapping[str, float] = field(default_factory=dict)
    memory: int = 0
    disk: int = 0


def _no_features(settings: Any, backbone: bool) -> Tokens:
    return Tokens()


@dataclass(frozen=True)
class Evaluator:
    """settings: its section of the configuration. measure(subject, settings): named numbers, fractions where they are
    shares, and series as {"x": [...], "y": [...]}; with their intervals where they come from test images or queries
    (`bits.evaluation.intervals`).

    tokens(settings, backbone): the features it reads; backbone: whether the source has one. metrics: by name, as
    "map", or by a pattern such as "top1_k{k}", whose label may name the same fields. labels: those of a data set that
    it can score by. cost(workload, settings).
    drawn(val, settings): the names of the images that it draws out of val as queries, which are kept beside its
    numbers; empty where it draws none. None: it never does.
    """

    name: str
    settings: type[Section]
    needs: tuple[Need, ...]
    metrics: Mapping[str, Metric]
    measure: Callable[[Subject, Any], Mapping[str, Any]]
    cost: Callable[[Workload, Any], Cost]
    tokens: Callable[[Any, bool], Tokens] = _no_features
    labels: tuple[Labels, ...] = ("classes", "several")
    drawn: Callable[[ImageSet, Any], Sequence[str]] | None = None

    def reads_train(self, settings: Any) -> bool:
        """Whether it reads the training images of some source, with a backbone or without."""
        return any(self.tokens(settings, backbone).train for backbone in (True, False))


@cache
def evaluators() -> dict[str, Evaluator]:
    """Every evaluator by its name."""
    return {name: found.value for name, found in evaluator_declarations().items()}


def evaluator_files(names: Iterable[str]) -> tuple[Path, ...]:
    """The files of some evaluators, for digests of code."""
    return tuple(evaluator_declarations()[name].file for name in sorted(names))


def tokens_of(settings: EvaluationSettings, backbone: bool, split: Split = "val") -> Tokens:
    """The union of what the evaluators that are asked for read of a split; backbone: whether the source has one.

    Of the training images, of which there are many, often fewer than of the others.
    """
    known = evaluators()
    wanted = [known[name].tokens(own, backbone) for name, own in settings.evaluators().items()]
    wanted = [one for one in wanted if one.train or split == "val"]
    return Tokens(
        max((one.blocks for one in wanted), default=1),
        any(one.average_patches for one in wanted),
        any(one.train for one in wanted),
    )


def weights_read(settings: EvaluationSettings) -> tuple[str, ...]:
    """Which of a run's weights an evaluation reads: "teacher", "student", "heads"."""
    known = evaluators()
    codes = any("codes" in known[name].needs for name in settings.evaluators())
    return ("teacher", "student", "heads") if codes else (settings.features.model,)
