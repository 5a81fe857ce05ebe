"""A linear probe on frozen features (Tables 1, 8 and 14, Figure 5; protocol "Features")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bits.config.section import Positive
from bits.evaluation.declaration import Cost, Evaluator, Interpolation, Precision, Tokens, Workload
from bits.evaluation.probing.settings import ProbeSettings
from bits.exhibits.metrics import Metric

if TYPE_CHECKING:
    from torch import Tensor

    from bits.evaluation.probing.training import ProbeResult
    from bits.evaluation.subject import Batches, Subject


class Linear(ProbeSettings):
    """Of which tokens, and on what images, a probe is trained."""

    blocks: Positive  # class tokens of this many last blocks are concatenated
    average_patches: bool  # instead: the last block's class token and the average of its patch tokens
    augment: bool  # random resized crop and flip while the probe trains; false: cached centre crops
    interpolation: Interpolation  # of the random resized crops, antialiased
    precision: Precision  # of the backbone on them; auto: bfloat16 autocast on CUDA, float32 elsewhere
    standardised: bool  # another probe, on standardised features of centre crops, as a third


def tokens(settings: Linear, backbone: bool) -> Tokens:
    """Without a backbone nothing is augmented, so the training images' features are needed."""
    train = settings.standardised or not settings.augment or not backbone
    return Tokens(1 if settings.average_patches else settings.blocks, settings.average_patches, train)


def measure(subject: Subject, settings: Linear) -> dict[str, Any]:
    """The last epoch (headline), the best epoch, the grid's rates, standardised features, and the curve.

    The curve's x counts from 0, the first epoch, after which its y was taken, as in the paper's Figure 5.
    """
    from bits.evaluation.probing.batches import shuffled, standardise
    from bits.evaluation.probing.training import train_linear_probe

    wanted = tokens(settings, subject.has_backbone)
    test, labels = subject.features("val", wanted), subject.val.labels
    classes, steps = len(subject.train.class_names), -(-len(subject.train) // settings.batch_size)

    def cached(features: Tensor) -> Batches:
        return shuffled(features, subject.train.labels, settings.batch_size, subject.seed)

    def result(part: str, batches: Batches, features: Tensor) -> ProbeResult:
        there = features.to(subject.device)  # and with them the heads; training rows follow batch by batch
        return train_linear_probe(
            *(batches, there.shape[1], classes, there, labels, settings, subject.seed),
            steps_per_epoch=steps,
            progress=subject.progress,
            part=part,
        )

    augmented = settings.augment and subject.has_backbone
    batches = (
        subject.augmented_features(settings.batch_size, wanted, settings.interpolation, settings.precision)
        if augmented
        else cached(subject.features("train", wanted))
    )
    plain = result("linear", batches, test)
    values: dict[str, Any] = {
        "last": plain.last,
        "best": plain.best,
        "curve": {"x": list(range(settings.epochs)), "y": plain.curve},
    }
    for rate, other in plain.grid.items():
        values[f"last_lr_{rate:g}"], values[f"best_lr_{rate:g}"] = other.last, other.best
    # Chosen on the test split, as the public scripts choose the epoch: an upper bound, shown beside the headline.
    values["last_tuned"] = max([plain.last, *(other.last for other in plain.grid.values())])
    if settings.standardised:
        scaled_train, scaled_test = standardise(subject.features("train", wanted), test)
        scaled = result("linear-standardised", cached(scaled_train), scaled_test)
        values["last_standardised"], values["best_standardised"] = scaled.last, scaled.best
    return values


def cost(load: Workload, settings: Linear) -> Cost:
    """After every epoch the heads see the test images, forward: half of a training step."""
    width = load.width_of(tokens(settings, not load.bare))
    seen = settings.epochs * (load.train + load.val / 2) * (2 if settings.standardised else 1)
    # Logits, and the outer products of the gradient.
    flops = 4.0 * width * load.classes * len(settings.rates) * seen
    passes = settings.epochs * load.train if settings.augment and not load.bare else 0
    # Standardised rows, and their moments in float64.
    memory = 12 * width * (load.train + load.val) if settings.standardised else 0
    return Cost(passes=passes, precision=settings.precision, flops={"probing": flops}, memory=memory)


def _accuracy(label: str, decimals: int = 2, shape: Any = "number") -> Metric:
    return Metric(label=label, unit="%", direction="higher", decimals=decimals, shape=shape)


EVALUATOR = Evaluator(
    name="linear",
    settings=Linear,
    needs=("features",),
    metrics={
        "last": _accuracy("linear probe, last epoch"),
        "best": _accuracy("linear probe, best epoch"),
        "last_tuned": _accuracy("linear probe, best rate of the grid"),
        "last_standardised": _accuracy("linear probe, standardised features"),
        "best_standardised": _accuracy("linear probe, standardised features, best epoch"),
        "last_lr_{rate}": _accuracy("linear probe, rate {rate}"),
        "best_lr_{rate}": _accuracy("linear probe, rate {rate}, best epoch"),
        "curve": _accuracy("linear-probe accuracy", decimals=1, shape="series"),
    },
    measure=measure,
    tokens=tokens,
    cost=cost,
    labels=("classes",),
)
