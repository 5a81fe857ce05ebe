"""What a plan costs: shared jobs, done jobs, several devices, data that are not here."""

from __future__ import annotations

import json

import pytest

from bits.config.recipe import Dataset
from bits.costs.assumptions import CostError, Images
from bits.costs.duration import longest_evaluation
from bits.costs.graph import EVALUATIONS, Graph
from bits.costs.images import image_counts
from bits.costs.text import costs_text
from bits.exhibits.kinds.base import RECORD


def line_of(costs, name):
    return next(line for line in costs.lines if line.name == name)


def test_every_job_of_the_workflow_is_there(summary):
    costs = summary(2, "cpu-core", "smoke").costs()
    assert costs.total.jobs == 158
    assert {kind: count for kind, (count, _) in costs.by_kind.items()} == {
        "data": 9,
        "pretraining": 25,
        "finetuning": 16,
        "evaluation": 73,
        "references": 9,
        "rendering": 24,
    }
    assert len(costs.lines) == 24
    assert costs.total.hours == pytest.approx(sum(line.added for line in costs.lines))
    assert costs.total.hours == pytest.approx(costs.lines[-1].running_total)
    assert costs.total.wall >= costs.total.longest_chain
    assert costs.total.wall >= costs.total.hours * 3600 / 2 * 0.99
    assert set(costs.uncosted) == set(summary(2, "cpu-core", "smoke").prices.plan.pending)


def test_runs_are_shared_between_exhibits(summary):
    costs = summary(8, "h100", "paper").costs()
    table, figure = line_of(costs, "table-1"), line_of(costs, "figure-1")
    assert (
        figure.added == 0 if costs.lines.index(figure) > costs.lines.index(table) else table.added < table.alone.hours
    )
    assert sum(line.alone.hours for line in costs.lines) > 1.5 * costs.total.hours
    assert line_of(costs, "table-14").values == 96
    assert line_of(costs, "figure-4").values == 4
    assert line_of(costs, "table-9").alone.jobs == 12


def test_the_paper_is_costed_without_its_data(summary):
    costs = summary(8, "h100", "paper").costs()
    assert "no data for birds525" in line_of(costs, "table-14").note
    assert line_of(costs, "table-1").note == ""
    images = summary(8, "h100", "paper").prices.images
    assert images["imagenet1k"] == Images(train=1281167, val=50000, classes=1000, assumed=True)
    assert images["plantnet300k"].val == 31112
    pretraining = costs.by_kind["pretraining"][1]
    # 21 runs of 100 epochs and four of 10, 0.47 TFLOP an image, at 0.4 x 989 TFLOP/s
    assert pretraining == pytest.approx(21.4 * 100 * 1281167 * 0.472e12 / (0.4 * 989e12) / 3600, rel=0.05)


def test_twice_the_throughput_takes_half(summary):
    fast, slow = (summary(8, device, "paper").costs().by_kind["pretraining"][1] for device in ("h100", "a100"))
    assert slow / fast == pytest.approx(989 / 312, rel=0.05)


def test_a_training_on_several_gpus_holds_them_all(prices, summary):
    one, four = (prices("h100", "paper", processes=processes) for processes in (1, 4))
    name = f"train/{one.plan.sources['bits-fixed'][0]}"
    alone, together = (price.job(Graph(price.plan).works[name]) for price in (one, four))
    assert (alone.devices, together.devices) == (1, 4)
    assert alone.seconds / 4 < together.seconds < alone.seconds / 3
    assert together.device_hours > alone.device_hours
    with pytest.raises(CostError, match="needs 4 devices"):
        summary(3, "h100", "paper", processes=4).costs()
    assert summary(32, "h100", "paper", processes=4).costs().total.wall > 0


def test_checkpoints_and_weights_on_disk(prices, counts):
    price = prices("h100", "paper")
    job = price.job(Graph(price.plan).works[f"train/{price.plan.sources['bits-fixed'][0]}"])
    written = job.footprint
    assert written.kept == pytest.approx(2 * 4 * 92.3e6, rel=0.02)  # ViT-B and its head, student and teacher
    assert written.checkpoints == 6 * written.kept  # three files of four times the weights


def test_done_work_costs_nothing_and_what_is_before_it_neither(summary):
    made = summary(2, "cpu-core", "smoke")
    before = made.costs()
    plan = made.prices.plan
    identity = plan.sources["simdino-reset"][0]
    for path in (plan.metrics[identity]["imagenet1k"], plan.runs[identity].outcome):  # the curve comes with the latter
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    after = made.costs()
    line = line_of(after, "text-5.3")
    assert not line.done, "it was never rendered"
    assert line.alone.jobs == 1
    assert after.total.jobs == before.total.jobs - 2, "training and evaluation"
    assert after.total.hours < before.total.hours
    folder = plan.reports / "exhibits"
    folder.mkdir(parents=True)
    for ending in plan.formats["text-5.3"]:
        (folder / f"text-5.3.{ending}").write_text("{}")
    assert not line_of(made.costs(), "text-5.3").done, "of another set-up in the same folder"
    (folder / f"text-5.3.{RECORD}").write_text(json.dumps({"made_from": plan.exhibit_digest("text-5.3")}))
    line = line_of(rendered := made.costs(), "text-5.3")
    assert line.done
    assert (line.added, line.alone.hours, line.alone.jobs) == (0, 0, 0)
    assert rendered.total.jobs == before.total.jobs - 3, "training, evaluation and exhibit"


