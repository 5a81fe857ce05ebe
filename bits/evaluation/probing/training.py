"""Linear and one-hidden-layer probes on frozen features (protocol "Features"; paper Tables 1, 8, 14)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sized
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bits.evaluation.probing.batches import Batch
from bits.evaluation.probing.heads import Heads, HiddenLayerHeads, LinearHeads
from bits.evaluation.probing.settings import ProbeSettings
from bits.evaluation.progress import NoProgress, Progress
from bits.evaluation.ranking.similarity import EvaluationError

TEST_ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class ProbeCurve:
    """Test accuracies in [0, 1] of one head: curve[i] after i + 1 epochs."""

    curve: list[float]

    @property
    def last(self) -> float:
        """After the last epoch: the headline."""
        return self.curve[-1]

    @property
    def best(self) -> float:
        """Of the best epoch, chosen on the test set as the public scripts do; not a headline."""
        return max(self.curve)


@dataclass(frozen=True)
class ProbeResult(ProbeCurve):
    """The head trained at the headline rate, and one curve for each rate of the grid."""

    grid: dict[float, ProbeCurve] = field(default_factory=dict)


def train_probe(
    batches: Callable[[int], Iterable[Batch]],
    dimension: int,
    classes: int,
    test_MD: Tensor,
    test_labels: Tensor,
    settings: ProbeSettings,
    seed: int,
    hidden: int | None = None,
    steps_per_epoch: int | None = None,
    progress: Progress = NoProgress(),  # noqa: B008 - has no state
    part: str = "probe",
) -> ProbeResult:
    """Train one head for each learning rate and score all on the test set after every epoch.

    batches(epoch), epoch from 0: the (features [B, dimension], int64 labels [B]) of that epoch, computed anew
    where augmentation changes them. seed: of the heads' initial weights. hidden: the units of one hidden layer, or
    None for a linear probe. steps_per_epoch: needed when batches(epoch) has no len(), because the schedule ends with
    the last step. progress: keeps heads and momenta after every epoch, under the name `part`; training goes on after
    the last epoch that was kept.
    Works where test_MD is, in float32 (float64 for float64 features); on a CPU equal inputs and seed give
    equal results. A head whose scores are no longer finite counts as wrong.
    Raises EvaluationError for labels outside 0..classes-1, non-finite features, shapes that differ, an epoch
    without batches, or an unknown number of steps.
    """
    test = test_MD if test_MD.dtype == torch.float64 else test_MD.float()
    _check_batch((test, test_labels), dimension, classes, "test set")
    rates = settings.rates
    heads = _initial_heads(len(rates), dimension, classes, hidden, seed, test)
    optimiser = _Sgd(heads, rates, settings)
    curves = _resumed(heads, optimiser, progress, part) or [[] for _ in rates]
    for epoch in range(len(curves[0]), settings.epochs):
        _train_epoch(heads, optimiser, batches(epoch), epoch, steps_per_epoch, test, (dimension, classes))
        for curve, accuracy in zip(curves, _accuracies(heads, test, test_labels), strict=True):
            curve.append(accuracy)
        progress.keep(part, _tensors(heads, optimiser), {"curves": curves}, epoch + 1, settings.epochs)
    by_rate = {rate: ProbeCurve(curve) for rate, curve in zip(rates, curves, strict=True)}
    return ProbeResult(by_rate[settings.learning_rate].curve, {rate: by_rate[rate] for rate in settings.grid})


class _Sgd:
    """torch.optim.SGD's momentum step, with one learning rate for each head."""

    def __init__(self, heads: Heads, rates: tuple[float, ...], settings: ProbeSettings) -> None:
        self.heads = heads
        self.settings = settings
        self.rates = [rate * settings.batch_size / 256 for rate in rates]
        self.momenta = [torch.zeros_like(parameter) for parameter in heads.parameters]

    def step(self, gradients: list[Tensor], progress: float) -> None:
        """progress: the share of the schedule that has passed, in [0, 1)."""
        factor = (1 + math.cos(math.pi * progress)) / 2
        for parameter, momentum, gradient in zip(self.heads.parameters, self.momenta, gradients, strict=True):
            if self.settings.weight_decay:
                gradient = gradient + self.settings.weight_decay * parameter
            momentum.mul_(self.settings.momentum).add_(gradient)
            for head, rate in enumerate(self.rates):
                parameter[head].sub_(momentum[head], alpha=rate * factor)


