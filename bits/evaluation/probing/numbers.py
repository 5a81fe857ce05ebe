"""A probe on the images of a source, and the numbers that every kind of probe reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bits.evaluation.intervals import Estimate, accuracy, accuracy_curve
from bits.evaluation.probing.batches import shuffled
from bits.evaluation.probing.settings import ImageProbe
from bits.evaluation.probing.training import ProbeResult, train_probe

if TYPE_CHECKING:
    from torch import Tensor

    from bits.evaluation.declaration import Tokens
    from bits.evaluation.subject import Batches, Subject


def probe_on_images(
    subject: Subject, settings: ImageProbe, tokens: Tokens, part: str, hidden: int | None = None
) -> ProbeResult:
    """All heads of the grid, trained in one pass over augmented images, or cached centre crops where there are none.

    tokens: of the features. part: names what it keeps to go on from. hidden: as in `train_probe`.
    """
    test = subject.features("val", tokens)
    if settings.augment and subject.has_backbone:
        batches = subject.augmented_features(settings.batch_size, tokens, settings.interpolation, settings.precision)
    else:
        batches = cached(subject, settings, subject.features("train", tokens))
    return probe_on(subject, settings, batches, test, part, hidden)


def cached(subject: Subject, settings: ImageProbe, features_ND: Tensor) -> Batches:
    """The training images' features in an order of the epoch's own."""
    return shuffled(features_ND, subject.train.labels, settings.batch_size, subject.seed)


def probe_on(
    subject: Subject, settings: ImageProbe, batches: Batches, test_MD: Tensor, part: str, hidden: int | None = None
) -> ProbeResult:
    """All heads of the grid, trained on these batches and scored on these features of the test images."""
    there = test_MD.to(subject.device)  # and with them the heads; training rows follow batch by batch
    classes = len(subject.train.class_names)
    return train_probe(
        *(batches, there.shape[1], classes, there, subject.val.labels, settings, subject.seed),
        hidden=hidden,
        steps_per_epoch=-(-len(subject.train) // settings.batch_size),
        progress=subject.progress,
        part=part,
    )


def numbers(result: ProbeResult, images: int) -> dict[str, Estimate]:
    """The last epoch (headline), the best epoch, both for each rate of the grid, and the curve.

    The curve's x counts from 0, the first epoch, after which its y was taken, as in the paper's Figures 5 and 6.
    images: that it was tested on.
    """
    values = {"last": accuracy(result.last, images), "best": accuracy(result.best, images)}
    values["curve"] = accuracy_curve(range(len(result.curve)), result.curve, images)
    for rate, other in result.grid.items():
        values[f"last_lr_{rate:g}"] = accuracy(other.last, images)
        values[f"best_lr_{rate:g}"] = accuracy(other.best, images)
    # Chosen on the test split, as the public scripts choose the epoch: an upper bound, shown beside the headline.
    tuned = max([result.last, *(other.last for other in result.grid.values())])
    return {**values, "last_tuned": accuracy(tuned, images)}
