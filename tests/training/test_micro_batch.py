"""site.micro_batch=auto: what is chosen where, what the log says of it, and what an out-of-memory error becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import Tensor

from bits.config.compose import ConfigError
from bits.runs.build import objective_of, teacher_student
from bits.training import loop
from bits.training import micro_batch as module
from bits.training.memory import StepMemory, step_memory
from bits.training.micro_batch import DeviceMemoryError, MicroBatch, fitting, micro_batch
from bits.training.world import World

GIB = 2**30
CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
NEEDED = StepMemory(fixed=2 * GIB, image=GIB // 4, kept=0)


class Beside(World):
    """A world with another process, which has room for three images."""

    def gather(self, tensor: Tensor, dim: int = 0) -> Tensor:
        return torch.cat([tensor, torch.tensor([3])])


def test_as_many_images_as_fit_and_why() -> None:
    assert fitting(NEEDED, 64, 30 * GIB, 80 * GIB, CPU, World()).images == 0
    chosen = fitting(NEEDED, 64, 20 * GIB, 80 * GIB, CPU, World())
    assert chosen.images == 32  # 10 GiB of 20 - 8 - 2
    assert chosen.why == (
        "32 of 64 images at a time take about 10.0 GiB, 0.25 for each image; "
        "20.0 of 80.0 GiB are free, of which 8.0 are left alone"
    )
    none = fitting(NEEDED, 64, GIB, 80 * GIB, CPU, World())
    assert none.images == 1 and none.why.startswith("not even one image may fit")


def test_processes_agree_on_the_one_with_the_least_room() -> None:
    assert fitting(NEEDED, 64, 40 * GIB, 80 * GIB, CPU, Beside(0, 2)).images == 2


def test_a_number_a_cpu_and_a_backbone_that_mixes_images_choose_nothing(compose: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "device_memory", lambda _: (GIB, 80 * GIB))
    recipe, site = compose("bits-fixed")
    assert site.micro_batch == "auto"
    parts = teacher_student(recipe), objective_of(recipe)
    assert micro_batch(8, recipe, *parts, GPU, World()) == MicroBatch(8)
    assert micro_batch("auto", recipe, *parts, CPU, World()) == MicroBatch(0)
    mixing, _ = compose("bits-fixed", "backbone.name=resnet10t")
    chosen = micro_batch("auto", mixing, teacher_student(mixing), parts[1], GPU, World())
    assert chosen.images == 0 and "BatchNorm2d" in chosen.why


def test_a_gpu_is_asked_what_is_free(compose: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "device_memory", lambda _: (30 * GIB, 80 * GIB))
    monkeypatch.setattr(module, "fitting", lambda *asked: asked)
    recipe, _ = compose("bits-fixed")
    parts = teacher_student(recipe), objective_of(recipe)
    half = step_memory(recipe, *parts, half=True)
    assert half.image < step_memory(recipe, *parts, half=False).image
    world = World(1, 2)
    assert micro_batch("auto", recipe, *parts, GPU, world) == (half, 8, 30 * GIB, 80 * GIB, GPU, world)


def test_a_pass_that_cannot_be_estimated_takes_the_whole_share(compose: Any, monkeypatch: Any) -> None:
    def refuse(*_: object, **__: object) -> StepMemory:
        raise RuntimeError("aten.nonzero.default")

    monkeypatch.setattr(module, "step_memory", refuse)
    recipe, _ = compose("bits-fixed")
    chosen = micro_batch("auto", recipe, teacher_student(recipe), objective_of(recipe), GPU, World())
    assert chosen.images == 0 and "aten.nonzero" in chosen.why


def test_the_choice_is_used_logged_and_printed(pretraining: Any, tmp_path: Any, monkeypatch: Any, capsys: Any) -> None:
    words = ("schedule={epochs: 1, batch_size: 16, images_per_epoch: 16}", "optimizer.warmup_epochs=0")
    given = pretraining("bits-fixed", *words, "site.micro_batch=8", folder=tmp_path / "given")
    given.run()
    monkeypatch.setattr(loop, "micro_batch", lambda *_: MicroBatch(8, "8 of 16 fit"))
    chosen = pretraining("bits-fixed", *words, folder=tmp_path / "chosen")
    chosen.run()
    assert "chosen: 8 of 16 fit" in capsys.readouterr().err
    logs = [[json.loads(line) for line in (run.folder / "log.jsonl").open()] for run in (given, chosen)]
    assert logs[1][0] == {"step": 0, "event": "micro_batch", "images": 8, "why": "8 of 16 fit"}
    assert not any(line.get("event") == "micro_batch" for line in logs[0])
    for mine, other in zip(given.model.parameters(), chosen.model.parameters(), strict=True):
        assert torch.equal(mine, other)


@pytest.mark.parametrize(("micro", "smaller"), [("auto", "=8 or"), ("6", "=3 or"), ("1", "")])
def test_too_little_memory_is_an_error_that_says_what_to_do(
    pretraining: Any, monkeypatch: Any, micro: str, smaller: str
) -> None:
    monkeypatch.setattr(module, "device_memory", lambda _: (2 * GIB, 80 * GIB))
    run = pretraining("bits-fixed", f"site.micro_batch={micro}")
    run.state.curve = {"x": [0], "y": [0.5]}

    def fails(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nMore words")

    run.update = fails
    with pytest.raises(DeviceMemoryError) as raised:
        run.run()
    message = str(raised.value)
    assert "2.0 of 80.0 GiB are free" in message and "Tried to allocate 2 GiB.)" in message
    assert f"{16 if micro == 'auto' else micro} image(s) at a time" in message
    assert ("site.micro_batch" in message) == bool(smaller)
    assert f"site.micro_batch{smaller}" in message or not smaller
    assert "site.processes" in message


@pytest.mark.parametrize("word", ["many", "-1", "1.5"])
def test_other_words_are_refused(compose: Any, word: str) -> None:
    with pytest.raises(ConfigError, match=r"site\.micro_batch = .*: expected a number of images"):
        compose("bits-fixed", f"site.micro_batch={word}")
