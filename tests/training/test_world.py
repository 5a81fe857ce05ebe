"""Communication between processes; all stop or diverge in the same step, whichever one causes it."""

from __future__ import annotations

import math
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from bits.runs.build import objective_of, teacher_student
from bits.training import world as worlds
from bits.training.interrupt import Interrupted
from bits.training.loop import Pretraining
from bits.training.world import World
from tests.training.worlds import Case, ManySizes, in_world

pytestmark = pytest.mark.xdist_group("world")  # the tests share a fixture that is expensive to make


def messages(world: World) -> dict[str, Any]:
    mine = torch.arange(6.0).view(2, 3) + 10 * world.rank
    sums = [torch.full((3,), 1.0 + world.rank), torch.full((2, 2), 2.0), torch.tensor(float(world.rank))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worlds, "BUCKET", 4)  # smaller than all tensors together
        world.all_reduce_(sums)
    equal = [torch.full((2,), float(world.rank))]
    world.broadcast_(equal)
    return {
        "rows": world.gather(mine),
        "columns": world.gather(mine.requires_grad_(), dim=1),
        "share": world.share(8),
        "sums": sums,
        "value": world.broadcast({"step": world.rank}),
        "equal": equal,
    }


def planted(world: World, case: Case, folder: Path, what: str) -> tuple[str, int, list[str]]:
    """A run in which only the second process has a reason to end at step 2."""
    recipe, site = case
    model, objective = teacher_student(recipe), objective_of(recipe)
    run = Pretraining(
        recipe, site, model, objective, ManySizes(), folder, torch.device("cpu"), lambda backbone: 0.5, world
    )
    means, weight = objective.means, model.student.backbone.blocks[0].mlp.fc1.weight
    if what == "weight":
        update = run.update

        def spoiling(*arguments: Any) -> Any:
            result = update(*arguments)
            if here():  # like a fault of one machine
                weight.data[0, 0] = math.nan
            return result

        run.update = spoiling  # type: ignore[assignment]

    def here() -> bool:
        return world.rank == 1 and run.step == 2

    def changed(*rows: Any) -> dict[str, Any]:
        if here() and what == "signal":
            os.kill(os.getpid(), signal.SIGUSR1)
        factor = math.nan if here() and what == "loss" else 1
        return {name: value * factor for name, value in means(*rows).items()}

    objective.means = changed  # type: ignore[method-assign]
    weight.register_hook(lambda gradient: gradient * (math.inf if here() and what == "gradient" else 1))
    try:
        outcome = run.run()
        return outcome.outcome, outcome.step, sorted(path.name for path in (folder / "resume").iterdir())
    except Interrupted as stop:
        return f"exit {stop.exit_code}", run.step, sorted(path.name for path in (folder / "resume").iterdir())


def everything(world: World, case: Case, folder: Path) -> dict[str, Any]:
    runs = {what: planted(world, case, folder / what, what) for what in ("signal", "loss", "gradient", "weight")}
    return {"messages": messages(world), **runs}


@pytest.fixture(scope="module")
def said(compose, tmp_path_factory) -> list[dict[str, Any]]:
    """The messages of each of two processes."""
    folder = tmp_path_factory.mktemp("world")
    case = compose("bits-fixed", "schedule.epochs=6", "optimizer.warmup_epochs=2", "curve.every_epochs=6")
    return in_world(2, folder, everything, case, folder)


def test_messages_keep_the_order_of_the_processes(said):
    first, second = said[0]["messages"], said[1]["messages"]
    mine = torch.arange(6.0).view(2, 3)
    for found in (first, second):
        assert torch.equal(found["rows"], torch.cat([mine, mine + 10]))
        assert torch.equal(found["columns"], torch.cat([mine, mine + 10], dim=1))
        assert not found["columns"].requires_grad
        assert [tensor.tolist() for tensor in found["sums"]] == [[3.0] * 3, [[4.0] * 2] * 2, 1.0]
        assert found["value"] == {"step": 0}
        assert found["equal"][0].tolist() == [0, 0]
    assert (first["share"], second["share"]) == (slice(0, 4), slice(4, 8))


def test_a_world_of_one_sends_nothing():
    found = messages(World())
    assert found["rows"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["sums"][0].tolist() == [1, 1, 1]
    assert found["share"] == slice(0, 8)
    World().leave()


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_all_diverge_in_the_step_in_which_one_does(said, what):
    assert said[0][what] == said[1][what] == ("diverged", 2, ["step-000000000.safetensors"])


def test_all_go_back_when_the_weights_of_one_are_not_finite(said):
    assert said[0]["weight"] == said[1]["weight"] == ("diverged", 3, ["step-000000000.safetensors"])


def test_all_stop_after_the_step_in_which_one_is_asked_to(said):
    ended = (f"exit {128 + signal.SIGUSR1}", 3, ["step-000000000.safetensors", "step-000000003.safetensors"])
    assert said[0]["signal"] == said[1]["signal"] == ended
