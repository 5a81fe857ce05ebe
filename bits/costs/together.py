"""What it saves to probe runs side by side on crops that are decoded once (`snakemake together`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from bits.costs.demand import workload
from bits.costs.price import Prices
from bits.evaluation import declaration
from bits.plan.passes import SharedPass, run_beside, shared_passes


def saved_together(prices: Prices, files: Collection[Path]) -> float:
    """Seconds of a process that probes spare the evaluations that make `files`, those that exist already excepted."""
    saved = 0.0
    for shared in shared_passes(prices.plan).values():
        wanted = [path for path in shared.files.values() if path in files and not path.is_file()]
        if shared.role in prices.images and len(wanted) > 1:
            saved += _saved(prices, shared, wanted)
    return saved


def _saved(prices: Prices, shared: SharedPass, wanted: Collection[Path]) -> float:
    """Evaluators come one after another; each gets its crops once, and gives them to the backbones of all sources."""
    fed = prices.decoding(shared.role, prices.site.jobs.evaluate.cpus)
    saved = 0.0
    for evaluator in zip(*(list(_passes(prices, shared, path)) for path in wanted), strict=True):
        images = evaluator[0][0]  # the settings are the same, so the passes are
        alone = sum(prices.passing(images, per_second, fed) for _, per_second in evaluator)
        for_all = 1 / sum(1 / per_second for _, per_second in evaluator)
        saved += alone - prices.passing(images, for_all, fed)
    return saved


def _passes(prices: Prices, shared: SharedPass, path: Path) -> Iterator[tuple[float, float]]:
    """(images, images/s on the device) for each evaluator of one evaluation."""
    identity = next(name for name, file in shared.files.items() if file == path)
    recipe, settings = run_beside(prices.plan, identity).recipe, prices.plan.of_metrics(path).settings
    source = prices.plan.source(identity).name
    load = workload(source, recipe, settings, prices.images[shared.role], prices.counts)
    asked = settings.evaluators()
    for name in shared.evaluators:
        cost = declaration.evaluators()[name].cost(load, asked[name])
        yield cost.passes, prices.rates.extraction(recipe.backbone, settings.features, cost.precision)
