"""Train one resolved run and write what it leaves: weights, outcome, curve, provenance."""

from __future__ import annotations

import shutil
import sys
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


def train(recipe: Recipe, evaluation: Evaluation, site: Site, name: str, folder: Path) -> int:
    """Pretrain into `folder`; returns the exit code (0, or 128 + signal when stopped in a resumable state)."""
    started = now()
    device = choose_device(site)
    root = dataset_root(recipe.dataset, site)
    images, val = (open_cached(recipe.dataset, root, split, site) for split in ("train", "val"))
    retrieval = evaluation.retrieval.model_copy(update={"queries_per_class": recipe.curve.queries_per_class})

    def mean_average_precision(backbone: nn.Module) -> float:
        was_training = backbone.training
        extract = extractor_of(backbone, recipe, evaluation.features, 1, device)
        features = extract_all(extract, val, site.feature_batch, site.workers)
        backbone.train(was_training)
        return float(retrieval_values(features, val, retrieval)["map"])

    model = teacher_student(recipe)
    pretraining = Pretraining(recipe, site, model, objective_of(recipe), images, folder, device, mean_average_precision)
    try:
        outcome = pretraining.run()
    except Interrupted as stop:
        print(f"{folder.name}: {stop}", file=sys.stderr)
        return stop.exit_code
    _write_run(recipe, name, folder, pretraining, outcome.facts(), started, images, str(device))
    return 0


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
