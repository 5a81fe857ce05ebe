"""k-NN as an evaluator: its settings, and every k that fits the training split."""

from __future__ import annotations

from bits.evaluation.declaration import Tokens, Workload
from bits.evaluation.intervals import accuracy, values_of
from bits.evaluation.knn import EVALUATOR, Knn
from bits.evaluation.ranking.neighbours import knn_accuracy

from .conftest import FakeSubject


def test_it_is_the_accuracy_of_the_val_images_by_the_training_images(subject: FakeSubject) -> None:
    found = EVALUATOR.measure(subject, Knn(ks=(3, 10, 60), temperature=0.2))
    train, val = subject.vectors["train"], subject.vectors["val"]
    expected = knn_accuracy(train, subject.train.labels, val, subject.val.labels, ks=(3, 10, 60), temperature=0.2)
    assert values_of(found) == expected
    assert found == {name: accuracy(share, 30) for name, share in expected.items()}
    assert found != EVALUATOR.measure(subject, Knn(ks=(3, 10, 60), temperature=5.0))


def test_more_neighbours_than_training_images_are_left_out(subject: FakeSubject) -> None:
    assert set(EVALUATOR.measure(subject, Knn(ks=(10, 61), temperature=0.07))) == {"top1_k10"}


def test_it_reads_and_costs_both_splits() -> None:
    settings = Knn(ks=(1,), temperature=1)
    assert EVALUATOR.tokens(settings, True) == Tokens(train=True)
    load = Workload(train=100, val=40, classes=10, width=8, blocks=3, bare=False)
    assert EVALUATOR.cost(load, settings).flops == {"ranking": 2.0 * 8 * 100 * 40}
