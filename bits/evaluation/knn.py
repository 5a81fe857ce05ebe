"""Weighted k-nearest-neighbour classification of the test split by the training split (Tables 1 and 14)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from bits.config.section import Positive, Section
from bits.evaluation.declaration import Cost, Evaluator, Tokens, Workload
from bits.exhibits.metrics import Metric

if TYPE_CHECKING:
    from bits.evaluation.subject import Subject


class Knn(Section):
    """Each neighbour votes with exp(cos / temperature)."""

    ks: tuple[Positive, ...]  # numbers of neighbours; those above the size of the training split are left out
    temperature: Annotated[float, Field(gt=0)]  # of the votes, exp(cos / temperature)


def measure(subject: Subject, settings: Knn) -> dict[str, Any]:
    """ "top1_k20", "top5_k20", ...: accuracies, each an `Estimate`."""
    from bits.evaluation.intervals import accuracy
    from bits.evaluation.ranking.neighbours import knn_accuracy

    train = subject.features("train")
    ks = tuple(k for k in settings.ks if k <= len(train))
    labels = subject.train.labels, subject.val.labels
    test = subject.features("val")
    found = knn_accuracy(
        *(train, labels[0], test, labels[1]), ks=ks, temperature=settings.temperature, device=subject.device
    )
    return {name: accuracy(share, len(test)) for name, share in found.items()}


def cost(load: Workload, settings: Knn) -> Cost:
    flops = 2.0 * load.width * load.val * load.train
    return Cost(flops={"ranking": flops}, memory=4 * load.width * (load.train + load.val))  # the unit rows


EVALUATOR = Evaluator(
    name="knn",
    settings=Knn,
    needs=("features",),
    metrics={
        "top1_k{k}": Metric(label="k-NN, k = {k}", unit="%", direction="higher"),
        "top5_k{k}": Metric(label="k-NN, k = {k}, top 5", unit="%", direction="higher"),
    },
    measure=measure,
    tokens=lambda settings, backbone: Tokens(train=True),
    cost=cost,
    labels=("classes",),
)
