"""The evaluators under the configured protocol: features and labels in, named numbers out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from bits.data.images import ImageSet
from bits.evaluation.knn import knn_accuracy
from bits.evaluation.linear_probe import ProbeResult, ProbeSettings, shuffled, standardise, train_linear_probe
from bits.evaluation.retrieval import retrieval_map, split_query_gallery
from bits.recipe import Knn, Linear, Retrieval

Batches = Callable[[int], Iterable[tuple[Tensor, Tensor]]]


def knn_values(train: Tensor, test: Tensor, train_set: ImageSet, test_set: ImageSet, settings: Knn) -> dict[str, float]:
    """k-NN accuracy of the test split, fractions, for every k that the training split is large enough for."""
    ks = tuple(k for k in settings.ks if k <= len(train))
    return dict(knn_accuracy(train, train_set.labels, test, test_set.labels, ks=ks, temperature=settings.temperature))


def relevance_labels(images: ImageSet) -> Tensor:
    """Multi-labels where the set has them, else classes."""
    return images.labels if images.multilabels is None else images.multilabels


def retrieval_values(features: Tensor, images: ImageSet, settings: Retrieval) -> dict[str, Any]:
    """mAP@ALL and its cut-off variants on one split, classes as relevance (protocol, "Retrieval")."""
    labels = images.labels
    everything = torch.arange(len(images))
    queries, gallery = everything, everything
    if settings.protocol == "query-gallery":
        queries, gallery = split_query_gallery(labels, images.identities, settings.queries_per_class, settings.seed)
    return dict(
        retrieval_map(
            features[queries],
            features[gallery],
            labels[queries],
            labels[gallery],
            cutoffs=settings.cutoffs,
            query_identities=[images.identities[index] for index in queries.tolist()],
            gallery_identities=[images.identities[index] for index in gallery.tolist()],
        )
    )


def linear_values(
    train: Tensor,
    test: Tensor,
    train_set: ImageSet,
    test_set: ImageSet,
    settings: Linear,
    seed: int,
    augmented: Batches | None = None,
) -> dict[str, Any]:
    """Linear probe: last epoch (headline), best epoch, learning-rate grid, standardised features, curve.

    augmented: epoch -> batches of features of augmented images; None trains on the cached `train` features.
    """
    rate = settings.learning_rate
    probe = ProbeSettings(
        epochs=settings.epochs, base_lr=rate, batch_size=settings.batch_size, lr_grid=settings.grid, seed=seed
    )
    classes = len(train_set.class_names)

    steps = -(-len(train_set) // settings.batch_size)

    def result(batches: Batches, features: Tensor) -> ProbeResult:
        width = features.shape[1]
        return train_linear_probe(batches, width, classes, features, test_set.labels, probe, steps_per_epoch=steps)

    batches = augmented or shuffled(train, train_set.labels, settings.batch_size, seed)
    plain = result(batches, test)
    values: dict[str, Any] = {
        "last": plain.last,
        "best": plain.best,
        "curve": {"x": list(range(1, settings.epochs + 1)), "y": plain.curve},
    }
    for lr, other in plain.grid.items():
        values[f"last_lr_{lr:g}"], values[f"best_lr_{lr:g}"] = other.last, other.best
    if augmented is None:
        scaled_train, scaled_test = standardise(train, test)
        scaled = result(shuffled(scaled_train, train_set.labels, settings.batch_size, seed), scaled_test)
        values["last_standardised"], values["best_standardised"] = scaled.last, scaled.best
    return values
