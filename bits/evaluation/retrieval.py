"""Image retrieval by cosine, scored by mean average precision (protocol "Retrieval")."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import SerializerFunctionWrapHandler, model_serializer, model_validator

from bits.config.section import Positive, Section
from bits.evaluation.declaration import Cost, Evaluator, Tokens, Workload
from bits.exhibits.metrics import Metric

if TYPE_CHECKING:
    from torch import Tensor

    from bits.data.images import ImageSet
    from bits.evaluation.ranking.average_precision import AveragePrecision
    from bits.evaluation.subject import Subject

DRAWN = ("query-gallery", "sampled-queries")  # protocols that draw queries


class Retrieval(Section):
    """Which images are searched for which, and how they are ranked."""

    # Queries and gallery both out of val, so many queries of each class; every val image against the others; val
    # against the training images; queries and gallery out of val, so many queries in all.
    protocol: Literal["query-gallery", "each-against-all", "val-against-train", "sampled-queries"]
    queries_per_class: Positive  # of query-gallery
    queries: Positive | None = None  # of sampled-queries, in all
    seed: int  # of the split into queries and gallery
    cutoffs: tuple[Positive, ...]  # ranks at which mAP is also given
    ties: Literal["expected", "stable"]  # mean over all orders of equally similar images, or their order in the gallery

    @model_validator(mode="after")
    def _queries_of_their_protocol(self) -> Retrieval:
        if (self.queries is not None) != (self.protocol == "sampled-queries"):
            raise ValueError(f"queries = {self.queries}: a number for the protocol sampled-queries, null for any other")
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_not_used(self, values: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without `queries` where it does not apply, so that the digests of other protocols do not know the key."""
        return {name: value for name, value in values(self).items() if name != "queries" or value is not None}


def measure(subject: Subject, settings: Retrieval) -> dict[str, Any]:
    """mAP over the whole ranking and at the cut-offs, with their intervals, and "queries_without_relevant"."""
    train, val, device = subject.train, subject.val, subject.device
    features = subject.features("val").to(device)
    return retrieval_values(lambda: subject.features("train").to(device), features, train, val, settings)


def retrieval_values(
    train: Callable[[], Tensor], val: Tensor, train_set: ImageSet, val_set: ImageSet, settings: Retrieval
) -> dict[str, Any]:
    """ "map" and its cut-off variants, each an `Estimate` over the queries, and "queries_without_relevant".

    See `scores_of_queries`.
    """
    from bits.evaluation.intervals import means
    from bits.evaluation.ranking.cosine import mean_average_precision

    scores = scores_of_queries(train, val, train_set, val_set, settings)
    values = mean_average_precision(scores)
    without_relevant = values.pop("queries_without_relevant")
    return {**means(values, scores.named()), "queries_without_relevant": without_relevant}


def scores_of_queries(
    train: Callable[[], Tensor], val: Tensor, train_set: ImageSet, val_set: ImageSet, settings: Retrieval
) -> AveragePrecision:
    """Each query's average precisions by the protocol.

    An image is relevant that has the query's class or, where images have several labels, one of them.
    train: gives the features of the training split, asked for only by the protocol that ranks them. Ranks where `val`
    is.
    """
    from bits.evaluation.ranking.cosine import retrieval_scores

    relevance = val_set.relevance
    if settings.protocol == "val-against-train":
        # No identities: the splits share none, though "cat/1.jpg" may be in both.
        return retrieval_scores(
            val, train(), relevance, train_set.relevance, cutoffs=settings.cutoffs, ties=settings.ties
        )
    queries, gallery = queries_and_gallery(val_set, settings)
    return retrieval_scores(
        val[queries],
        val[gallery],
        relevance[queries],
        relevance[gallery],
        cutoffs=settings.cutoffs,
        ties=settings.ties,
        query_identities=[val_set.identities[index] for index in queries.tolist()],
        gallery_identities=[val_set.identities[index] for index in gallery.tolist()],
    )


def queries_and_gallery(val_set: ImageSet, settings: Retrieval) -> tuple[Tensor, Tensor]:
    """Positions in val of the queries and of the images that they are searched among, int64, ascending.

    Of the protocols that take both out of val. Raises EvaluationError for too few images.
    """
    import torch

    from bits.evaluation.ranking.query_split import draw_queries, split_query_gallery

    if settings.protocol == "query-gallery":
        return split_query_gallery(val_set.labels, val_set.identities, settings.queries_per_class, settings.seed)
    if settings.queries is not None:
        return draw_queries(val_set.identities, settings.queries, settings.seed)
    each = torch.arange(len(val_set))
    return each, each


def drawn(val_set: ImageSet, settings: Retrieval) -> Sequence[str]:
    """The identities of the queries, sorted, of the protocols that draw them."""
    if settings.protocol not in DRAWN:
        return ()
    queries, _ = queries_and_gallery(val_set, settings)
    return sorted(val_set.identities[position] for position in queries.tolist())


def pairs(load: Workload, settings: Retrieval) -> int:
    """How many similarities the protocol needs."""
    if settings.protocol == "val-against-train":
        return load.val * load.train
    if settings.protocol == "each-against-all":
        return load.val**2
    queries = min(settings.queries or settings.queries_per_class * load.classes, load.val)
    return queries * (load.val - queries)


def cost(load: Workload, settings: Retrieval) -> Cost:
    return Cost(flops={"ranking": 2.0 * load.width * pairs(load, settings)})


EVALUATOR = Evaluator(
    name="retrieval",
    settings=Retrieval,
    needs=("features",),
    metrics={
        "map": Metric(label="mAP", unit="%", direction="higher"),
        "map_at_{cutoff}": Metric(label="mAP@{cutoff}, of the relevant inside", unit="%", direction="higher"),
        "map_at_{cutoff}_standard": Metric(label="mAP@{cutoff}, standard", unit="%", direction="higher"),
        "queries_without_relevant": Metric(
            label="queries without a relevant image", unit="count", direction="lower", decimals=0
        ),
    },
    measure=measure,
    tokens=lambda settings, backbone: Tokens(train=settings.protocol == "val-against-train"),
    cost=cost,
    drawn=drawn,
)
