"""Small trainings on rendered scenes, the same for every part that needs one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from bits.config.composed import Composed
from bits.data.images import ImageSet
from bits.evaluation.subject import Subject
from bits.gpucheck.methods import Changes, changed, methods_of
from bits.gpucheck.part import Bench
from bits.runs.build import choose_device, objective_of, teacher_student
from bits.runs.datasets import dataset_root, make_dataset, open_cached, open_pair
from bits.runs.source import FeatureSource
from bits.runs.subject import Extraction, SourceOnData
from bits.runs.train import train
from bits.training.loop import Pretraining

QUICK = 3  # epochs of one step at scale smoke
ROLE = "imagenet1k"  # what the scenes stand for


def composed(bench: Bench, run: str, *changes: Changes, scale: str = "") -> Composed:
    """A run of a small scale (demo, or smoke where it is to be quick), with its scenes rendered if they are not there.

    changes: of its values, see `changed`.
    """
    scale = scale or bench.scale
    scenes = str(bench.scratch / f"scenes-{scale}.safetensors")
    made = changed(methods_of(scale)[run], {"site": {**bench.site, "data": {"scenes": scenes}}}, *changes)
    make_dataset(made.recipe.dataset, dataset_root(made.recipe.dataset, made.site))
    return made


def length(epochs: int, evaluations: int = 1) -> Changes:
    """A training of so many epochs, evaluated so often after its start; a tenth is warm-up."""
    return {
        "recipe": {
            "schedule": {"epochs": epochs},
            "optimizer": {"warmup_epochs": max(epochs // 10, 1)},
            "curve": {"every_epochs": max(epochs // evaluations, 1)},
        }
    }


def pretraining(made: Composed, folder: Path, images: Callable[[ImageSet], ImageSet] = lambda own: own) -> Pretraining:
    """The run, ready to go, evaluated by nothing. images: what to train on, given the run's own."""
    recipe, site = made.recipe, made.site
    own = open_cached(recipe.dataset, dataset_root(recipe.dataset, site), "train", site)
    model, objective = teacher_student(recipe), objective_of(recipe)

    def unmeasured(_: nn.Module) -> float:
        return 0.0

    return Pretraining(recipe, site, model, objective, images(own), folder, choose_device(site), unmeasured)


def trained(made: Composed, run: str, folder: Path) -> None:
    """Train as `bits pretrain` does, all records included. Raises RuntimeError when stopped by a signal."""
    code = train(made.recipe, made.site, run, ROLE, folder)
    if code:
        raise RuntimeError(f"the training of {run} was stopped with exit code {code}")


def subject(made: Composed, folder: Path, source: str, device: torch.device, store: Path) -> Subject:
    """A trained run or a reference on its scenes, as evaluators see it. store: folder for its features."""
    dataset, site, settings = made.recipe.dataset, made.site, made.evaluation
    train_set, val_set = open_pair(dataset, dataset_root(dataset, site), site)
    made_from = FeatureSource.of(source, folder, made.recipe, settings, device)
    return SourceOnData(made_from, Extraction(store, ROLE, dataset, settings, site, device), train_set, val_set)
