"""Probes of several kinds on the same augmented images: one pass for all, and the numbers of each alone."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bits.config.composed import Composed
from bits.records.seal import read_record
from bits.runs import crops, subject
from bits.runs.evaluate import DataSetEvaluation, FrozenEvaluation
from bits.runs.side_by_side import Member, SideBySide
from bits.runs.unfinished import Unfinished, unfinished_folder
from bits.training.interrupt import stop_requests

from .smoke_run import SmokeRun

EPOCHS, BATCHES = 3, 2  # of 400 images
OVERRIDES = (
    *("evaluation.linear.augment=true", f"evaluation.linear.epochs={EPOCHS}", "evaluation.linear.batch_size=200"),
    "evaluation.linear.standardised=true",
)
PROBES = ("linear", "mlp")


@pytest.fixture
def smoke(tmp_path: Path, scenes: Path, composed: Callable[..., Composed]) -> SmokeRun:
    return SmokeRun(tmp_path / "runs/bits-fixed", scenes, composed, *OVERRIDES)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the batches that went through a backbone, augmented."""
    seen: list[int] = []
    last_blocks = subject.last_blocks
    monkeypatch.setattr(subject, "last_blocks", lambda *a: seen.append(len(a[1])) or last_blocks(*a))
    return seen


def measured(smoke: SmokeRun, path: Path, *names: str, expected: int = 0) -> dict[str, Any]:
    """The values and intervals of some evaluators, in one process; or what was kept when it was stopped."""
    asked = FrozenEvaluation("0", "imagenet1k", smoke.dataset, smoke.settings.only(names))
    evaluation = DataSetEvaluation(smoke.folder, smoke.recipe, asked, smoke.site, (smoke.train, smoke.val))
    output = path / "metrics/bits-fixed/imagenet1k-0.json"
    assert evaluation.run([("bits-fixed", output)]) == expected
    record = read_record(unfinished_folder(output) / "values.json" if expected else output, "what was measured")
    return {name: record[name] for name in ("values", "intervals")}


def both_alone(smoke: SmokeRun, path: Path) -> dict[str, Any]:
    alone = [measured(smoke, path / name, name) for name in PROBES]
    return {part: alone[0][part] | alone[1][part] for part in alone[0]}


def test_one_pass_serves_both_and_changes_no_number(smoke: SmokeRun, tmp_path: Path, passes: list[int]) -> None:
    alone = both_alone(smoke, tmp_path)
    assert len(passes) == 2 * EPOCHS * BATCHES
    passes.clear()
    assert measured(smoke, tmp_path / "both", *PROBES) == alone
    assert passes == [200, 200] * EPOCHS
    assert alone["values"]["linear"]["curve"] != alone["values"]["mlp"]["curve"]
    assert alone["intervals"]["mlp"]["curve"]["n"] == len(smoke.val)
    assert not (tmp_path / "both/unfinished").exists()


def test_other_tokens_take_another_pass_of_the_same_crops(
    smoke: SmokeRun, tmp_path: Path, passes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    smoke.settings = smoke.settings.model_copy(update={"mlp": smoke.settings.mlp.model_copy(update={"blocks": 1})})
    alone = both_alone(smoke, tmp_path)
    passes.clear()
    decoded: list[int] = []
    prefetch = crops.prefetch
    monkeypatch.setattr(crops, "prefetch", lambda *a, **k: decoded.append(1) or prefetch(*a, **k))
    assert measured(smoke, tmp_path / "both", *PROBES) == alone
    assert (len(passes), len(decoded)) == (2 * EPOCHS * BATCHES, EPOCHS)


def test_stopped_both_go_on_after_an_epoch_to_the_same_numbers(
    smoke: SmokeRun, tmp_path: Path, passes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = measured(smoke, tmp_path / "whole", *PROBES)
    passes.clear()
    counted = subject.last_blocks

    def stopping(*arguments: Any) -> torch.Tensor:
        if len(passes) == BATCHES:  # in the second epoch
            os.kill(os.getpid(), signal.SIGTERM)
        return counted(*arguments)

    monkeypatch.setattr(subject, "last_blocks", stopping)
    kept = measured(smoke, tmp_path / "stopped", *PROBES, expected=128 + signal.SIGTERM)
    assert "mlp" not in kept["values"]
    monkeypatch.setattr(subject, "last_blocks", counted)
    before = len(passes)
    assert measured(smoke, tmp_path / "stopped", *PROBES) == whole
    assert len(passes) - before <= (EPOCHS - 1) * BATCHES, "the first epoch was kept"


def test_an_error_ends_both_and_is_raised(
    smoke: SmokeRun, tmp_path: Path, passes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*arguments: Any) -> torch.Tensor:
        passes.append(1)
        raise RuntimeError("out of memory")

    monkeypatch.setattr(subject, "last_blocks", failing)
    with pytest.raises(RuntimeError, match="out of memory"):
        measured(smoke, tmp_path, *PROBES)
    assert len(passes) == 1


def test_two_sources_with_two_probes_each_share_the_crops(
    smoke: SmokeRun, tmp_path: Path, passes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    prefetch = crops.prefetch
    monkeypatch.setattr(crops, "prefetch", lambda *a, **k: decoded.append(1) or prefetch(*a, **k))
    members = [
        Member(smoke.subject(source), Unfinished(tmp_path / source, lambda: "key", 1e9, source), PROBES)
        for source in ("bits-fixed", "random-init")
    ]
    probes = SideBySide(members, smoke.site)
    with stop_requests() as request:
        assert not probes.run(request)
    assert not probes.failed
    assert (len(decoded), len(passes)) == (EPOCHS, 2 * EPOCHS * BATCHES)
    assert all(set(member.unfinished.values) == set(PROBES) for member in members)
