"""A run that is killed repeatedly ends bit-identical to an undisturbed one."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import torch

from bits.plan import resume_folder
from bits.records.code import ROOT
from bits.records.files import TEMPORARY
from bits.runs.train import train
from bits.training.checkpoint import CheckpointError, read_tensors
from bits.training.state import RunState

pytestmark = pytest.mark.xdist_group("kills")
# Quick steps, but with resets, evaluations, a schedule and stochastic depth.
RECIPE = (
    "backbone.drop_path=0.1",
    "backbone.options.depth=1",
    "backbone.options.embed_dim=32",
    "site.log_every_steps=1",
    "site.checkpoint_minutes=1e-9",  # after every step, so that a kill costs at most one step
)
LONG = (*RECIPE, "schedule.epochs=300", "curve.every_epochs=100", "head_reset.every_epochs=50")
SHORT = (*RECIPE, "schedule.epochs=120", "curve.every_epochs=40", "head_reset.every_epochs=20")
KILLS, DURING_A_WRITE = 50, 20


class ForkingTrainer:
    """A process that forks trainings of the run in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("forking_trainer.py")), str(folder)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(folder / "said.txt").open("w"),
            text=True,
        )

    def start(self) -> int:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self._number()

    def ended(self) -> int:
        """The exit code of the last child."""
        return self._number()

    def _number(self) -> int:
        assert self.process.stdout
        line = self.process.stdout.readline()
        while line and not line.strip().lstrip("-").isdigit():  # skip the training's output
            line = self.process.stdout.readline()
        assert line, (self.folder / "said.txt").read_text()
        return int(line)


@pytest.fixture
def undisturbed(composed, tmp_path) -> Callable[..., Path]:
    """undisturbed(*overrides) -> folder of the run, trained without interruption."""

    def make(*overrides: str) -> Path:
        made = composed("bits-reset", *overrides, "site.checkpoint_minutes=1e9")
        assert train(made.recipe, made.site, "bits-reset", "imagenet1k", tmp_path / "undisturbed") == 0
        return tmp_path / "undisturbed"

    return make


@pytest.fixture
def trainer(frozen, tmp_path) -> Iterator[Callable[..., ForkingTrainer]]:
    """trainer(*overrides) -> a process that starts trainings of the same run, to be killed."""
    trainers: list[ForkingTrainer] = []

    def make(*overrides: str) -> ForkingTrainer:
        frozen(tmp_path / "run", "bits-reset", *overrides)
        trainers.append(ForkingTrainer(tmp_path / "run"))
        return trainers[-1]

    yield make
    for trainer in trainers:
        assert trainer.process.stdin
        trainer.process.stdin.close()
        trainer.process.kill()
        trainer.process.wait()


def assert_same_bits(folder: Path, other: Path) -> None:
    for name in ("teacher", "student", "heads"):
        ours, theirs = (read_tensors(path / f"{name}.safetensors").tensors for path in (folder, other))
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(tensor, theirs[key]) for key, tensor in ours.items()), name
    curves, logs = [], []
    for path in (folder, other):
        curves.append(json.loads((path / "curve.json").read_text())["values"])
        entries = map(json.loads, (path / "log.jsonl").read_text().splitlines())
        logs.append([(entry["step"], entry["loss"]) for entry in entries if "loss" in entry])
    assert curves[0] == curves[1]
    assert logs[0] == logs[1]


def last_logged_step(folder: Path) -> int:
    """The last step in the log, or 0; the last line may be incomplete."""
    steps = [0]
    for line in (folder / "log.jsonl").read_text().splitlines() if (folder / "log.jsonl").exists() else []:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        steps += [entry["step"]] if "loss" in entry else []
    return steps[-1]


def newest_step(folder: Path) -> int:
    steps = [int(path.stem.removeprefix("step-")) for path in (folder / "resume").glob("step-*.safetensors")]
    return max(steps, default=0)


def partial_files(folder: Path) -> list[Path]:
    return list((folder / "resume").glob(f".*{TEMPORARY}"))


