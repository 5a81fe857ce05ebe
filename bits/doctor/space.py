"""How much disk a plan still needs, from its recipes and what is there already."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bits.config.evaluation import EvaluationSettings
from bits.plan import RESULTS
from bits.records.digests import digest

FLOAT = 4  # bytes: weights, optimiser state and features are float32
BRANCHES = 2  # student and teacher
RESUME_STATES = 4  # student, teacher and AdamW's two moments
GENERATIONS = 3  # two checkpoints are kept, and a third is written before the oldest goes


@dataclass(frozen=True)
class Need:
    """Bytes that will be written below a folder."""

    place: Path
    bytes: int
    what: str


def model_key(recipe: Mapping[str, Any]) -> str:
    """Recipes of the same key have the same network."""
    return digest([recipe["backbone"], recipe["head"]])


def networks(plan: Mapping[str, Any]) -> dict[str, Any]:
    """One recipe for every network of the plan, by `model_key`."""
    return {model_key(run["recipe"]): run["recipe"] for run in plan["runs"].values()}


def needs(
    plan: Mapping[str, Any],
    models: Mapping[str, Mapping[str, int]],
    images: Mapping[str, Mapping[str, int]],
    trainings: int,
    cache: Path,
) -> Iterator[Need]:
    """models: of bits.commands.probe, by key. images: of train and val, by role. trainings: at a time.

    cache: DVC's.
    """
    results = RESULTS / plan["scale"]["name"]
    scratch = Path(plan["site"].get("scratch") or results)
    open_runs = [run for run in plan["runs"].values() if not Path(run["outcome"]).is_file()]
    sizes = sorted((FLOAT * models[model_key(run["recipe"])]["parameters"] for run in open_runs), reverse=True)
    weights = BRANCHES * sum(sizes)
    yield Need(results, weights, f"weights of {len(open_runs)} runs")
    at_once = sizes[:trainings]
    resume = GENERATIONS * RESUME_STATES * sum(at_once)
    yield Need(scratch, resume, f"checkpoints of {len(at_once)} trainings at a time")
    yield Need(results, _features(plan, models, images), "features")
    yield Need(cache, weights, "a copy of the weights, once they are added to DVC")


def _features(
    plan: Mapping[str, Any], models: Mapping[str, Mapping[str, int]], images: Mapping[str, Mapping[str, int]]
) -> int:
    total = 0
    wanted = {path for paths in plan["needs"].values() for path in paths}
    for identity, run in plan["runs"].items():
        model = models[model_key(run["recipe"])]
        for role, path in plan["metrics"][identity].items():
            if role in images and path in wanted and not Path(path).is_file():
                settings = EvaluationSettings.model_validate(plan["evaluations"][Path(path).stem]["evaluation"])
                seen = images[role]["val"] + (images[role]["train"] if settings.sees_training_images() else 0)
                total += seen * (settings.tokens if model["vit"] else 1) * model["width"] * FLOAT
    return total


def at_a_time(plan: Mapping[str, Any], jobs: int | None, gpus: bool, cores: int) -> int:
    """Trainings that run beside each other; jobs: the most that the cluster's profile allows, None on one machine."""
    if jobs is not None:
        return jobs
    site = plan["site"]
    return 1 if gpus else max(math.floor(cores / (max(site["threads"], 1) * site["processes"])), 1)
