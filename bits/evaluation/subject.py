"""What an evaluator is given: a trained backbone or a reference, on one data set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Literal, Protocol

from bits.evaluation.declaration import Interpolation, Precision, Split, Tokens

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from bits.data.batch import ImageBatch
    from bits.data.images import ImageSet
    from bits.data.videos import VideoSet
    from bits.evaluation.progress import Progress

Batches = Callable[[int], Iterable[tuple["Tensor", "Tensor"]]]  # epoch -> (features, labels) of its batches


class Subject(Protocol):
    """One source (a run or a reference) on one data set."""

    @property
    def source(self) -> str:
        """Its name."""

    @property
    def seed(self) -> int:
        """Of the run; all randomness of an evaluation is to follow from it."""

    @property
    def device(self) -> torch.device:
        """Where the backbone is, and where work on features is best done; the features themselves are on the CPU."""

    @property
    def progress(self) -> Progress:
        """Keeps what long computations can go on from."""

    @property
    def train(self) -> ImageSet:
        """The training split."""

    @property
    def val(self) -> ImageSet:
        """The split that is evaluated."""

    @property
    def has_backbone(self) -> bool:
        """False for raw pixels and chance."""

    def features(self, split: Split, tokens: Tokens = ...) -> Tensor:
        """Features of the centre crops, float32 [N, D]; D = width of `tokens`. Extracted once and kept on disk.

        Not to be written to. tokens: at most those that the evaluator declares.
        """

    def augmented_features(
        self, batch_size: int, tokens: Tokens, interpolation: Interpolation, precision: Precision
    ) -> Batches:
        """Features of random resized crops and flips of the training images, new ones every epoch, float32 on `device`.

        Raises EvaluationError for a source without a backbone.
        """

    def codes(self, split: Split, model: Literal["student", "teacher"] = ...) -> Tensor:
        """The head's outputs for the centre crops, float32 [N, B]; the message is their sign (Eq. 7).

        Raises EvaluationError for a reference, which has no trained head.
        """

    def patches(self, split: Split, size: int) -> Iterator[Tensor]:
        """The last block's patch tokens after the final LayerNorm, a batch at a time: float32 [n, D, h, w].

        In the order of the images, each resized as a whole to `size` x `size` px. Raises EvaluationError for a
        backbone that is no ViT, and a size that is no multiple of its patch.
        """

    def patches_of(self, images: ImageBatch, height: int, width: int) -> Tensor:
        """Likewise of any images, as the frames of a video: float32 [N, D, h, w], resized to height x width px."""

    def videos(self) -> VideoSet:
        """The data set's videos with their masks. Raises DatasetError for a kind of data set that has none."""
