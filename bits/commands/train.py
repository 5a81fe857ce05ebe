"""Train one resolved run and write what it leaves: weights, outcome, curve, provenance."""

from __future__ import annotations

import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bits.commands.running import choose_device, dataset_root, extractor_of, objective_of, teacher_student
from bits.data.datasets import open_cached
from bits.data.images import ImageSet
from bits.evaluation.features import extract_all
from bits.evaluation.protocol import retrieval_values
from bits.models.teacher_student import TeacherStudent
from bits.objectives.objective import Objective
from bits.provenance import code_state, digest, file_digest, hardware, now, versions, write_json
from bits.recipe import Recipe, Site, Start
from bits.training.checkpoint import CheckpointError, below, load_strictly, prefixed, read_tensors, write_tensors
from bits.training.interrupt import Interrupted
from bits.training.loop import Pretraining


def train(
    recipe: Recipe,
    site: Site,
    name: str,
    role: str,
    folder: Path,
    start: Path | None = None,
) -> int:
    """Pretrain into `folder`, or go on from the run in `start` when the recipe is a fine-tuning's.

    role: which data set of the paper the recipe's stands for. Returns the exit code: 0, or 128 + signal when
    stopped in a resumable state. Raises BitsError.
    """
    started = now()
    device = choose_device(site)
    root = dataset_root(recipe.dataset, site)
    images, val = (open_cached(recipe.dataset, root, split, site) for split in ("train", "val"))

    def mean_average_precision(backbone: nn.Module) -> float:
        was_training = backbone.training
        extract = extractor_of(backbone, recipe, recipe.curve.features, 1, device)

        def features(split: ImageSet) -> Tensor:
            return extract_all(extract, split, site.feature_batch, site.workers)

        found = retrieval_values(partial(features, images), features(val), images, val, recipe.curve.retrieval)
        backbone.train(was_training)
        return float(found["map"])

    model, objective = teacher_student(recipe), objective_of(recipe)
    if recipe.start is not None:
        load_start(recipe.start, start, model, objective)
    pretraining = Pretraining(recipe, site, model, objective, images, folder, device, mean_average_precision)
    try:
        outcome = pretraining.run()
    except Interrupted as stop:
        print(f"{folder.name}: {stop}", file=sys.stderr)
        return stop.exit_code
    _write_run(recipe, name, role, folder, pretraining, outcome.facts(), started, images, str(device))
    return 0


def load_start(start: Start, folder: Path | None, model: TeacherStudent, objective: Objective) -> None:
    """Put in what a finished pretraining left: both backbones, both heads, the objective's state (DINO's centre).

    The optimiser starts anew. Raises CheckpointError when the files are missing, damaged or of another run.
    """
    if folder is None:
        raise CheckpointError(f"a fine-tuning goes on from {start.run}: say in which folder with --start")
    parts = {part: folder / f"{part}.safetensors" for part in ("student", "teacher", "heads")}
    found = {part: read_tensors(path) for part, path in parts.items()}
    for part, checkpoint in found.items():
        if checkpoint.facts.get("run") != start.digest:
            raise CheckpointError(
                f"{parts[part]}: is of a run with digest {checkpoint.facts.get('run')}, but this fine-tuning goes on "
                f"from {start.run} with digest {start.digest}. Make the plan again: snakemake -n"
            )
    heads = found["heads"].tensors
    for name, branch in (("student", model.student), ("teacher", model.teacher)):
        load_strictly(branch.backbone, found[name].tensors, str(parts[name]))
        load_strictly(branch.head, below(name, heads), str(parts["heads"]))
    load_strictly(objective, below("objective", heads), str(parts["heads"]))


def _write_run(
    recipe: Recipe,
    name: str,
    role: str,
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
        "start": recipe.start.model_dump() if recipe.start else None,
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
        "dataset": role,
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
