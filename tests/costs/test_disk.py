"""The disk that a plan needs: what is written, where, and what bits doctor makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bits.config.declared import CONFIG_DIR
from bits.costs.assumptions import Images
from bits.costs.disk import Need, bytes_at_most, bytes_kept, disk_left, disk_needs
from bits.costs.graph import Graph
from bits.costs.sizes import Sizes
from bits.doctor.probe import Question, probe
from bits.evaluation.declaration import tokens_of
from bits.exhibits import load_declarations
from bits.runs.datasets import make_dataset


def of(needs: tuple[Need, ...], kind: str) -> list[Need]:
    return [need for need in needs if need.kind == kind]


def works_of(plan, name):
    """The training of a run, and its evaluation on the pretraining set."""
    identity, works = plan.sources[name][0], Graph(plan).works
    return works[f"train/{identity}"], works[f"evaluate/{identity}/{plan.metrics[identity]['imagenet1k'].stem}"]


def test_what_a_run_writes(prices):
    price = prices("cpu-core", "smoke", scratch="/fast")
    plan, counts = price.plan, price.counts
    training, evaluation = works_of(plan, "bits-fixed")
    run = plan.runs[training.run]
    backbone = counts.backbone(run.recipe.backbone, run.recipe.crops.global_size)
    branch = 4 * (backbone.parameters + counts.head(run.recipe.head, backbone.width).parameters)
    settings = plan.evaluations[evaluation.evaluation].settings
    images = price.images["imagenet1k"]
    tokens = tokens_of(settings, backbone=True)
    assert tokens.train and tokens.blocks > backbone.blocks
    needs = disk_needs([price.sizes.footprint(work) for work in (training, evaluation)], plan, 3)
    assert needs == (
        Need(kind="weights", place=Path("results/smoke"), bytes=2 * branch, number=1),
        Need(
            kind="features",
            place=Path("results/smoke"),
            bytes=4 * backbone.width * backbone.blocks * (images.train + images.val),
        ),
        Need(kind="checkpoints", place=Path("/fast"), bytes=3 * 4 * branch, number=1),
    )
    assert bytes_kept(needs) == bytes_at_most(needs) - 12 * branch
    without = settings.model_copy(update={"linear": None, "knn": None})
    bare = {"evaluations": {evaluation.evaluation: plan.evaluations[evaluation.evaluation].model_copy(
        update={"settings": without}
    )}}  # fmt: skip
    sizes = Sizes(plan.model_copy(update=bare), counts, price.images)
    assert sizes.footprint(evaluation).kept == 4 * backbone.width * images.val, "the last block, of test images"
    assert Sizes(plan, counts, {}).footprint(evaluation).kept == 0, "nobody knows how many images"


def test_the_checkpoints_of_the_largest_trainings_at_work_and_of_as_many_that_wait_to_be_measured(prices):
    price = prices("cpu-core", "smoke")
    footprints = [price.sizes.footprint(work) for work in Graph(price.plan).works.values()]
    sizes = sorted((one.checkpoints for one in footprints), reverse=True)
    for trainings in (0, 1, 3, 1000):
        (need,) = of(disk_needs(footprints, price.plan, trainings), "checkpoints")
        assert need.bytes == sum(sizes[: 2 * max(trainings, 1)])
        assert need.number == min(2 * max(trainings, 1), len(price.plan.runs))


def test_rendered_scenes_take_what_is_predicted(prices, tmp_path):
    price = prices("cpu-core", "smoke")
    role = next(iter(price.plan.datasets))
    path = tmp_path / "scenes.safetensors"
    assert make_dataset(price.plan.datasets[role], path)
    work = Graph(price.plan).works[f"data/{price.plan.roots[role]}"]
    assert price.sizes.footprint(work).kept == pytest.approx(path.stat().st_size, rel=0.1)


@pytest.mark.parametrize("done", [False, True])
def test_plan_and_doctor_say_the_same(summary, done):
    made = summary(2, "cpu-core", "smoke")
    plan = made.prices.plan
    if done:
        outcome = plan.runs[plan.sources["dino"][0]].outcome
        outcome.parent.mkdir(parents=True)
        outcome.write_text("{}")
    total = made.costs().total
    answer = probe(Question(plan=plan, images=made.prices.images, trainings=2))
    assert not answer.problem
    assert bytes_kept(answer.disk) == total.disk > 0
    assert bytes_at_most(answer.disk) == total.peak > total.disk
    assert answer.waiting == 0
    assert answer.memory == made.costs().most_memory
    assert answer.memory.bytes > 0
    assert of(answer.disk, "weights")[0].number == len(plan.runs) - done


def test_exhibits_that_wait_for_data_are_told_apart(summary):
    made = summary(8, "h100", "paper")
    plan, prices = made.prices.plan, made.prices
    assert "table-14" in plan.left_out
    declared = load_declarations(CONFIG_DIR, shown=plan.shown)
    now, waiting = disk_left(prices.sizes, declared, 8)
    total = made.costs().total
    assert 0 < waiting < total.disk
    assert bytes_kept(now) + waiting == total.disk
    fewer = {**prices.images, "food101": Images(train=1, val=1, classes=1)}
    assert disk_left(Sizes(plan, prices.counts, fewer), declared, 8)[1] < waiting
