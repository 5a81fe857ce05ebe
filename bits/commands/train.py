"""Train one resolved run and write what it leaves: weights, outcome, curve, provenance."""

from __future__ import annotations

import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bits.commands.running import choose_device, dataset_root, extractor_of, objective_of, teacher_student
from bits.data.datasets import open_cached
from bits.data.images import ImageSet
from bits.evaluation.features import extract_all
from bits.evaluation.protocol import retrieval_values
from bits.provenance import code_state, digest, file_digest, hardware, now, versions, write_json
from bits.recipe import Evaluation, Recipe, Site
from bits.training.checkpoint import prefixed, write_tensors
from bits.training.interrupt import Interrupted
from bits.training.loop import Pretraining
from bits.training.outcome import Outcome
from bits.training.world import World, join

FAILURE = "failure.json"


def train(recipe: Recipe, evaluation: Evaluation, site: Site, name: str, folder: Path) -> int:
    """Pretrain into `folder`; returns the exit code (0, or 128 + signal when stopped in a resumable state).

    Under torchrun this is one of several processes, of which the first one evaluates and writes. Any other end is an
    exception, which leaves failure.json.
    """
    started = now()
    device = choose_device(site)
    world = join(device)
    if world.first:
        (folder / FAILURE).unlink(missing_ok=True)
    world.wait()  # so that no failure from here on is taken away
    pretraining: Pretraining | None = None
    try:
        pretraining, images = _pretraining(recipe, evaluation, site, folder, device, world)
        outcome = pretraining.run()
        if world.first:
            _write_run(recipe, name, folder, pretraining, outcome.facts(), started, images, str(device))
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
    recipe: Recipe, evaluation: Evaluation, site: Site, folder: Path, device: torch.device, world: World
) -> tuple[Pretraining, ImageSet]:
    """The run, ready to go, and its training images."""
    root = dataset_root(recipe.dataset, site)
    images = open_cached(recipe.dataset, root, "train", site)
    val = open_cached(recipe.dataset, root, "val", site) if world.first else images
    retrieval = evaluation.retrieval.model_copy(update={"queries_per_class": recipe.curve.queries_per_class})

    def mean_average_precision(backbone: nn.Module) -> float:
        was_training = backbone.training
        extract = extractor_of(backbone, recipe, evaluation.features, 1, device)
        features = extract_all(extract, val, site.feature_batch, site.workers)
        backbone.train(was_training)
        return float(retrieval_values(features, val, retrieval)["map"])

    parts = (teacher_student(recipe), objective_of(recipe), images, folder, device, mean_average_precision, world)
    return Pretraining(recipe, site, *parts), images


def _write_failure(folder: Path, error: Exception, pretraining: Pretraining | None) -> None:
    """Leave failure.json unless another process did: when one fails, the others only lose their connection.

    A disk that is full must not hide the error itself.
    """
    if (folder / FAILURE).exists():
        return
    step = pretraining.step if pretraining else 0
    epochs = step // pretraining.steps_per_epoch if pretraining else 0
    with suppress(OSError):
        write_json(folder / FAILURE, Outcome("failed", f"{type(error).__name__}: {error}", step, epochs).facts())


def _write_run(
    recipe: Recipe,
    name: str,
    folder: Path,
    pretraining: Pretraining,
    outcome: dict[str, Any],
    started: str,
    images: ImageSet,
    device: str,
) -> None:
    model, objective = pretraining.model, pretraining.objective
    facts = {
        "run": digest(recipe.model_dump(mode="json")),
        "backbone": recipe.backbone.model_dump(mode="json"),
    }
    heads = {
        **prefixed("student", model.student.head.state_dict()),
        **prefixed("teacher", model.teacher.head.state_dict()),
        **prefixed("objective", objective.state_dict()),
    }
    write_tensors(folder / "heads.safetensors", heads, facts)
    write_tensors(folder / "student.safetensors", model.student.backbone.state_dict(), facts)
    write_tensors(folder / "teacher.safetensors", model.teacher.backbone.state_dict(), facts)
    write_json(folder / "outcome.json", outcome)
    provenance = {
        "run": folder.name,
        "digest": facts["run"],
        "seed": recipe.seed,
        "data": {"name": images.name, "fingerprint": recipe.dataset.fingerprint, "train_images": len(images)},
        "weights": {"teacher": file_digest(folder / "teacher.safetensors")},
        "code": code_state(),
        "versions": versions(),
        "hardware": {**hardware(), "device": device_name(device)},
        "command": sys.argv,
        "started": started,
        "finished": now(),
    }
    write_json(folder / "provenance.json", provenance)
    curve = {
        "source": name,
        "id": folder.name,
        "dataset": "imagenet1k",
        "resolved_dataset": recipe.dataset.name,
        "values": {"training": {"map": pretraining.curve}},
        "made_from": provenance["weights"],
        "provenance": provenance,
    }
    write_json(folder / "curve.json", curve)
    shutil.rmtree(folder / "resume", ignore_errors=True)


def device_name(device: str) -> str:
    """The accelerator's product name, or "cpu"."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else "cpu"
