"""What a step sends to its device and reads back, counted on a device that has no values: nothing waits on the way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from bits.runs.build import objective_of, teacher_student
from bits.training.loop import Pretraining
from bits.training.update import Wants
from tests.training.watched import Watched
from tests.training.worlds import ManySizes

COPIES = 4  # pixels, parameters of all views, dropped paths, requests
Step = Callable[..., tuple[Watched, list[int]]]


@pytest.fixture
def watched_step(compose: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    """watched_step(method, batch, *overrides) -> (what a step sent, the lengths of what it read back)."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # it does not support the meta device
    in_memory, read = Tensor.tolist, []

    def tolist(tensor: Tensor) -> Any:
        if not tensor.is_meta:
            return in_memory(tensor)
        read.append(len(tensor))
        return [0.0] * len(tensor)

    monkeypatch.setattr(Tensor, "tolist", tolist)

    def made(method: str, size: int, *overrides: str) -> tuple[Watched, list[int]]:
        words = (f"schedule={{epochs: 5, batch_size: {size}, images_per_epoch: {size}}}", *overrides)
        recipe, site = compose(method, "backbone.drop_path=0.4", "backbone.options.depth=2", *words)
        parts = teacher_student(recipe), objective_of(recipe)
        run = Pretraining(recipe, site, *parts, ManySizes(), tmp_path, torch.device("meta"), lambda backbone: 0.5)
        batch = run.images.batch(range(size))
        with Watched() as watched:
            run.update(batch, 0, Wants())
        return watched, read

    return made


@pytest.mark.parametrize(
    ("method", "size", "words"),
    [
        ("bits-fixed", 8, ("crops.n_local=3",)),
        ("bits-fixed", 32, ("site.micro_batch=16",)),
        ("dino", 8, ("site.micro_batch=4",)),
        ("simdino", 16, ()),
    ],
)
def test_a_step_sends_few_copies_and_reads_once(
    watched_step: Step, method: str, size: int, words: tuple[str, ...]
) -> None:
    watched, read = watched_step(method, size, *words)
    assert len(watched.sent) == COPIES, watched.sent
    assert watched.blocking == []
    assert len(read) == 1 and read[0] > 4  # request, save, soundness, gradient norm and the terms


def test_without_dropped_paths_there_is_nothing_to_send_of_them(watched_step: Step) -> None:
    watched, _ = watched_step("bits-fixed", 8, "backbone.drop_path=0")
    assert len(watched.sent) == COPIES - 1


def test_what_would_wait_is_seen() -> None:
    there, here = torch.empty(3, device="meta"), torch.ones(3)
    with Watched() as watched:
        here.to("meta", non_blocking=True)
        here.to("meta")
        there.copy_(here)
        there.copy_(here, non_blocking=True)
        there[torch.tensor([0, 1])]
    assert [blocks for _, blocks in watched.sent] == [False, True, True, False, True]
    for waits in (there.nonzero, lambda: there[there > 0], lambda: torch.equal(there, there), there.sum().item):
        with pytest.raises(AssertionError, match="waits for the device"), Watched():
            waits()