def test_a_budget_keeps_to_it_and_says_by_how_much_the_rest_is_over(summary):
    made = summary(8, "h100", "paper")
    whole = made.costs()
    costs = made.costs(700.0)
    assert costs.total.hours <= 700
    assert len(costs.lines) + len(costs.over) == len(whole.lines)
    for line, over in costs.over:
        assert over == pytest.approx(costs.total.hours + line.added - 700)
        assert over > 0
    assert not made.costs(1e6).over


def test_images_are_counted_where_they_are(tmp_path, monkeypatch, plans, assumptions):
    monkeypatch.chdir(tmp_path)
    for split, count in (("train", 3), ("val", 2)):
        for name in ("a", "b"):
            folder = tmp_path / "data" / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                (folder / f"{number}.jpg").write_bytes(b"x")

    def counted(root: str, name: str, **options: bool) -> Images | None:
        dataset = Dataset(name=name, kind="images")
        changes = {"datasets": {"imagenet1k": dataset}, "roots": {"imagenet1k": root}}
        return image_counts(plans("smoke").model_copy(update=changes), assumptions, **options).get("imagenet1k")

    published = Images(train=75750, val=25250, classes=101, assumed=True)
    assert counted("data", "food101") == Images(train=6, val=4, classes=2)
    assert counted("data", "food101", listing=False) == published
    assert counted("elsewhere", "food101") == counted("", "food101") == published
    assert counted("", "nobody-knows") is None


def test_what_nobody_can_count_is_named_and_the_rest_is_costed(summary):
    made = summary(8, "h100", "paper")
    del made.prices.images["food101"]
    costs = made.costs()
    assert {line.name for line in costs.lines} >= {"table-1", "figure-7"}
    assert "food101 has: say so in config/counts.yaml" in costs.uncosted["table-14"]


def test_without_the_images_nothing_is_costed_and_it_is_said_which_are_missing(summary):
    costs = summary(2, "cpu-core", "small").costs()
    text = costs_text(costs, "core")
    assert text.startswith("Nothing can be costed:")
    assert "the images cannot be counted: images is at no place that was given (data=PATH)" in text
    assert "0 jobs" not in text
    assert max(map(len, text.splitlines())) < 140, "exhibits with one reason are listed together, and wrapped"
    assert "table-13" in text


def test_devices_are_found_by_their_product_names(assumptions):
    assert assumptions.device("NVIDIA H200") == "h200"
    assert assumptions.device("NVIDIA A100-SXM4-80GB") == "a100"
    assert assumptions.device("NVIDIA GeForce RTX 4090") == "rtx4090"
    with pytest.raises(CostError, match="h100, a100"):
        assumptions.device("TPU v5")


def test_the_papers_evaluations_are_cheap_and_their_passes_in_bfloat16(prices):
    """100 epochs of 35 GFLOP an image, at 0.4 x 989 TFLOP/s; in float32 they would take 15 times as long.

    Of images that are decoded in time, here because they fit in memory.
    """
    price = prices("h100", "paper", cache_gib=1000)
    works = [work for work in Graph(price.plan).works.values() if work.kind in EVALUATIONS]
    assert sum(price.job(work).device_hours for work in works) < 60
    dino = price.plan.sources["dino"][0]
    (work,) = [work for work in works if work.run == dino and work.role == "imagenet1k" and work.kind == "evaluation"]
    demand = price.sizes.demand(work, "dino")
    assert demand.passes == {"auto": 100 * 1281167, "float32": 1281167 + 50000}
    flops = 35.1e9
    seconds = 100 * 1281167 * flops / (0.4 * 989e12) + (1281167 + 50000) * flops / (0.4 * 67e12)
    assert set(demand.flops) == {"probing", "ranking"}
    expected = seconds + sum(demand.flops.values()) / (0.4 * 67e12)
    assert price.job(work).parts[work.keys[0]] == pytest.approx(expected, rel=0.01)
    need = longest_evaluation(price)
    assert need.job.startswith("references/imagenet1k") and need.gpu and 3 < need.hours < 5


def test_half_precision_is_the_evaluators_wish_and_the_devices(prices):
    gpu, cpu = prices("h100", "paper").rates, prices("cpu-core", "smoke").rates
    plan = prices("h100", "paper").plan
    backbone = next(iter(plan.runs.values())).recipe.backbone
    crop = next(iter(plan.evaluations.values())).settings.features
    for rates, auto in ((gpu, "bfloat16"), (cpu, "float32")):
        assert rates.extraction(backbone, crop, "auto") == rates.extraction(backbone, crop, auto)
    assert gpu.extraction(backbone, crop) == gpu.extraction(backbone, crop, "float32")
    assert gpu.extraction(backbone, crop, "bfloat16") == pytest.approx(989 / 67 * gpu.extraction(backbone, crop))
    assert gpu.work("probing") == 0.4 * 67e12 and gpu.work("eigenvalues") == 8 * 0.05e12
