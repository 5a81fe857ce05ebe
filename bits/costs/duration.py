"""Which evaluation takes longest: what `bits doctor` compares with the time that a job gets."""

from __future__ import annotations

from bits.config.section import Section
from bits.costs.graph import EVALUATIONS, Graph
from bits.costs.price import Prices


class TimeNeed(Section):
    """job: id of the evaluation, "" where none is left to do. hours: predicted. basis: of the speeds. gpu: whether they
    are a GPU's."""

    job: str = ""
    hours: float = 0.0
    basis: str = ""
    gpu: bool = False


def longest_evaluation(prices: Prices) -> TimeNeed:
    """Of the jobs that have still to be done and whose images can be counted."""
    left = Graph(prices.plan).left({path for files in prices.plan.needs.values() for path in files})
    priced = [prices.job(work) for work in left if work.kind in EVALUATIONS and work.role in prices.images]
    if not priced:
        return TimeNeed()
    longest = max(priced, key=lambda job: job.seconds)
    rates = prices.rates
    return TimeNeed(job=longest.work.id, hours=longest.seconds / 3600, basis=rates.basis, gpu=not rates.cpu)
