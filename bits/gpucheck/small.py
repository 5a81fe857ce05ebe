"""Small trainings on rendered scenes, the same for every part that needs one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from bits.config.compose import Composer, quoted
from bits.config.composed import Composed
from bits.data.images import ImageSet
from bits.evaluation.subject import Subject
from bits.gpucheck.part import Bench
from bits.runs.build import choose_device, objective_of, teacher_student
from bits.runs.datasets import dataset_root, make_dataset, open_cached, open_pair
from bits.runs.source import FeatureSource
from bits.runs.subject import Extraction, SourceOnData
from bits.runs.train import train
from bits.training.loop import Pretraining

METHODS = ("dino", "simdino", "bits-fixed", "bits-reset")
ROLE = "imagenet1k"  # what the scenes stand for
# Few enough to be rendered in seconds, and no videos.
SCENES = "dataset.settings.train=2000", "dataset.settings.val=500", "dataset.settings.videos=0"


def composed(bench: Bench, run: str, *words: str, scale: str = "") -> Composed:
    """A run of a small scale (demo, or smoke where it is to be quick), with its scenes rendered if they are not there.

    words: overrides of the configuration, as key=value.
    """
    scale = scale or ("smoke" if bench.quick else "demo")
    place = quoted(str(bench.scratch / f"scenes-{scale}.safetensors"))
    site = f"site.device={bench.device}", f"site.threads={int(bench.cpu)}", f"site.data.scenes={place}"
    with Composer(scale, [*site, *(SCENES if scale == "demo" else ()), *words]) as composer:
        made = composer.compose(run)[0]
    make_dataset(made.recipe.dataset, dataset_root(made.recipe.dataset, made.site))
    return made


def length(epochs: int) -> tuple[str, ...]:
    """Overrides for a training of so many epochs, evaluated five times; a tenth of it is warm-up."""
    return (
        f"schedule.epochs={epochs}",
        f"optimizer.warmup_epochs={max(epochs // 10, 1)}",
        f"curve.every_epochs={max(epochs // 5, 1)}",
    )


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
