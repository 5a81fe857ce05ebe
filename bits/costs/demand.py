"""What measuring takes on any machine, from what evaluators declare: passes, work on the CPU, disk and memory."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from bits.config.evaluation import CHANCE_WIDTH, WITHOUT_BACKBONE, EvaluationSettings
from bits.config.imports import BackboneRecipe
from bits.config.recipe import Recipe
from bits.config.section import Section
from bits.costs.assumptions import Images
from bits.costs.counts import Counts
from bits.evaluation import declaration
from bits.evaluation.declaration import Cost, Precision, Tokens, Workload

FLOAT = 4  # bytes: weights, optimizer state and features are float32


@dataclass(frozen=True)
class Demand:
    """Of one source on one data set.

    passes: images that go through the backbone, by precision; none without one. flops: of other work, by kind. disk:
    bytes of features, and of what evaluators keep. memory: bytes of the features that are held, and of what the
    evaluator that needs most holds beside them.
    """

    passes: Mapping[Precision, int]
    flops: Mapping[str, float]
    disk: int
    memory: int


def evaluation_demand(
    source: str, recipe: BackboneRecipe, settings: EvaluationSettings, images: Images, counts: Counts
) -> Demand:
    """Of an evaluation of `source`, a reference or a run with this recipe: features once, then each evaluator."""
    load = workload(source, recipe, settings, images, counts)
    train = declaration.tokens_of(settings, not load.bare, "train")
    return _demand(load, settings.evaluators(), train, declaration.tokens_of(settings, not load.bare))


def curve_demand(recipe: Recipe, images: Images, counts: Counts) -> Demand:
    """Of one point of a training's curve, whose settings stand under the names of their evaluators."""
    curve = recipe.curve
    counted = counts.backbone(recipe.backbone, curve.features.size)
    load = Workload(images.train, images.val, images.classes, counted.width, counted.blocks, bare=False)
    known = declaration.evaluators()
    asked = {name: own for name in known if (own := getattr(curve, name, None)) is not None}
    train = any(known[name].tokens(own, True).train for name, own in asked.items())
    return _demand(load, asked, Tokens(train=train), Tokens(train=train))


def workload(
    source: str, recipe: BackboneRecipe, settings: EvaluationSettings, images: Images, counts: Counts
) -> Workload:
    """The sizes of what is evaluated. Counts FLOPs where they are not known yet, which imports torch."""
    if source in WITHOUT_BACKBONE:
        side = min(settings.features.size, settings.pixels)
        width = CHANCE_WIDTH if source == "chance" else 3 * side**2
        return Workload(images.train, images.val, images.classes, width, blocks=1, bare=True)
    counted = counts.backbone(recipe.backbone, settings.features.size)
    return Workload(images.train, images.val, images.classes, counted.width, counted.blocks, bare=False)


def passes_of(costs: Iterable[Cost]) -> dict[tuple[Precision, Hashable], int]:
    """(precision, what is passed) -> images that the backbone sees again, once for all evaluators that want them."""
    found: dict[tuple[Precision, Hashable], int] = {}
    for number, cost in enumerate(costs):
        key = cost.precision, number if cost.images is None else cost.images
        found[key] = max(found.get(key, 0), cost.passes)
    return {key: images for key, images in found.items() if images}


def _demand(load: Workload, asked: Mapping[str, Section], train: Tokens, val: Tokens) -> Demand:
    """asked: the settings of evaluators by their names. train, val: the tokens that features hold of a split."""
    known = declaration.evaluators()
    costs = [known[name].cost(load, own) for name, own in asked.items()]
    extracted = load.val + (load.train if train.train else 0)
    features = FLOAT * (load.width_of(val) * load.val + (load.width_of(train) * load.train if train.train else 0))
    passes: dict[Precision, int] = {"float32": 0 if load.bare else extracted}  # of centre crops
    for (precision, _), images in passes_of(costs).items():
        passes[precision] = passes.get(precision, 0) + images
    return Demand(
        passes={precision: images for precision, images in passes.items() if images},
        flops={kind: sum(cost.flops.get(kind, 0.0) for cost in costs) for cost in costs for kind in cost.flops},
        disk=features + sum(cost.disk for cost in costs),
        memory=features + max((cost.memory for cost in costs), default=0),
    )