def test_fifty_kills_lose_a_step_each_at_most_and_change_no_bit(trainer, undisturbed):
    trainer, chance = trainer(*LONG), random.Random(0)
    folder = trainer.folder
    during = lost = 0
    for kill in range(KILLS):
        before, child = newest_step(folder), trainer.start()
        deadline = time.monotonic() + 60
        if kill % 5 < 3:  # while it writes a checkpoint, after some steps
            while newest_step(folder) <= before and time.monotonic() < deadline:
                time.sleep(0.001)
            time.sleep(chance.random() * 0.05)
            while not partial_files(folder) and time.monotonic() < deadline:
                pass
        else:  # at any moment, possibly before the first step
            time.sleep(chance.random() * 0.2)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        code = trainer.ended()
        assert code == -signal.SIGKILL, f"ended by itself with {code} after {kill} kills: the run is too short"
        during += bool(partial_files(folder))
        assert newest_step(folder) >= before
        steps = last_logged_step(folder) - newest_step(folder)
        assert steps <= 1
        lost += max(steps, 0)
    trainer.start()
    assert trainer.ended() == 0
    assert during >= DURING_A_WRITE
    assert not partial_files(folder)
    assert [path.name for path in (folder / "resume").iterdir()] == [f"step-{newest_step(folder):09d}.safetensors"]
    assert_same_bits(folder, undisturbed(*LONG))
    print(f"{KILLS} kills, {during} during a write, {lost} steps lost in all")


def test_signals_lose_nothing(trainer, undisturbed):
    trainer = trainer(*SHORT)
    folder = trainer.folder
    for life, number in enumerate(2 * [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT]):
        before, child = newest_step(folder), trainer.start()
        deadline = time.monotonic() + 60
        while newest_step(folder) < before + 3 + life and time.monotonic() < deadline:
            time.sleep(0.005)
        os.kill(child, number)
        assert trainer.ended() == 128 + number
        assert newest_step(folder) == last_logged_step(folder)
        entry = json.loads((folder / "log.jsonl").read_text().splitlines()[-1])
        assert entry["event"] == "stopped"
    trainer.start()
    assert trainer.ended() == 0
    assert_same_bits(folder, undisturbed(*SHORT))


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def test_a_flipped_bit_in_the_newest_checkpoint_gives_way_to_the_one_before_it(trainer, undisturbed):
    trainer = trainer(*SHORT)
    folder = trainer.folder
    child = trainer.start()
    while newest_step(folder) < 5:
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    trainer.ended()
    kept = sorted((folder / "resume").glob("step-*"))
    assert len(kept) >= 2
    flip_a_bit(kept[-1])
    with pytest.raises(CheckpointError, match="checksum"):
        read_tensors(kept[-1])
    trainer.start()
    assert trainer.ended() == 0
    assert_same_bits(folder, undisturbed(*SHORT))


@contextmanager
def small_disk(folder: Path) -> Iterator[tuple[Callable[[], None], Callable[[], None]]]:
    """(fill, free) for an 8 MB disk mounted at `folder`; without the right to mount, for a limit on file sizes."""
    folder.mkdir()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True)
    others = folder / "others"

    def fill() -> None:
        if mounted.returncode:
            resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
            return
        room = os.statvfs(folder)
        others.write_bytes(bytes(room.f_bavail * room.f_frsize - 10_000))

    def free() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        others.unlink(missing_ok=True)

    try:
        yield fill, free
    finally:
        free()
        if not mounted.returncode:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_ends_the_run_with_its_checkpoints_and_more_room_lets_it_go_on(
    composed, undisturbed, tmp_path, monkeypatch
):
    made = composed("bits-reset", *SHORT)
    site = made.site.model_copy(update={"scratch": str(tmp_path / "scratch")})
    folder = tmp_path / "run"
    kept, save = resume_folder(folder, site.scratch), RunState.save
    with small_disk(tmp_path / "scratch") as (fill, free):

        def save_on_a_disk_that_fills_up(state: RunState) -> None:
            if state.step == 30:
                fill()
            save(state)

        monkeypatch.setattr(RunState, "save", save_on_a_disk_that_fills_up)
        with pytest.raises(CheckpointError, match="Free some disk space"):
            train(made.recipe, site, "bits-reset", "imagenet1k", folder)
        free()
        failure = json.loads((folder / "failure.json").read_text())
        assert (failure["outcome"], failure["step"]) == ("failed", 30)
        assert [path.name for path in sorted(kept.glob("step-*"))] == [
            f"step-{step:09d}.safetensors" for step in (28, 29)
        ]
        monkeypatch.undo()
        assert train(made.recipe, site, "bits-reset", "imagenet1k", folder) == 0
    assert_same_bits(folder, undisturbed(*SHORT))
