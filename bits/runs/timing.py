"""Short timed runs of the real work: training steps, feature extraction, probes, ranking."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch

from bits.config.evaluation import CentreCrop
from bits.config.recipe import Dataset, Recipe
from bits.config.site import Site
from bits.data.batch import ImageBatch
from bits.data.images import ImageSet
from bits.data.kind import kind_of
from bits.data.noise import NoiseImages
from bits.data.stream import prefetch
from bits.data.workers import decoding_threads
from bits.evaluation.declaration import Precision, Tokens
from bits.evaluation.probing.batches import shuffled
from bits.evaluation.probing.settings import ProbeSettings
from bits.evaluation.probing.training import train_probe
from bits.evaluation.ranking.cosine import retrieval_map
from bits.evaluation.ranking.neighbours import knn_accuracy
from bits.models.precision import autocast
from bits.runs.build import backbone_of, extractor_of, objective_of, teacher_student
from bits.runs.datasets import open_cached
from bits.training.loop import Pretraining
from bits.training.update import Wants

WARM_UP = 2  # calls that are not timed: memory is allocated, kernels are chosen
SLICES = 8
ROWS, COLUMNS = 512, 4096  # of the similarities that are timed: queries, gallery


def per_second(work: Callable[[], int], seconds: float, slices: int = SLICES) -> float:
    """How many things a second `work` does, after a warm-up.

    work: does some, waits for its device and returns how many. The median over slices of the time, so that a short
    burst of another process's work does not count.
    """
    for _ in range(WARM_UP):
        work()
    speeds = []
    for _ in range(slices):
        done, started, passed = 0, time.monotonic(), 0.0
        while not done or passed < seconds / slices:
            done += work()
            passed = time.monotonic() - started
        speeds.append(done / passed)
    return median(speeds)


def timing_images(dataset: Dataset, root: str, site: Site, count: int, classes: int) -> tuple[ImageSet, str]:
    """(the training split where it is here, or else `count` images of noise; which of the two, in words).

    root: where the data set lies, "" if nowhere.
    """
    if root and Path(root).exists():
        return open_cached(dataset, Path(root), "train", site), f"{dataset.title} ({root})"
    height, width = kind_of(dataset).image_size(dataset)
    return NoiseImages(count, height, width, classes), f"random images of {width} x {height} px"


@dataclass
class TrainingSteps:
    """Takes the real training step again and again, in one process; see `training_steps`.

    taken: steps so far. waited: seconds spent waiting for their images.
    """

    run: Pretraining
    batches: Iterator[ImageBatch]
    taken: int = 0
    waited: float = 0.0

    def __call__(self) -> int:
        """Take a step and wait for the device; returns the number of its images."""
        started = time.monotonic()
        batch = next(self.batches)
        self.waited += time.monotonic() - started
        self.run.update(batch, self.taken % self.run.steps_per_epoch, Wants())  # reads the loss, so it waits
        self.taken += 1
        return self.run.recipe.schedule.batch_size


@contextmanager
def training_steps(recipe: Recipe, site: Site, images: ImageSet, device: torch.device) -> Iterator[TrainingSteps]:
    """The steps of the first epoch, repeated: at its low learning rate nothing diverges."""
    size = recipe.schedule.batch_size

    def no_evaluation(_: object) -> float:
        raise AssertionError("timing evaluates nothing")

    with TemporaryDirectory() as folder:
        model, objective = teacher_student(recipe), objective_of(recipe)
        run = Pretraining(recipe, site, model, objective, images, Path(folder), device, no_evaluation)
        indices = (run.stream.indices(step * size, size) for step in itertools.count())
        with closing(prefetch(images, indices, decoding_threads(site))) as batches:
            yield TrainingSteps(run, batches)


def training_speed(recipe: Recipe, site: Site, images: ImageSet, device: torch.device, seconds: float) -> float:
    """Images/s of the real training step in one process, decoding and augmentation included."""
    with training_steps(recipe, site, images, device) as step:
        return per_second(step, seconds)


def extraction_speed(
    recipe: Recipe,
    crop: CentreCrop,
    tokens: Tokens,
    precision: Precision,
    site: Site,
    images: ImageSet,
    device: torch.device,
    seconds: float,
) -> float:
    """Images/s of feature extraction, decoding included."""
    extract = extractor_of(backbone_of(recipe), recipe, crop, tokens.blocks, device, tokens.average_patches)
    count = min(site.feature_batch, len(images))
    order = (torch.arange(count) for _ in itertools.count())
    with closing(prefetch(images, order, decoding_threads(site))) as batches:

        def work() -> int:
            with autocast(device, precision):
                extract(next(batches)).cpu()
            return count

        return per_second(work, seconds)


def probing_speed(settings: ProbeSettings, width: int, classes: int, device: torch.device, seconds: float) -> float:
    """FLOP/s of training linear heads, one a rate of `settings`, on features that have been extracted."""
    count = 16 * settings.batch_size
    features, labels = torch.randn(count, width), torch.arange(count) % classes
    batches = shuffled(features, labels, settings.batch_size, 0)
    once = settings.model_copy(update={"epochs": 1})

    def work() -> int:
        train_probe(batches, width, classes, features[:1].to(device), labels[:1], once, seed=0)
        return count

    # An image takes logits, and the outer products of the gradient.
    return 4.0 * width * classes * len(settings.rates) * per_second(work, seconds)


def ranking_speed(width: int, device: torch.device, seconds: float) -> float:
    """FLOP/s of ranking by similarity, the search for nearest neighbours and average precision in equal parts."""
    test, train = torch.randn(ROWS, width), torch.randn(COLUMNS, width)
    rows, columns = torch.arange(ROWS) % 20, torch.arange(COLUMNS) % 20

    def work() -> int:
        knn_accuracy(train, columns, test, rows, ks=(20,), temperature=0.07, device=device)
        retrieval_map(test.to(device), train.to(device), rows, columns)
        return 2 * ROWS * COLUMNS

    return 2.0 * width * per_second(work, seconds)


def startup_seconds() -> float:
    """Seconds until a process of this project works, with its files in the page cache."""
    for _ in range(2):
        started = time.monotonic()
        subprocess.run([sys.executable, "-c", "import bits.runs.train, bits.commands.evaluate"], check=True)
    return time.monotonic() - started
