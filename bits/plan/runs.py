"""Runs: pretrainings and the fine-tunings that go on from them, one a seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bits.config.composed import Composed, Finetuning
from bits.config.recipe import Dataset, HeadReset, Recipe, Start
from bits.plan.model import PRETRAINING_ROLE, SHORT, Run


def fingerprinted(recipe: Recipe, fingerprint: str | None) -> Recipe:
    """The recipe with the identity of its data filled in, so that other data make another digest."""
    return recipe.model_copy(update={"dataset": recipe.dataset.model_copy(update={"fingerprint": fingerprint})})


def run_id(name: str, recipe: Recipe) -> str:
    """`name-` and eight digits of the recipe's digest: another value that can change a weight, another name."""
    return f"{name}-{recipe.digest()[:SHORT]}"


def seeds_of(line: Mapping[str, Any], composed: Composed) -> tuple[int, ...]:
    """A run's seeds: its own line's, else everybody's, else the one `seed`."""
    return tuple(line.get("seeds") or composed.seeds or (composed.recipe.seed,))


def finetuned(name: str, pretraining: Recipe, target: Dataset, settings: Finetuning) -> Recipe:
    """The recipe of a fine-tuning of run `name` on `target`: what the run was, with a shorter schedule.

    A run with head resets gets one, at the start (Table 8), unless the settings say otherwise. Its schedules end with
    it, whatever the pretraining's were laid out for.
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
    """What a run's config.yaml holds; the digest gives away who edits it. Without titles, which may change."""
    values = recipe.model_dump(mode="json", exclude={"dataset": {"title"}})
    return {"name": name, "role": role, "digest": recipe.digest(), "recipe": values}


def resume_folder(run: Path, scratch: str | None) -> Path:
    """Where the checkpoints of a run in progress lie, given its folder and the site's scratch."""
    return Path(scratch) / run.name if scratch else run / "resume"


def planned_run(
    name: str, recipe: Recipe, role: str, folder: Path, scratch: str | None, start: str | None = None
) -> Run:
    """A run with its files below `folder`; start: the id of the run that it goes on from."""
    identity = run_id(name, recipe)
    place = folder / "runs" / identity
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
    """Every declared pretraining, once a seed."""
    for name, run in composed.items():
        for seed in seeds_of(lines[name], run):
            recipe = fingerprinted(run.recipe, fingerprint).model_copy(update={"seed": seed})
            yield planned_run(name, recipe, PRETRAINING_ROLE, folder, run.site.scratch)


def finetuning(source: Run, role: str, target: Dataset, shared: Composed, folder: Path) -> Run:
    """The fine-tuning of a pretraining on the data set that plays `role`; shared: any composed run."""
    recipe = finetuned(source.name, source.recipe, target, shared.finetuning)
    return planned_run(f"{source.name}-on-{role}", recipe, role, folder, shared.site.scratch, start=source.id)
