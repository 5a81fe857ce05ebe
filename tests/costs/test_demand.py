"""What evaluators and kinds of data set declare is what they cost; none is known by its name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bits.config.declared import CONFIG_DIR
from bits.config.evaluation import CHANCE_WIDTH, EvaluationSettings
from bits.config.section import Positive, Section
from bits.costs.demand import curve_demand, evaluation_demand, passes_of
from bits.costs.graph import Graph
from bits.costs.memory import MemoryNeed, memory_left, most_memory
from bits.costs.report import report
from bits.costs.sizes import Footprint
from bits.data import kind
from bits.evaluation import declaration
from bits.evaluation.declaration import Cost, Evaluator, Tokens, Workload, evaluators, tokens_of
from bits.exhibits import load_declarations


class Counting(Section):
    """Settings of an evaluator that is in no file."""

    passes: Positive
    blocks: Positive


def counting_cost(load: Workload, settings: Counting) -> Cost:
    return Cost(
        passes=0 if load.bare else settings.passes * load.val,
        flops={"counting": 1e9 * load.classes, "ranking": 5e8},
        memory=10**9 * load.train,
        disk=10**5,
    )


COUNTING = Evaluator(
    name="counting",
    settings=Counting,
    needs=("features", "images"),
    metrics={},
    measure=lambda subject, settings: {},
    cost=counting_cost,
    tokens=lambda settings, backbone: Tokens(settings.blocks, average_patches=True, train=True),
)


class WithCounting(EvaluationSettings):
    """The sections of an evaluation, and one more."""

    counting: Counting

    def evaluators(self) -> dict[str, Section]:
        return super().evaluators() | {"counting": self.counting}


@pytest.fixture
def plain(prices):
    """Prices at smoke, by FLOPs."""
    return prices("cpu-core", "smoke")


@pytest.fixture
def planted(plain, monkeypatch):
    """The same when every evaluation counts, too."""
    monkeypatch.setattr(declaration, "evaluators", lambda: evaluators() | {"counting": COUNTING})
    counting = Counting(passes=3, blocks=2)
    evaluations = {
        name: one.model_copy(update={"settings": WithCounting(**dict(one.settings), counting=counting)})
        for name, one in plain.plan.evaluations.items()
    }
    return replace(plain, plan=plain.plan.model_copy(update={"evaluations": evaluations}))


def first(prices, kind):
    return next(work for work in Graph(prices.plan).works.values() if work.kind == kind)


def test_a_planted_evaluator_is_costed_by_what_it_declares(plain, planted):
    work = first(planted, "evaluation")
    (source,), images, recipe = work.sources, planted.images[work.role], planted.plan.runs[work.run].recipe
    before, after = (one.plan.evaluations[work.evaluation].settings for one in (plain, planted))
    backbone = planted.counts.backbone(recipe.backbone, after.features.size)
    old, new = (one.sizes.demand(work, source) for one in (plain, planted))
    tokens = tokens_of(after, backbone=True)
    assert tokens.blocks >= 2 and tokens.average_patches and tokens.train
    both = images.train + images.val
    features = 4 * backbone.width * min(tokens.blocks + 1, backbone.blocks) * both
    assert (new.disk, new.memory) == (features + 10**5, features + 10**9 * images.train)
    extracted = both if tokens_of(before, backbone=True).train else images.val
    assert new.passes["float32"] - (old.passes["float32"] - extracted) == both + 3 * images.val
    more = {"counting": 1e9 * images.classes, "ranking": old.flops.get("ranking", 0) + 5e8}
    assert new.flops == {**old.flops, **more}
    slower = planted.job(work).seconds - plain.job(work).seconds
    rates = plain.rates
    passes = (new.passes["float32"] - old.passes["float32"]) / rates.extraction(recipe.backbone, after.features)
    assert slower == pytest.approx(passes + (1e9 * images.classes + 5e8) / rates.work("counting"))
    written = planted.job(work).footprint
    assert (written.kept, written.memory) == (new.disk, new.memory)


def test_references_without_a_backbone_pass_nothing_through_one(planted):
    work = first(planted, "references")
    assert {"chance", "pixels"} < set(work.sources)
    images, settings = planted.images[work.role], planted.plan.evaluations[work.evaluation].settings
    demands = {source: planted.sizes.demand(work, source) for source in work.sources}
    both = images.train + images.val
    side = min(settings.pixels, settings.features.size)
    for source, width in (("chance", CHANCE_WIDTH), ("pixels", 3 * side**2)):
        assert (demands[source].passes, demands[source].disk) == ({}, 4 * width * both + 10**5)
    assert demands["random-init"].passes["float32"] >= both + 3 * images.val
    written = planted.job(work).footprint
    assert written.kept == sum(one.disk for one in demands.values())
    assert written.memory == max(one.memory for one in demands.values()), "one source after another"


def test_a_point_of_a_curve_costs_what_its_evaluator_declares(plain):
    run = next(iter(plain.plan.runs.values()))
    recipe, images = run.recipe, plain.images[run.role]
    width = plain.counts.backbone(recipe.backbone, recipe.curve.features.size).width

    def demand(protocol):
        ranked = recipe.curve.retrieval.model_copy(update={"protocol": protocol})
        curve = recipe.curve.model_copy(update={"retrieval": ranked})
        return curve_demand(recipe.model_copy(update={"curve": curve}), images, plain.counts)

    test, train = demand("each-against-all"), demand("val-against-train")
    assert (test.passes, train.passes) == ({"float32": images.val}, {"float32": images.val + images.train})
    assert test.flops == {"ranking": 2.0 * width * images.val**2}
    assert train.flops == {"ranking": 2.0 * width * images.val * images.train}


def test_nothing_is_asked_of_a_source_without_evaluators(plain):
    work = first(plain, "evaluation")
    recipe, settings = plain.plan.runs[work.run].recipe, plain.plan.evaluations[work.evaluation].settings
    images = plain.images[work.role]
    demand = evaluation_demand("chance", recipe, settings.only(()), images, plain.counts)
    assert (demand.passes, demand.flops) == ({}, {})
    assert demand.disk == demand.memory == 4 * CHANCE_WIDTH * images.val


def test_the_evaluation_that_holds_most_is_noted(plain, planted):
    assert most_memory({}) == most_memory({"train": Footprint("pretraining", kept=5)}) == MemoryNeed()
    small, most = memory_left(plain.sizes), memory_left(planted.sizes)
    assert 0 < small.bytes < most.bytes
    images = max(images.train for images in planted.images.values())
    assert most.bytes > 10**9 * images, "of the largest data set"
    declared = load_declarations(CONFIG_DIR, shown=plain.plan.shown)
    quiet, noted = (report(one, "", declared, 2) for one in (plain, planted))
    assert noted.costs.most_memory == most
    said = [note for note in noted.notes() if "in memory" in note]
    assert len(said) == 1 and said[0].startswith(most.job)
    assert not any("in memory" in note for note in quiet.notes())


def test_a_kind_of_data_set_that_can_be_made_is_a_job(prices, monkeypatch):
    made = kind.dataset_kinds()["images"]
    before = prices("h100", "paper")
    assert not any(work.kind == "data" for work in Graph(before.plan).works.values())
    made = replace(
        made,
        prepare=lambda dataset, place, progress: None,
        sizes=lambda dataset, root: kind.Sizes(11, 5, 3),
        image_size=lambda dataset: (96, 48),
        bytes_made=lambda dataset: 12345,
        frames_made=lambda dataset: 100,
    )
    kinds = dict.fromkeys(kind.dataset_kinds(), made)
    monkeypatch.setattr(kind, "dataset_kinds", lambda: kinds)
    after = prices("h100", "paper")
    assert {(one.train, one.val, one.classes, one.assumed) for one in after.images.values()} == {(11, 5, 3, False)}
    job = after.job(first(after, "data"))
    assert job.footprint.kept == 12345
    assert job.seconds == pytest.approx(100 * 2 * after.assumptions.scene_seconds)


def test_evaluators_that_read_the_same_images_share_their_passes() -> None:
    linear, mlp = (Cost(passes=count, precision="bfloat16", images=("crops", 256)) for count in (300, 500))
    others = [Cost(passes=7, precision="bfloat16"), Cost(passes=7, precision="bfloat16"), Cost(images="none")]
    found = passes_of([linear, *others, mlp])
    assert sorted(found.values()) == [7, 7, 500], "the longer of the two that share; all others by themselves"
    assert found["bfloat16", ("crops", 256)] == 500
    assert passes_of([linear, Cost(passes=9, images=linear.images)]).keys() == {
        ("bfloat16", linear.images),
        ("float32", linear.images),
    }
