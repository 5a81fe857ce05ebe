"""Evaluate backbones on one data set: everything that the exhibits need of it, in one process.

    python -m bits.commands.evaluate --run results/demo/runs/<id>/config.yaml \\
        --evaluation results/demo/evaluations/imagenet1k-<id>.yaml --site results/demo/sites/<digest>.yaml \\
        --job bits-reset=results/demo/metrics/<id>/imagenet1k-<id>.json

A job is SOURCE=OUTPUT. A source is a run (its teacher or student beside --run is loaded) or a reference that a trained
backbone must beat: random-init (the run's backbone before any step), pixels, chance (random features).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn

from bits.analysis.variance import variance_spectrum
from bits.commands.guard import guarded, read_section, read_site
from bits.config.evaluation import CHANCE_WIDTH, EvaluationSettings
from bits.config.recipe import Dataset, Recipe
from bits.data.images import ImageSet
from bits.data.stream import IndexStream, prefetch
from bits.errors import BitsError
from bits.evaluation.features import (
    Extract,
    FeatureStore,
    extract_all,
    noise_extractor,
    pixel_extractor,
)
from bits.evaluation.protocol import knn_values, linear_values, retrieval_values
from bits.models.backbone import is_vit, last_blocks, width
from bits.records.code import ROOT, code_digest, code_state, imported_files
from bits.records.provenance import command, hardware, now, usage, versions
from bits.records.seal import read_record, write_record
from bits.runs.build import backbone_of, choose_device, dataset_root, extractor_of
from bits.runs.datasets import open_pair
from bits.training.checkpoint import load_strictly
from bits.training.published import published_weights
from bits.training.views import seeded, step_views
from bits.views.views import ViewSpec

REFERENCES = ("random-init", "pixels", "chance")


class Evaluator:
    """One data set, opened once, and any number of sources to evaluate on it."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.recipe: Recipe = read_section(arguments.run, Recipe, "recipe")
        self.evaluation: EvaluationSettings = read_section(arguments.evaluation, EvaluationSettings, "settings")
        self.dataset: Dataset = read_section(arguments.evaluation, Dataset, "dataset")
        frozen = yaml.safe_load(arguments.evaluation.read_text())
        self.role: str = frozen["role"]
        self.evaluation_id: str = frozen["id"]
        self.site = read_site(arguments.site, arguments.threads)
        self.device = choose_device(self.site)
        self.train, self.val = open_pair(self.dataset, dataset_root(self.dataset, self.site), self.site)

    def run(self, source: str, output: Path) -> None:
        """Evaluate a source and write its metrics file."""
        started, since = now(), time.monotonic()
        origin, backbone = self._origin(source)
        features = self._features(source, origin, backbone, output)
        values: dict[str, Any] = {}  # of a run that diverged to weights with which nothing can be measured
        if not self._diverged_beyond_measure(source, features):
            values = self._values(features, backbone)
        write_record(
            output,
            {
                "source": source,
                "id": output.parent.name,
                "dataset": self.role,
                "evaluation": self.evaluation_id,
                "resolved_dataset": self.dataset.name,
                "values": values,
                "made_from": origin,
                "provenance": {
                    "code": code_state(),
                    "versions": versions(),
                    "hardware": {**hardware(), "device": str(self.device)},
                    "images": {"train": len(self.train), "val": len(self.val)},
                    "folders": {"train": self.train.folder, "val": self.val.folder},
                    "command": command(),
                    "started": started,
                    "finished": now(),
                    "seconds_spent": round(time.monotonic() - since, 3),
                    "process": usage(),
                },
            },
        )
        print(f"{source}: {output}")

    def _diverged_beyond_measure(self, source: str, features: dict[str, Tensor]) -> bool:
        """Whether features are not finite and the run says that it diverged; of any other run they are an error."""
        outcome = self.arguments.run.parent / "outcome.json"
        if source in REFERENCES or all(bool(rows.isfinite().all()) for rows in features.values()):
            return False
        return outcome.is_file() and bool(read_record(outcome, "how a run ended")["outcome"] == "diverged")

    def _origin(self, source: str) -> tuple[dict[str, Any], nn.Module | None]:
        """What the features are made from, and the backbone that makes them, if one does, ready for use."""
        if source in ("pixels", "chance"):
            return {"reference": source}, None
        # Even where all features are cached: a probe on augmented images goes through it again.
        backbone = backbone_of(self.recipe).to(self.device).eval()
        if source == "random-init":
            return {"reference": source, "backbone": self.recipe.backbone.model_dump(mode="json")}, backbone
        weights = self.arguments.run.parent / f"{self.evaluation.features.model}.safetensors"
        checkpoint, found = published_weights(weights, self.recipe.digest())
        load_strictly(backbone, checkpoint.tensors, str(weights))
        return {"weights": found, "file": str(weights)}, backbone

    def _features(
        self, source: str, origin: dict[str, Any], backbone: nn.Module | None, output: Path
    ) -> dict[str, Tensor]:
        settings = self.evaluation.features.model_dump()
        made_from = {name: value for name, value in origin.items() if name != "file"}  # the same weights elsewhere
        key = [
            _code_of_features(),
            made_from,
            self.dataset.model_dump(mode="json"),
            settings,
            self.evaluation.pixels,
            self._tokens(backbone),
        ]
        store = FeatureStore(output.parents[2] / "features" / output.parent.name, key)

        def features(images: ImageSet) -> Tensor:
            def make() -> Tensor:
                extract = self._extractor(source, backbone, images.split)
                return extract_all(extract, images, self.site.feature_batch, self.site.workers)

            return store.get(f"{self.role}-{images.split}", images, make)

        seen = self.evaluation.sees_training_images(backbone is not None)
        return {images.split: features(images) for images in ((self.train, self.val) if seen else (self.val,))}

    def _tokens(self, backbone: nn.Module | None) -> tuple[int, bool]:
        """Class tokens of how many blocks the features are, and whether the patches' average comes before them."""
        vit = backbone is not None and is_vit(backbone)
        return (self.evaluation.blocks, self.evaluation.averages_patches) if vit else (1, False)

    def _extractor(self, source: str, backbone: nn.Module | None, split: str) -> Extract:
        settings = self.evaluation.features
        if source == "pixels":
            return pixel_extractor(min(settings.size, self.evaluation.pixels))
        if backbone is None:
            return noise_extractor(CHANCE_WIDTH, seeded(self.recipe.seed, "chance", split))
        blocks, average = self._tokens(backbone)
        return extractor_of(backbone, self.recipe, settings, blocks, self.device, average)

    def _values(self, features: dict[str, Tensor], backbone: nn.Module | None) -> dict[str, Any]:
        """What every evaluator that is asked for says."""
        settings, values = self.evaluation, dict[str, Any]()
        # The probe sees all tokens that are kept, everything else the last block's class token alone.
        narrow = {split: rows if backbone is None else rows[:, -width(backbone) :] for split, rows in features.items()}
        test, wide_test = narrow["val"], features["val"]
        train, wide_train = partial(narrow.__getitem__, "train"), partial(features.__getitem__, "train")
        if settings.knn:
            values["knn"] = knn_values(train(), test, self.train, self.val, settings.knn)
        if settings.linear:
            augmented = None
            if settings.linear.augment and backbone is not None:
                augmented = partial(self._augmented, backbone, settings.linear.batch_size)
            values["linear"] = linear_values(
                wide_train, wide_test, self.train, self.val, settings.linear, self.recipe.seed, augmented
            )
        if settings.retrieval:
            values["retrieval"] = retrieval_values(train, test, self.train, self.val, settings.retrieval)
        if settings.variance:
            values["variance"] = dict(variance_spectrum(test, **settings.variance.model_dump()))
        return values

    def _augmented(self, backbone: nn.Module, size: int, epoch: int) -> Iterable[tuple[Tensor, Tensor]]:
        """One epoch of random resized crops and flips through the frozen backbone, `size` a batch."""
        spec = ViewSpec(
            size=self.evaluation.features.size,
            scale=(0.08, 1.0),
            flip=0.5,
            mean=self.recipe.augmentation.mean,
            std=self.recipe.augmentation.std,
        )
        stream = IndexStream(len(self.train), self.recipe.seed)
        starts = range(epoch * len(self.train), (epoch + 1) * len(self.train), size)
        end = (epoch + 1) * len(self.train)
        order = [stream.indices(start, min(size, end - start)) for start in starts]
        for step, batch in enumerate(prefetch(self.train, order, self.site.workers)):
            (views,) = step_views(batch, [spec], int(seeded(self.recipe.seed, epoch).initial_seed()), step, self.device)
            with torch.no_grad():
                yield (
                    last_blocks(backbone, views, *self._tokens(backbone)).cpu(),
                    self.train.labels[order[step]],
                )


@cache
def _code_of_features() -> str:
    """Digest of the code that features depend on: other code, other features."""
    return code_digest(
        imported_files(
            [ROOT / "bits/evaluation/features.py", ROOT / "bits/runs/build.py"],
            ("bits/records/", "bits/config/", "bits/plan/"),
        )
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="bits.commands.evaluate", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--run", type=Path, required=True, help="frozen configuration of a run")
    parser.add_argument("--evaluation", type=Path, required=True, help="frozen evaluation settings and data set")
    parser.add_argument("--site", type=Path, required=True)
    parser.add_argument("--job", action="append", required=True, metavar="SOURCE=OUTPUT")
    parser.add_argument("--threads", type=int, default=0)
    arguments = parser.parse_args()
    jobs = [job.partition("=") for job in arguments.job]
    for source, equals, _ in jobs:
        if not equals:
            raise BitsError(f"--job {source!r}: expected SOURCE=OUTPUT, e.g. pixels=metrics.json")
    evaluator = Evaluator(arguments)
    for source, _, output in jobs:
        evaluator.run(source, Path(output))
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
