"""What the costs of a scale rest on, in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from bits.costs.calibration import MeasuredRates
from bits.costs.demand import workload
from bits.costs.price import Prices
from bits.costs.rates import FlopRates
from bits.costs.summary import Costs
from bits.costs.units import bytes_text, number_of
from bits.evaluation.declaration import evaluators

MUCH = 64e9  # bytes that a usual machine cannot hold in memory


def notes(prices: Prices, why: str, costs: Costs, unit: str) -> list[str]:
    """A sentence or two each. why: these speeds. unit: GPU or core."""
    return [
        *_method(prices, why, costs, unit),
        *_of_the_device(prices, unit),
        *_of_the_memory(costs),
        *_of_the_data(prices),
    ]


def _method(prices: Prices, why: str, costs: Costs, unit: str) -> Iterator[str]:
    rates = prices.rates
    augmentation = "" if isinstance(rates, MeasuredRates) else "augmentation, "
    yield f"Speeds: {rates.basis} ({why}). {rates.startup:.3g} s to start a process."
    yield (
        f"Columns: values that the paper publishes (a cell counts one, a whole curve one); jobs left to do; "
        f"{unit}-hours made alone, added after the exhibits above it, and so far; disk kept and wall time on "
        f"{number_of(costs.devices, unit)}, made alone."
    )
    yield (
        f"Order: most published values for each {unit}-hour that an exhibit adds; runs are shared. Work that is done "
        "costs nothing."
    )
    yield (
        "Training: the student's forward and backward passes (backward: twice forward) on all views, the teacher's "
        "forward pass on the global ones; mAP of the teacher at the curve's epochs. Evaluation: features in float32, "
        "once; then what each evaluator declares: images that go through the backbone again, on a GPU in bfloat16 "
        "unless it says otherwise; k-NN, retrieval and the heads of probes in float32."
    )
    yield (
        f"Left out: objective, {augmentation}update, work that no evaluator declares; waiting in a queue; failures; "
        "what interrupted runs have done already."
    )


def _of_the_device(prices: Prices, unit: str) -> Iterator[str]:
    rates, assumptions, processes = prices.rates, prices.assumptions, prices.processes
    if isinstance(rates, FlopRates) and not rates.cpu:
        yield (
            f"Other work of evaluators is done on the CPU, on {number_of(rates.threads, 'thread')} (site.threads) at "
            f"{assumptions.host_core_tflops:g} TFLOP/s each."
        )
        yield from _of_the_decoding(prices)
    if isinstance(rates, MeasuredRates) and rates.guessed:
        yield f"Not in the calibration, hence from {rates.model.basis}: {_some(sorted(rates.guessed))}."
    if processes > 1:
        yield (
            f"A training on {number_of(processes, unit)} is assumed to be {assumptions.several_devices:g} x "
            f"{processes} times as fast as on one; its evaluations use one."
        )


def _of_the_decoding(prices: Prices) -> Iterator[str]:
    """Of the data set whose images come slowest."""
    cpus = prices.site.jobs.evaluate.cpus
    fed = min(prices.decoding(role, cpus) for role in prices.images)
    if math.isfinite(fed):
        asked = _images_per_second(prices)
        pace = (
            f"; a probe on augmented images could take {asked:,.0f}, so decoding sets its pace" if asked > fed else ""
        )
        yield (
            f"Decoding: {prices.assumptions.decoded_megapixels:g} million pixels a second on a CPU core, which makes "
            f"{fed:,.0f} images a second in an evaluation on {number_of(cpus, 'core')} (site.jobs.evaluate.cpus){pace}."
        )


def _images_per_second(prices: Prices) -> float:
    """The most that an evaluator passes through a backbone again; 0 where none does."""
    plan, found = prices.plan, [0.0]
    recipe = next(iter(plan.runs.values())).recipe
    for one in plan.evaluations.values():
        if one.role in prices.images:
            load = workload("", recipe, one.settings, prices.images[one.role], prices.counts)
            costs = [evaluators()[name].cost(load, own) for name, own in one.settings.evaluators().items()]
            passing = {cost.precision for cost in costs if cost.passes}
            found += [prices.rates.extraction(recipe.backbone, one.settings.features, each) for each in passing]
    return max(found)


def _of_the_memory(costs: Costs) -> Iterator[str]:
    most = costs.most_memory
    if most.bytes > MUCH:
        yield f"{most.job} holds {bytes_text(most.bytes)} in memory: features, and what an evaluator needs beside them."


def _of_the_data(prices: Prices) -> Iterator[str]:
    assumed = [role for role, images in prices.images.items() if images.assumed]
    if assumed:
        yield f"Image counts as declared in config/counts.yaml, until the data are there: {', '.join(assumed)}."
    missing = prices.plan.missing
    if missing:
        gaps = ", ".join(f"{gap.dataset} ({gap.root or 'no path given'})" for gap in missing)
        yield f"Nothing can start before these data are there: {gaps}."
    for lacking in prices.plan.missing_weights:
        yield f"Nothing can start before the weights of {lacking.run} are there: {lacking.file}."
    for unfit in prices.plan.unfit:
        yield f"Nothing can start: {prices.plan.datasets[unfit.role].name}: {unfit}"
    for remark in prices.plan.remarks:
        yield f"{prices.plan.datasets[remark.role].name}: {remark}"


def _some(words: Sequence[str]) -> str:
    return ", ".join(words[:4]) + (f" and {len(words) - 4} more" if len(words) > 4 else "")
