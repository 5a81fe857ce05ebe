"""What it saves to probe runs side by side on crops that are decoded once (`snakemake together`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from bits.costs.demand import passes_of, workload
from bits.costs.price import Prices
from bits.evaluation import declaration
from bits.plan.passes import SharedPass, passing, run_beside, shared_passes


def saved_together(prices: Prices, files: Collection[Path]) -> float:
    """Seconds of a process that probes spare the evaluations that make `files`, those that exist already excepted."""
    saved = 0.0
    for shared in shared_passes(prices.plan).values():
        wanted = [path for path in shared.files.values() if path in files and not path.is_file()]
        if shared.role in prices.images and len(wanted) > 1:
            saved += _saved(prices, shared, wanted)
    return saved


def _saved(prices: Prices, shared: SharedPass, wanted: Collection[Path]) -> float:
    """Crops are made once, and given to the backbones of all sources."""
    fed = prices.decoding(shared.role, prices.site.jobs.evaluate.cpus)
    saved = 0.0
    for passes in zip(*(list(_passes(prices, shared, path)) for path in wanted), strict=True):
        alone = sum(prices.passing(images, per_second, fed) for images, per_second in passes)
        for_all = 1 / sum(1 / per_second for _, per_second in passes)
        saved += alone - prices.passing(max(images for images, _ in passes), for_all, fed)
    return saved


def _passes(prices: Prices, shared: SharedPass, path: Path) -> Iterator[tuple[float, float]]:
    """(images, images/s on the device) for each pass of one evaluation; all that share have the same ones."""
    identity = next(name for name, file in shared.files.items() if file == path)
    recipe, settings = run_beside(prices.plan, identity).recipe, prices.plan.of_metrics(path).settings
    source = prices.plan.source(identity).name
    load = workload(source, recipe, settings, prices.images[shared.role], prices.counts)
    known, asked = declaration.evaluators(), settings.evaluators()
    costs = [known[name].cost(load, asked[name]) for name in passing(settings)]
    for (precision, _), images in passes_of(costs).items():
        yield images, prices.rates.extraction(recipe.backbone, settings.features, precision)
