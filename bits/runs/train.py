"""Train one resolved run and write what it leaves: weights, outcome, curve, provenance."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bits.config.objective import TERMS
from bits.config.recipe import Recipe
from bits.config.site import Site
from bits.data.images import ImageSet
from bits.data.workers import decoding_threads
from bits.evaluation.features import extract_all
from bits.evaluation.intervals import Estimate
from bits.evaluation.retrieval import retrieval_values
from bits.plan import resume_folder
from bits.records.code import code_state
from bits.records.digests import file_digest
from bits.records.files import sweep
from bits.records.provenance import command, hardware, now, usage, versions
from bits.records.seal import write_record
from bits.runs.build import choose_device, extractor_of, objective_of, teacher_student
from bits.runs.datasets import dataset_root, open_cached
from bits.training.channel import ChannelMeasure
from bits.training.checkpoint import NotFiniteError, keep_newest, prefixed, write_tensors
from bits.training.interrupt import Interrupted
from bits.training.loop import Pretraining
from bits.training.outcome import Outcome
from bits.training.possession import possession
from bits.training.start import load_start
from bits.training.world import World, join

FAILURE = "failure.json"


def train(recipe: Recipe, site: Site, name: str, role: str, folder: Path, start: Path | None = None) -> int:
    """Pretrain into `folder`, or go on from the run in `start` when the recipe is a fine-tuning's.

    role: which data set of the paper the recipe's stands for. Returns the exit code: 0, or 128 + signal when
    stopped in a resumable state. Under torchrun this is one of several processes, of which the first one evaluates
    and writes. Any other end is an exception, which leaves failure.json.

    The last checkpoint stays, because whoever started this may be gone and the run be asked for again: then it ends at
    once, with the same bits. Who knows that the run is recorded removes it (`possession.let_go`).
    """
    started = now()
    device = choose_device(site)
    world = join(device)
    locked = possession(folder, resume_folder(folder, site.scratch)) if world.first else nullcontext(False)
    with locked as after_another:
        # Also keeps the others from what follows until the first process has the folder.
        if world.broadcast(after_another and (folder / "outcome.json").is_file()):
            print(f"{folder}: another process has just trained this run")
            world.leave()
            return 0
        if world.first:
            (folder / FAILURE).unlink(missing_ok=True)
            sweep(folder)
        world.barrier()  # so that no failure from here on is taken away
        return _train(recipe, site, (name, role, started), folder, start, device, world)


def _train(
    recipe: Recipe,
    site: Site,
    identity: tuple[str, str, str],
    folder: Path,
    start: Path | None,
    device: torch.device,
    world: World,
) -> int:
    pretraining: Pretraining | None = None
    try:
        pretraining = _pretraining(recipe, site, folder, start, device, world)
        outcome = pretraining.run()
        if world.first:
            _write_run(*identity, pretraining, outcome)
    except Interrupted as stop:
        if world.first:
            print(f"{folder.name}: {stop}", file=sys.stderr)
        world.leave()
        return stop.exit_code
    except Exception as error:
        _write_failure(folder, error, pretraining)
        raise
    world.leave()
    return 0


def _pretraining(
    recipe: Recipe, site: Site, folder: Path, start: Path | None, device: torch.device, world: World
) -> Pretraining:
    """The run, ready to go."""
    root = dataset_root(recipe.dataset, site)
    images = open_cached(recipe.dataset, root, "train", site)
    val = open_cached(recipe.dataset, root, "val", site) if world.first else images

    def mean_average_precision(backbone: nn.Module) -> Estimate:
        was_training = backbone.training
        extract = extractor_of(backbone, recipe, recipe.curve.features, 1, device)

        def features(split: ImageSet) -> Tensor:
            found = extract_all(extract, split, site.feature_batch, decoding_threads(site))
            if not bool(found.isfinite().all()):  # of weights that are finite, but beyond all measure
                raise NotFiniteError("features not finite")
            return found.to(device)  # where they are ranked

        found = retrieval_values(partial(features, images), features(val), images, val, recipe.curve.retrieval)
        backbone.train(was_training)
        estimate: Estimate = found["map"]
        return estimate

    model, objective = teacher_student(recipe), objective_of(recipe)
    if recipe.start is not None:
        load_start(recipe.start, start, model, objective)
    resume = resume_folder(folder, site.scratch)
    channel = ChannelMeasure(recipe, val, recipe.curve.channel_images, decoding_threads(site), device)
    return Pretraining(
        recipe, site, model, objective, images, folder, device, mean_average_precision, world, resume, channel
    )


def _write_failure(folder: Path, error: Exception, pretraining: Pretraining | None) -> None:
    """Leave failure.json unless another process did: when one fails, the others only lose their connection.

    A disk that is full must not hide the error itself.
    """
    if (folder / FAILURE).exists():
        return
    step = pretraining.step if pretraining else 0
    epochs = step // pretraining.steps_per_epoch if pretraining else 0
    with suppress(OSError):
        failure = Outcome("failed", f"{type(error).__name__}: {error}", step, epochs)
        write_record(folder / FAILURE, {"run": folder.name, **failure.facts()})


def _write_run(name: str, role: str, started: str, pretraining: Pretraining, outcome: Outcome) -> None:
    recipe, folder, images = pretraining.recipe, pretraining.folder, pretraining.images
    model, objective = pretraining.model, pretraining.objective
    facts = {"run": recipe.digest(), "backbone": recipe.backbone.model_dump(mode="json")}
    heads = {
        **prefixed("student", model.student.head.state_dict()),
        **prefixed("teacher", model.teacher.head.state_dict()),
        **prefixed("objective", objective.state_dict()),
    }
    weights = {
        "heads": heads,
        "student": model.student.backbone.state_dict(),
        "teacher": model.teacher.backbone.state_dict(),
    }
    for part, tensors in weights.items():
        write_tensors(folder / f"{part}.safetensors", tensors, facts)
    provenance = {
        "run": folder.name,
        "digest": facts["run"],
        "seed": recipe.seed,
        "start": recipe.start.model_dump() if recipe.start else None,
        "data": {"name": images.name, "fingerprint": recipe.dataset.fingerprint, "train_images": len(images)},
        "weights": {part: file_digest(folder / f"{part}.safetensors") for part in weights},
        "code": code_state(),
        "versions": versions(),
        "hardware": {**hardware(), "device": device_name(str(pretraining.device))},
        "processes": pretraining.world.size,
        "slurm": slurm_job(os.environ),
        "command": command(),
        "started": started,
        "finished": now(),
        "seconds_spent": round(pretraining.state.seconds, 3),
        "process": usage(),
    }
    write_record(folder / "provenance.json", provenance)
    curve = {
        "source": name,
        "id": folder.name,
        "dataset": role,
        "resolved_dataset": recipe.dataset.name,
        "values": curves(pretraining.curve, pretraining.state.channel),
        "intervals": curve_intervals(pretraining.curve, pretraining.state.intervals),
        "made_from": provenance["weights"],
        "provenance": provenance,
    }
    write_record(folder / "curve.json", curve)
    # The last one: who finds it takes the run for done.
    write_record(folder / "outcome.json", {"run": folder.name, **outcome.facts()})
    keep_newest(pretraining.state.folder, 1)


def curves(points: dict[str, list[float]], channel: list[dict[str, float]]) -> dict[str, dict[str, Any]]:
    """What a run's curve.json holds: over epochs, mAP and what its channel carried; and the latter at the end.

    A value that the run's objective has no use for, such as the entropy of prototypes of one that sends codes, is null.
    """
    measured = channel[-1] if channel else {}
    series = {name: {"x": points["x"], "y": [found[name] for found in channel]} for name in measured}
    terms = [f"term_{name}" for name, term in TERMS.items() if term.couples]
    known = [*terms, *(name for term in TERMS.values() if term.channel for name in term.channel.names)]
    other = dict.fromkeys(name for name in known if name not in measured)
    return {"training": {"map": points, **series, **other}, "channel": {**measured, **other}}


def curve_intervals(points: dict[str, list[float]], kept: Sequence[dict[str, Any] | None]) -> dict[str, Any]:
    """What curve.json holds beside `curves`: the interval of every mAP; nothing unless that of every point is known."""
    known = [one for one in kept if one is not None]
    if not known or len(known) < len(points["x"]):
        return {}
    low, high = ([one[end] for one in known] for end in ("low", "high"))
    return {"training": {"map": {"n": known[0]["n"], "low": low, "high": high}}}


def slurm_job(environment: Mapping[str, str]) -> dict[str, str] | None:
    """Number, nodes and GPUs a node of the Slurm job that this process belongs to; None outside of one."""
    names = {"job": "SLURM_JOB_ID", "nodes": "SLURM_JOB_NODELIST", "gpus": "SLURM_GPUS_ON_NODE"}
    found = {key: environment[name] for key, name in names.items() if name in environment}
    return found if "job" in found else None


def device_name(device: str) -> str:
    """The accelerator's product name, or "cpu"."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else "cpu"
