"""Neighbours, rankings and probes on a CUDA device, compared with those on the CPU."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bits.evaluation.probing.batches import shuffled
from bits.evaluation.probing.settings import ProbeSettings
from bits.evaluation.probing.training import train_probe
from bits.evaluation.ranking import neighbours
from bits.evaluation.ranking.cosine import retrieval_map
from bits.evaluation.ranking.neighbours import knn_accuracy

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
CUDA = torch.device("cuda", 0)
CLASSES, WIDTH = 20, 64


def blobs(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Features of classes that overlap, and their labels."""
    centres = torch.randn(CLASSES, WIDTH, generator=torch.Generator().manual_seed(99))
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(CLASSES, (count,), generator=generator)
    return centres[labels] + 3 * torch.randn(count, WIDTH, generator=generator), labels


@pytest.mark.parametrize("block", [2**27, 64 * 700])
def test_neighbours_are_the_cpus(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the training rows come to the device in parts."""
    train, test = blobs(3000, 0), blobs(1000, 1)
    wanted = knn_accuracy(*train, *test, ks=(1, 20, 200))
    monkeypatch.setattr(neighbours, "DEVICE_BLOCK", block)
    found = knn_accuracy(*train, *test, ks=(1, 20, 200), device=CUDA)
    assert found == pytest.approx(wanted, abs=2e-3)  # a rounding may swap two neighbours


def test_rankings_are_the_cpus() -> None:
    query, gallery = blobs(300, 2), blobs(3000, 3)
    wanted = retrieval_map(query[0], gallery[0], query[1], gallery[1])
    found = retrieval_map(query[0].to(CUDA), gallery[0].to(CUDA), query[1], gallery[1])
    assert found == pytest.approx(wanted, abs=1e-5)


def test_probes_are_the_cpus() -> None:
    train, (test, truth) = blobs(3000, 4), blobs(1000, 5)
    settings = ProbeSettings(
        epochs=3,
        learning_rate=0.1,
        momentum=0.9,
        weight_decay=0.0,
        batch_size=100,
        schedule="epoch",
        grid=(0.01,),
    )
    batches = shuffled(*train, 100, 0)
    wanted, found = (train_probe(batches, WIDTH, CLASSES, rows, truth, settings, 0) for rows in (test, test.to(CUDA)))
    assert found.curve == pytest.approx(wanted.curve, abs=5e-3)
    assert found.grid[0.01].curve == pytest.approx(wanted.grid[0.01].curve, abs=5e-3)
