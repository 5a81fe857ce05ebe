"""A probe with one hidden layer on frozen features (Figure 6; protocol "Features").

The paper shows the curves of an MLP probe and says neither how wide it is nor how it is trained. Assumed here: one
hidden layer of ReLU units, as wide as the hidden layers of the pretraining heads, initialised as torch.nn.Linear (but
for an output bias of 0), and trained as the linear probe is, on the same tokens of the same augmented images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bits.config.section import Positive
from bits.evaluation.declaration import Cost, Evaluator, Tokens, Workload
from bits.evaluation.probing.settings import ImageProbe, probe_metrics

if TYPE_CHECKING:
    from bits.evaluation.subject import Subject


class Mlp(ImageProbe):
    """A probe with one hidden layer."""

    hidden: Positive  # ReLU units


def tokens(settings: Mlp, backbone: bool) -> Tokens:
    return settings.tokens(backbone)


def measure(subject: Subject, settings: Mlp) -> dict[str, Any]:
    """See `bits.evaluation.probing.numbers`."""
    from bits.evaluation.probing.numbers import numbers, probe_on_images

    wanted = tokens(settings, subject.has_backbone)
    return dict(numbers(probe_on_images(subject, settings, wanted, "mlp", settings.hidden), len(subject.val)))


def cost(load: Workload, settings: Mlp) -> Cost:
    """A training image takes both layers forward, the outer products of their gradients, and one layer backward."""
    hidden, output = (
        load.width_of(tokens(settings, not load.bare)) * settings.hidden,
        settings.hidden * load.classes,
    )
    training, testing = 4.0 * hidden + 6.0 * output, 2.0 * (hidden + output)
    flops = settings.epochs * len(settings.rates) * (load.train * training + load.val * testing)
    return Cost(
        passes=settings.passes(load),
        precision=settings.precision,
        images=settings.images,
        flops={"probing": flops},
        memory=12 * len(settings.rates) * (hidden + output),  # weights, momenta, gradients
    )


EVALUATOR = Evaluator(
    name="mlp",
    settings=Mlp,
    needs=("features",),
    metrics=probe_metrics("MLP"),
    measure=measure,
    tokens=tokens,
    cost=cost,
    labels=("classes",),
)
