"""An evaluation that is stopped goes on from what it has measured, to the same numbers."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bits.config.composed import Composed
from bits.runs import subject
from bits.runs.evaluate import DataSetEvaluation, FrozenEvaluation
from bits.runs.unfinished import Unfinished, unfinished_folder

from .smoke_run import SmokeRun

PROBE = ("evaluation.linear.augment=true", "evaluation.linear.epochs=3", "evaluation.linear.batch_size=200")
PASSES = 6  # of batches of augmented images: three epochs of 400


@pytest.fixture
def smoke(tmp_path: Path, scenes: Path, composed: Callable[..., Composed]) -> SmokeRun:
    return SmokeRun(tmp_path / "runs/bits-fixed", scenes, composed, *PROBE)


def output(folder: Path, name: str = "bits-fixed") -> Path:
    return folder / f"metrics/{name}/imagenet1k-0.json"


def evaluation(smoke: SmokeRun, minutes: float = 1e9, **settings: Any) -> DataSetEvaluation:
    site = smoke.site.model_copy(update={"checkpoint_minutes": minutes})
    asked = smoke.settings.model_copy(update={"mlp": None, "codes": None, **settings})
    return DataSetEvaluation(
        smoke.folder, smoke.recipe, FrozenEvaluation("0", "imagenet1k", smoke.dataset, asked), site
    )


def values(path: Path) -> Any:
    return json.loads(path.read_text())["values"]


class Passes:
    """Counts the batches that go through the backbone augmented, and sends a signal, or fails, at one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count, self.stop_at, self.number = 0, 0, 0
        self.last_blocks = subject.last_blocks
        monkeypatch.setattr(subject, "last_blocks", self)

    def __call__(self, *arguments: Any) -> torch.Tensor:
        self.count += 1
        if self.count == self.stop_at:
            if not self.number:
                raise RuntimeError("out of memory")
            os.kill(os.getpid(), self.number)
        return self.last_blocks(*arguments)

    def stop(self, at: int, number: int = 0) -> None:
        self.count, self.stop_at, self.number = 0, at, number


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Passes:
    return Passes(monkeypatch)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_stops_it_within_a_batch_and_it_goes_on_after_the_last_epoch(
    smoke: SmokeRun, tmp_path: Path, passes: Passes, number: signal.Signals
) -> None:
    whole, stopped = output(tmp_path / "whole"), output(tmp_path / "stopped")
    assert evaluation(smoke).run([("bits-fixed", whole)]) == 0
    assert passes.count == PASSES
    passes.stop(4, number)  # in the second epoch
    assert evaluation(smoke).run([("bits-fixed", stopped)]) == 128 + number
    assert not stopped.exists()
    assert sorted(path.name for path in unfinished_folder(stopped).iterdir()) == ["linear.safetensors", "values.json"]
    passes.stop(0)
    assert evaluation(smoke).run([("bits-fixed", stopped)]) == 0
    assert passes.count == PASSES - 2, "the first epoch was kept"
    assert values(stopped) == values(whole)
    assert not (tmp_path / "stopped/unfinished").exists()
    assert signal.getsignal(number) == signal.SIG_DFL


def test_a_killed_one_goes_on_from_what_reached_the_disk(smoke: SmokeRun, tmp_path: Path, passes: Passes) -> None:
    killed = output(tmp_path)

    class KilledError(BaseException):
        """As without any chance to react."""

    passes.stop(0)
    last_blocks = passes.last_blocks

    def killing(*arguments: Any) -> torch.Tensor:
        if passes.count == 5:
            raise KilledError
        return last_blocks(*arguments)

    passes.last_blocks = killing  # type: ignore[assignment]
    with pytest.raises(KilledError):
        evaluation(smoke, minutes=1e-9).run([("bits-fixed", killed)])
    passes.last_blocks, passes.count = last_blocks, 0
    evaluation(smoke).run([("bits-fixed", killed)])
    assert passes.count == 2, "two epochs were kept"


def test_what_has_finished_is_not_measured_again(
    smoke: SmokeRun, tmp_path: Path, passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by a job of several sources either, whose files the workflow removes when it fails."""
    first, second = output(tmp_path), output(tmp_path, "random-init")
    jobs = [("bits-fixed", first), ("random-init", second)]
    passes.stop(PASSES + 1)
    with pytest.raises(RuntimeError, match="out of memory"):
        evaluation(smoke).run(jobs)
    before = values(first)
    spent = json.loads(first.read_text())["provenance"]["seconds_spent"]
    kept = json.loads((unfinished_folder(second) / "values.json").read_text())
    assert set(kept["values"]) == {"knn"}, "the evaluator before the probe"
    first.unlink()
    passes.stop(0)
    assert evaluation(smoke).run(jobs) == 0
    assert passes.count == PASSES, "of the second source"
    again = json.loads(first.read_text())
    assert again["values"] == before
    assert again["provenance"]["seconds_spent"] >= spent > 0
    assert not (tmp_path / "unfinished").exists()


@pytest.mark.parametrize("change", ["settings", "weights", "damage"])
def test_what_was_measured_of_something_else_is_not_used(
    smoke: SmokeRun, tmp_path: Path, passes: Passes, change: str, composed: Callable[..., Composed]
) -> None:
    path = output(tmp_path)
    passes.stop(3, signal.SIGTERM)
    assert evaluation(smoke).run([("bits-fixed", path)]) == 128 + signal.SIGTERM
    passes.stop(0)
    if change == "settings":
        other = evaluation(smoke, pixels=8)
    elif change == "weights":
        other = evaluation(smoke)
        other.recipe = other.recipe.model_copy(update={"seed": 5})
        smoke.recipe = other.recipe
        smoke._trained(other.recipe)
    else:
        for file in unfinished_folder(path).iterdir():
            file.write_bytes(file.read_bytes()[:-20])
        other = evaluation(smoke)
    assert other.run([("bits-fixed", path)]) == 0
    assert passes.count == PASSES, "from the beginning"


def test_what_is_kept_is_a_copy_and_time_adds_up(tmp_path: Path) -> None:
    folder = tmp_path / "unfinished/run/one"
    now = Unfinished(folder, lambda: "key", minutes=1e9)
    now.seconds = 100.0
    tensor, curve = torch.ones(2), [0.5]
    now.keep("linear", {"weight": tensor}, {"curve": curve}, 1, 2)
    tensor.zero_()
    curve.append(1.0)
    assert not folder.exists(), "not due"
    now.keep("linearly", {"weight": tensor}, {}, 1, 2)  # of another evaluator
    now.save()
    later = Unfinished(folder, lambda: "key", minutes=1e9)
    assert 100 <= later.seconds <= later.seconds_spent < 110
    state = later.state("linear")
    assert state is not None and later.state("other") is None
    assert (state.tensors["weight"].tolist(), state.facts) == ([1.0, 1.0], {"curve": [0.5]})
    later.finished("linear", {"last": 0.25})
    assert later.state("linear") is None and later.state("linearly") is not None
    later.save()
    assert Unfinished(folder, lambda: "key", 1).values == {"linear": {"last": 0.25}}
    assert Unfinished(folder, lambda: "another", 1).values == {}
    assert not folder.exists()
