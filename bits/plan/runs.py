"""Runs: pretrainings and the fine-tunings that start from them, one per seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from bits.config.composed import Composed, Finetuning
from bits.config.frozen import read_section
from bits.config.recipe import Dataset, HeadReset, Recipe, Start
from bits.errors import BitsError
from bits.plan.model import PRETRAINING_ROLE, SHORT, Run
from bits.records.digests import digest

RUNS = "runs"  # in a study's folder: a folder a run, called by its id


def fingerprinted(recipe: Recipe, fingerprint: str | None) -> Recipe:
    """The recipe with the fingerprint of its data filled in, so that other data give another digest."""
    return recipe.model_copy(update={"dataset": recipe.dataset.model_copy(update={"fingerprint": fingerprint})})


def run_id(name: str, recipe: Recipe) -> str:
    """<name>-<eight digits of the recipe's digest>; it changes with every value that can change the weights."""
    return f"{name}-{recipe.digest()[:SHORT]}"


def seeds_of(line: Mapping[str, Any], composed: Composed) -> tuple[int, ...]:
    """A run's seeds: `seeds` of its line in runs.yaml, else the shared `seeds`, else the one `seed`."""
    return tuple(line.get("seeds") or composed.seeds or (composed.recipe.seed,))


def finetuned(name: str, pretraining: Recipe, target: Dataset, settings: Finetuning) -> Recipe:
    """The recipe of a fine-tuning of run `name` on `target`: the pretraining's, with a shorter schedule.

    A run with head resets gets one reset, at the start (Table 8), unless the settings say otherwise. The schedules span
    the fine-tuning exactly, even if the pretraining has a longer horizon.
    """
    optimizer, schedule, reset = pretraining.optimizer, pretraining.schedule, pretraining.head_reset
    end = settings.min_learning_rate
    changed = {
        "start": Start(run=name, digest=pretraining.digest()),
        "dataset": target,
        "schedule": schedule.model_copy(update={"epochs": settings.epochs, "horizon_epochs": None}),
        "optimizer": optimizer.model_copy(
            update={
                "warmup_epochs": settings.warmup_epochs,
                "learning_rate": settings.learning_rate or optimizer.learning_rate,
                "min_learning_rate": optimizer.min_learning_rate if end is None else end,
            }
        ),
        "head": pretraining.head.model_copy(update={"freeze_prototypes_epochs": settings.freeze_prototypes_epochs}),
        "head_reset": HeadReset(
            every_epochs=None,
            at_start=settings.reset and reset.every_epochs is not None,
            clear_optimizer=reset.clear_optimizer,
        ),
        "curve": settings.curve,
    }
    return pretraining.model_copy(update=changed)


def frozen_run(name: str, role: str, recipe: Recipe) -> dict[str, Any]:
    """The content of a run's config.yaml. The digest reveals edits; titles, which may change, are left out."""
    values = recipe.model_dump(mode="json", exclude={"dataset": {"title"}})
    return {"name": name, "role": role, "digest": recipe.digest(), "recipe": values}


def read_frozen_run(path: Path) -> tuple[str, str, Recipe]:
    """(name, role, recipe) of a run's config.yaml; raises BitsError when it was edited, or is another run's."""
    recipe: Recipe = read_section(path, Recipe, "recipe")
    facts = yaml.safe_load(path.read_text(encoding="utf-8"))
    if recipe.digest() != facts.get("digest"):
        raise BitsError(
            f"{path}: was changed by hand: its recipe has the digest {recipe.digest()}, expected "
            f"{facts.get('digest')}. Remove it (the next snakemake call writes it anew) and change config/ instead."
        )
    folder, identity = path.absolute().parent, run_id(facts["name"], recipe)
    if folder.parent.name == RUNS and folder.name != identity:
        raise BitsError(
            f"{path}: is the configuration of {identity}, in the folder of another run. Remove it; the next snakemake "
            "call writes that of this one."
        )
    return facts["name"], facts["role"], recipe


def resume_folder(run: Path, scratch: str | None) -> Path:
    """The folder of the checkpoints of a run in progress, given the run's folder and the site's scratch.

    Checkouts that share a scratch have a folder each: its name holds a digest of the run's absolute path.
    """
    return Path(scratch) / f"{run.name}-{digest(str(run.absolute()))[:SHORT]}" if scratch else run / "resume"


def planned_run(
    name: str, recipe: Recipe, role: str, folder: Path, scratch: str | None, start: str | None = None
) -> Run:
    """A run with its files below `folder`. start: id of the run that it starts from."""
    identity = run_id(name, recipe)
    place = folder / RUNS / identity
    return Run(
        name=name,
        id=identity,
        seed=recipe.seed,
        role=role,
        start=start,
        folder=place,
        resume=resume_folder(place, scratch),
        recipe=recipe,
    )


def pretrainings(
    composed: Mapping[str, Composed], lines: Mapping[str, Mapping[str, Any]], fingerprint: str | None, folder: Path
) -> Iterator[Run]:
    """Every declared pretraining, once per seed."""
    for name, run in composed.items():
        for seed in seeds_of(lines[name], run):
            recipe = fingerprinted(run.recipe, fingerprint).model_copy(update={"seed": seed})
            yield planned_run(name, recipe, PRETRAINING_ROLE, folder, run.site.scratch)


def finetuning(source: Run, role: str, target: Dataset, shared: Composed, folder: Path) -> Run:
    """The fine-tuning of a pretraining on the data set with this role. shared: any composed run."""
    recipe = finetuned(source.name, source.recipe, target, shared.finetuning)
    return planned_run(f"{source.name}-on-{role}", recipe, role, folder, shared.site.scratch, start=source.id)
