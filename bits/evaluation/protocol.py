"""The evaluators under the configured protocol: features and labels in, named numbers out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from bits.config.evaluation import Knn, Linear, Retrieval
from bits.data.images import ImageSet
from bits.evaluation.knn import knn_accuracy
from bits.evaluation.linear_probe import ProbeResult, ProbeSettings, shuffled, standardise, train_linear_probe
from bits.evaluation.retrieval import retrieval_map, split_query_gallery

Batches = Callable[[int], Iterable[tuple[Tensor, Tensor]]]


def knn_values(train: Tensor, test: Tensor, train_set: ImageSet, test_set: ImageSet, settings: Knn) -> dict[str, float]:
    """k-NN accuracy of the test split, fractions, for every k that the training split is large enough for."""
    ks = tuple(k for k in settings.ks if k <= len(train))
    return dict(knn_accuracy(train, train_set.labels, test, test_set.labels, ks=ks, temperature=settings.temperature))


def relevance_labels(images: ImageSet) -> Tensor:
    """Multi-labels where the set has them, else classes."""
    return images.labels if images.multilabels is None else images.multilabels


def retrieval_values(
    train: Callable[[], Tensor],
    val: Tensor,
    train_set: ImageSet,
    val_set: ImageSet,
    settings: Retrieval,
) -> dict[str, Any]:
    """mAP@ALL and its cut-off variants, classes as relevance (protocol, "Retrieval").

    train: gives the features of the training split, asked for only by the protocol that ranks them.
    """
    if settings.protocol == "val-against-train":
        # No identities: the splits share none, though "cat/1.jpg" may be in both.
        return dict(
            retrieval_map(val, train(), val_set.labels, train_set.labels, cutoffs=settings.cutoffs, ties=settings.ties)
        )
    labels = val_set.labels
    everything = torch.arange(len(val_set))
    queries, gallery = everything, everything
    if settings.protocol == "query-gallery":
        queries, gallery = split_query_gallery(labels, val_set.identities, settings.queries_per_class, settings.seed)
    return dict(
        retrieval_map(
            val[queries],
            val[gallery],
            labels[queries],
            labels[gallery],
            cutoffs=settings.cutoffs,
            ties=settings.ties,
            query_identities=[val_set.identities[index] for index in queries.tolist()],
            gallery_identities=[val_set.identities[index] for index in gallery.tolist()],
        )
    )


def linear_values(
    train: Callable[[], Tensor],
    test: Tensor,
    train_set: ImageSet,
    test_set: ImageSet,
    settings: Linear,
    seed: int,
    augmented: Batches | None = None,
) -> dict[str, Any]:
    """Linear probe: last epoch (headline), best epoch, learning-rate grid, standardised features, curve.

    The curve's x counts from 0, the first epoch, after which its y was taken, as in the paper's Figure 5.

    train: gives the features of the training images' centre crops, asked for by probes that are trained on them.
    augmented: epoch -> batches of features of augmented images, for all but the standardised probe; None: none.
    """
    probe = ProbeSettings(
        epochs=settings.epochs,
        base_lr=settings.learning_rate,
        batch_size=settings.batch_size,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        lr_grid=settings.grid,
        seed=seed,
    )
    classes = len(train_set.class_names)

    steps = -(-len(train_set) // settings.batch_size)

    def result(batches: Batches, features: Tensor) -> ProbeResult:
        width = features.shape[1]
        return train_linear_probe(batches, width, classes, features, test_set.labels, probe, steps_per_epoch=steps)

    def cached(features: Tensor) -> Batches:
        return shuffled(features, train_set.labels, settings.batch_size, seed)

    plain = result(augmented or cached(train()), test)
    values: dict[str, Any] = {
        "last": plain.last,
        "best": plain.best,
        "curve": {"x": list(range(settings.epochs)), "y": plain.curve},
    }
    for lr, other in plain.grid.items():
        values[f"last_lr_{lr:g}"], values[f"best_lr_{lr:g}"] = other.last, other.best
    # Chosen on the test split, as the public scripts choose the epoch: an upper bound, shown beside the headline.
    values["last_tuned"] = max([plain.last, *(other.last for other in plain.grid.values())])
    if settings.standardised:
        scaled_train, scaled_test = standardise(train(), test)
        scaled = result(cached(scaled_train), scaled_test)
        values["last_standardised"], values["best_standardised"] = scaled.last, scaled.best
    return values
