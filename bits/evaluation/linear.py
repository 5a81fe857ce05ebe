"""A linear probe on frozen features (Tables 1, 8 and 14, Figure 5; protocol "Features")."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bits.evaluation.declaration import Cost, Evaluator, Tokens, Workload
from bits.evaluation.probing.settings import CHOSEN_EPOCH, ImageProbe, probe_metrics
from bits.exhibits.metrics import Metric

if TYPE_CHECKING:
    from bits.evaluation.subject import Subject


class Linear(ImageProbe):
    """A probe that is linear in the features."""

    standardised: bool  # another probe, on standardised features of centre crops, as a third


def tokens(settings: Linear, backbone: bool) -> Tokens:
    found = settings.tokens(backbone)
    return replace(found, train=found.train or settings.standardised)


def measure(subject: Subject, settings: Linear) -> dict[str, Any]:
    """See `bits.evaluation.probing.numbers`; and the last and best epoch on standardised features."""
    from bits.evaluation.intervals import accuracy
    from bits.evaluation.probing.batches import standardise
    from bits.evaluation.probing.numbers import cached, numbers, probe_on, probe_on_images

    wanted, images = tokens(settings, subject.has_backbone), len(subject.val)
    values = numbers(probe_on_images(subject, settings, wanted, "linear"), images)
    if settings.standardised:
        train, test = standardise(subject.features("train", wanted), subject.features("val", wanted))
        scaled = probe_on(subject, settings, cached(subject, settings, train), test, "linear-standardised")
        values["last_standardised"] = accuracy(scaled.last, images)
        values["best_standardised"] = accuracy(scaled.best, images)
    return values


def cost(load: Workload, settings: Linear) -> Cost:
    """After every epoch the heads see the test images, forward: half of a training step."""
    width = load.width_of(tokens(settings, not load.bare))
    seen = settings.epochs * (load.train + load.val / 2) * (2 if settings.standardised else 1)
    # Logits, and the outer products of the gradient.
    flops = 4.0 * width * load.classes * len(settings.rates) * seen
    # Standardised rows, and their moments in float64.
    memory = 12 * width * (load.train + load.val) if settings.standardised else 0
    return Cost(
        passes=settings.passes(load),
        precision=settings.precision,
        images=settings.images,
        flops={"probing": flops},
        memory=memory,
    )


def _standardised(label: str, caveat: str = "") -> Metric:
    return Metric(label=f"linear probe, standardised features{label}", unit="%", direction="higher", caveat=caveat)


EVALUATOR = Evaluator(
    name="linear",
    settings=Linear,
    needs=("features",),
    metrics={
        **probe_metrics("linear"),
        "last_standardised": _standardised(""),
        "best_standardised": _standardised(", best epoch", CHOSEN_EPOCH),
    },
    measure=measure,
    tokens=tokens,
    cost=cost,
    labels=("classes",),
)
