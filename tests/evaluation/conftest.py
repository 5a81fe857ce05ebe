"""A source on a data set, as evaluators see it, without images or a model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor

from bits.data.images import ImageSet
from bits.evaluation.declaration import Interpolation, Precision, Split, Tokens
from bits.evaluation.progress import NoProgress, Progress
from bits.evaluation.subject import Batches


class Labelled(ImageSet):
    """Labels and identities; nobody looks at its pixels. multilabels: bool [N, 3]."""

    def __init__(self, split: str, labels: Tensor, multilabels: Tensor | None = None) -> None:
        self.name, self.split, self.class_names = "labelled", split, ("a", "b", "c")
        self.labels, self.multilabels = labels, multilabels
        self.identities = tuple(f"{split}/{number}" for number in range(len(labels)))

    def decode(self, index: int) -> Tensor:
        raise NotImplementedError


@dataclass
class FakeSubject:
    """Features that are given. asked: what was asked for, in order."""

    train: Labelled
    val: Labelled
    vectors: dict[Split, Tensor]
    has_backbone: bool = True
    source: str = "planted"
    seed: int = 0
    asked: list[tuple[str, Tokens]] = field(default_factory=list)
    augmented: list[tuple[str, str]] = field(default_factory=list)
    device: torch.device = torch.device("cpu")  # noqa: RUF009 - immutable
    progress: Progress = field(default_factory=NoProgress)

    def features(self, split: Split, tokens: Tokens = Tokens()) -> Tensor:  # noqa: B008 - frozen
        self.asked.append((split, tokens))
        return self.vectors[split]

    def codes(self, split: Split, model: str = "student") -> Tensor:
        """Logits of another sign for each of the heads."""
        rows = self.vectors[split] - 0.5
        return rows if model == "student" else -rows

    def augmented_features(
        self, batch_size: int, tokens: Tokens, interpolation: Interpolation, precision: Precision
    ) -> Batches:
        """Those of the training images, shifted a little more at every epoch."""
        self.asked.append(("augmented", tokens))
        self.augmented.append((interpolation, precision))

        def epoch_of(epoch: int) -> Iterable[tuple[Tensor, Tensor]]:
            rows = self.vectors["train"] + 0.01 * epoch
            yield from zip(rows.split(batch_size), self.train.labels.split(batch_size), strict=True)

        return epoch_of


@pytest.fixture
def subject() -> FakeSubject:
    """Three classes, and features of few values, so that many similarities are equal."""
    generator = torch.Generator().manual_seed(0)
    vectors, sets = {}, {}
    for split, count in (("train", 60), ("val", 30)):
        vectors[split] = torch.randint(0, 2, (count, 4), generator=generator).float()
        sets[split] = Labelled(split, torch.randint(0, 3, (count,), generator=generator))
    return FakeSubject(sets["train"], sets["val"], vectors)