def _tensors(heads: Heads, optimiser: _Sgd) -> dict[str, Tensor]:
    """All that the next epoch starts from; the same memory, so that it can be written to as well."""
    named = {"parameters": heads.parameters, "momenta": optimiser.momenta}
    return {f"{name}.{number}": tensor for name, some in named.items() for number, tensor in enumerate(some)}


def _resumed(heads: Heads, optimiser: _Sgd, progress: Progress, part: str) -> list[list[float]] | None:
    """Load what an earlier process kept; its curves, or None to start from the beginning."""
    found = progress.state(part)
    if found is None:
        return None
    for name, tensor in _tensors(heads, optimiser).items():
        tensor.copy_(found.tensors[name])
    return [[float(accuracy) for accuracy in curve] for curve in found.facts["curves"]]


def _initial_heads(heads: int, dimension: int, classes: int, hidden: int | None, seed: int, like: Tensor) -> Heads:
    generator = torch.Generator().manual_seed(seed)
    if hidden is None:
        return LinearHeads(heads, dimension, classes, generator, like)
    return HiddenLayerHeads(heads, dimension, hidden, classes, generator, like)


@torch.no_grad()
def _train_epoch(
    heads: Heads,
    optimiser: _Sgd,
    batches: Iterable[Batch],
    epoch: int,
    steps_per_epoch: int | None,
    like: Tensor,
    sizes: tuple[int, int],
) -> None:
    steps = len(batches) if isinstance(batches, Sized) else steps_per_epoch
    if not steps:
        raise EvaluationError(
            f"probe epoch {epoch}: the number of batches is {steps}. Give batches with a len() of at least "
            "1, or their number as steps_per_epoch."
        )
    seen = 0
    for seen, batch in enumerate(batches, start=1):
        if epoch == 0:
            _check_batch(batch, *sizes, f"training batch {seen}")
        features, labels = batch[0].to(like), batch[1].to(like.device)
        passed = epoch + ((seen - 1) / steps if optimiser.settings.schedule == "step" else 0)
        optimiser.step(heads.gradients(features, labels), passed / optimiser.settings.epochs)
    if seen != steps:
        raise EvaluationError(f"probe epoch {epoch}: {steps} batches were announced and {seen} came")


@torch.no_grad()
def _accuracies(heads: Heads, test_MD: Tensor, labels_M: Tensor) -> list[float]:
    hits = torch.zeros(len(heads.parameters[0]), dtype=torch.int64, device=test_MD.device)
    for features, labels in zip(
        test_MD.split(TEST_ROWS_AT_ONCE), labels_M.to(test_MD.device).split(TEST_ROWS_AT_ONCE), strict=True
    ):
        logits_BRC = heads.logits(features)
        correct = (logits_BRC.argmax(dim=-1) == labels[:, None]) & logits_BRC.isfinite().all(dim=-1)
        hits += correct.sum(dim=0)
    return [count / len(test_MD) for count in hits.tolist()]


def _check_batch(batch: Batch, dimension: int, classes: int, name: str) -> None:
    features, labels = batch
    if features.ndim != 2 or features.shape[1] != dimension or len(features) == 0:
        raise EvaluationError(f"probe {name}: expected features [N, {dimension}], got {tuple(features.shape)}")
    if labels.shape != (len(features),) or labels.dtype != torch.int64:
        raise EvaluationError(
            f"probe {name}: expected int64 labels [{len(features)}], got {labels.dtype} {tuple(labels.shape)}"
        )
    if int(labels.min()) < 0 or int(labels.max()) >= classes:
        raise EvaluationError(
            f"probe {name}: labels lie in {int(labels.min())}..{int(labels.max())}, "
            f"expected 0..{classes - 1} for {classes} classes"
        )
    if not features.isfinite().all():
        raise EvaluationError(f"probe {name}: features hold NaN or infinity; the model has diverged")
