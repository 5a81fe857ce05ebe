"""What a reader must know before any number: stand-in data, tuning, runs that are not live or below a random start."""

from __future__ import annotations

from bits.exhibits import Declarations, Measure
from bits.plan.data import is_own
from bits.plan.model import Run
from bits.reporting.results import Results
from bits.reporting.seeds import Seeds

RANDOM_START = "random-init"
BELOW = ("imagenet1k.retrieval.map", "imagenet1k.knn.top1_k20")  # what a random start is compared by


def read_this_first(declared: Declarations, results: Results) -> list[str]:
    """Sentences; empty when there is nothing of that kind."""
    found = [_stand_ins(results), _tuned(results), _not_live(results)]
    found += [_below(declared.measures[name], results) for name in BELOW if name in declared.measures]
    return [sentence for sentence in found if sentence]


def _stand_ins(results: Results) -> str:
    """The rendered data sets that play the roles of the paper's."""
    sets = results.plan.datasets.items()
    roles = {role: dataset for role, dataset in sets if dataset.name != role and not is_own(role, dataset)}
    if not roles:
        return ""
    said = "; ".join(f"{dataset.title or dataset.name} for {role}" for role, dataset in roles.items())
    return f"Other data stand in for the paper's: {said}."


def _tuned(results: Results) -> str:
    """What was tuned for single methods, so that they differ in more than the paper's methods do."""
    tuned = {method: keys for method, keys in results.plan.tuned.items() if keys}
    if not tuned:
        return ""
    said = "; ".join(
        f"{method}: {', '.join(f'{key} = {value}' for key, value in keys.items())}" for method, keys in tuned.items()
    )
    return f"Besides what the scale sets for all, single methods were tuned for it: {said}."


def _not_live(results: Results) -> str:
    runs = results.plan.runs.values()
    ended = [(run, ending) for run in runs if (ending := results.ending(run.id)) and ending.word != "failed"]
    dead = [(run, ending.dead) for run, ending in ended if ending.dead]
    if not dead:
        return ""
    why = dict.fromkeys(reason for _, reason in dead)
    lists = "; ".join(f"{reason}: {_names([run for run, own in dead if own == reason], results)}" for reason in why)
    return f"{len(dead)} of {len(ended)} runs that have ended are not live, and their numbers bear a mark. {lists}."


def _below(measure: Measure, results: Results) -> str:
    """The pretrainings whose mean is below that of their random start."""
    start = _mean(RANDOM_START, measure, results)
    names = dict.fromkeys(run.name for run in results.plan.runs.values() if run.kind == "pretraining")
    means = {name: value for name in names if (value := _mean(name, measure, results)) is not None}
    below = [name for name, value in means.items() if start is not None and value < start]
    if not below:
        return ""
    where = f"{measure.label} of a random start ({start:.{measure.decimals}f})"
    return f"{len(below)} of {len(means)} pretrainings are below the {where}: {', '.join(below)}."


def _mean(source: str, measure: Measure, results: Results) -> float | None:
    if source not in results.plan.sources:
        return None
    return Seeds(tuple(one for one in results.readings(source, measure) if one.value is not None)).mean


def _names(runs: list[Run], results: Results) -> str:
    """Names of runs, with their seeds where a run has several."""
    several = {run.name for run in runs if len(results.plan.sources[run.name]) > 1}
    return ", ".join(f"{run.name} (seed {run.seed})" if run.name in several else run.name for run in runs)
