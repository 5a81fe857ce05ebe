"""Plans of a few small runs, for tests of what is done with their files."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from bits.config.compose import Composer
from bits.config.composed import Composed
from bits.config.imports import ImportLine, import_recipe
from bits.config.recipe import Dataset
from bits.plan import Request, write_plan
from bits.plan.imports import missing_weights, planned_import
from bits.plan.make import PROJECT
from bits.plan.model import PRETRAINING_ROLE, TRAINING, Evaluation, Plan, Reference, Run, Scale
from bits.plan.sources import Import
from bits.records.digests import file_digest
from bits.records.seal import write_record

THEIRS = ImportLine(weights="theirs.pth", backbone="vit-convstem-nano")


@cache
def composed() -> Composed:
    """A run of scale smoke, whose recipe and settings stand for those of any run."""
    with Composer("smoke") as composer:
        return composer.compose("bits-fixed")[0]


def planned_run(scale: str, name: str, identity: str, seed: int = 0) -> Run:
    folder = Path("results", scale, "runs", identity)
    return Run(
        name=name,
        id=identity,
        seed=seed,
        role=PRETRAINING_ROLE,
        start=None,
        folder=folder,
        resume=folder / "resume",
        recipe=composed().recipe,
    )


def reference(name: str, identity: str, run: str) -> Reference:
    return Reference(name=name, id=identity, seed=0, label=name, run=run)


def evaluation(name: str, dataset: Dataset) -> Evaluation:
    """An evaluation called <role>-<id>."""
    role, _, identity = name.rpartition("-")
    return Evaluation(name=name, id=identity, role=role, dataset=dataset, settings=composed().evaluation)


def plan_of(name: str, *runs: Run, **parts: Any) -> Plan:
    """A plan of these runs, whose curves are their only metrics; parts: what else it says."""
    sources: dict[str, list[str]] = {}
    for run in runs:
        sources.setdefault(run.name, []).append(run.id)
    basis: dict[str, Any] = {
        "study": name,
        "scale": Scale(name=name, title="minutes", reproduction=False, stamp="TINY SCALE - no reproduction"),
        "project": PROJECT,
        "overrides": (),
        "changed": (),
        "roots": {},
        "elsewhere": (),
        "site": composed().site,
        "datasets": {},
        "runs": {run.id: run for run in runs},
        "references": {},
        "sources": sources,
        "evaluations": {},
        "metrics": {run.id: {TRAINING: run.curve} for run in runs},
        "reference_jobs": (),
        "needs": {},
        "left_out": {},
        "missing": (),
        "formats": {},
        "pending": {},
        "shown": {},
        "choices": (),
        "digest": "0" * 64,
    }
    return Plan(**{**basis, **parts})


def with_an_import(weights: str | None) -> tuple[Plan, Import]:
    """A plan of a run and an import, which is measured."""
    recipe = import_recipe(THEIRS, composed(), weights, Request().config_dir)
    one = planned_import("theirs", THEIRS, recipe, Path("results/demo"))
    run, asked = planned_run("demo", "dino", "dino-12345678"), evaluation("imagenet1k-1", composed().recipe.dataset)
    plan = plan_of(
        "demo",
        run,
        imports={one.id: one},
        sources={"dino": [run.id], "theirs": [one.id]},
        metrics={run.id: {}, one.id: {"imagenet1k": Path(f"results/demo/metrics/{one.id}/imagenet1k-1.json")}},
        evaluations={asked.name: asked},
        roots={"imagenet1k": "data/scenes"},
        missing_weights=missing_weights([one]),
    )
    return plan, one


def imported() -> tuple[Plan, Import]:
    """The same with what the import leaves in the working directory."""
    _, one = with_an_import("0" * 64)
    one.weights.parent.mkdir(parents=True)
    one.weights.write_bytes(b"backbone")
    write_record(one.provenance, {"id": one.id, "weights": {"backbone": file_digest(one.weights)}})
    plan, one = with_an_import("0" * 64)
    write_plan(plan)
    return plan, one
