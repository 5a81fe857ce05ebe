"""A run or a reference on one data set, as evaluators see it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from threading import RLock
from typing import Literal

import torch
from torch import Tensor, nn

from bits.config.evaluation import CHANCE_WIDTH, EvaluationSettings
from bits.config.imports import ImportRecipe
from bits.config.recipe import Dataset
from bits.config.site import Site
from bits.data.batch import ImageBatch
from bits.data.images import ImageSet
from bits.data.kind import kind_files
from bits.data.stream import prefetch
from bits.data.videos import VideoSet
from bits.data.workers import decoding_threads
from bits.evaluation.declaration import Interpolation, Precision, Split, Tokens, tokens_of
from bits.evaluation.features import Extract, FeatureStore, extract_all, noise_extractor, pixel_extractor
from bits.evaluation.progress import NoProgress, Progress
from bits.evaluation.ranking.similarity import EvaluationError
from bits.evaluation.subject import Batches
from bits.models.backbone import is_vit, last_blocks, patch_tokens, width
from bits.models.precision import autocast
from bits.records.code import ROOT, code_digest, imported_files
from bits.runs.build import extractor_of, teacher_student
from bits.runs.crops import Crop, TrainingCrops
from bits.runs.datasets import open_videos
from bits.runs.last_pass import LastPass
from bits.runs.source import REFERENCES, FeatureSource
from bits.training.checkpoint import below, load_strictly
from bits.training.published import published_weights
from bits.training.views import seeded
from bits.views.views import whole_view

ROWS = 2**14  # of features that are looked at at once


@dataclass(frozen=True)
class Extraction:
    """How and where features of a data set are taken and kept. store: folder of the source's features."""

    store: Path
    role: str
    dataset: Dataset
    settings: EvaluationSettings
    site: Site
    device: torch.device


@dataclass(frozen=True)
class SourceOnData:
    """See bits.evaluation.subject.Subject.

    shared_crops, last_pass: of evaluators and sources that are measured side by side.
    """

    made_from: FeatureSource
    extraction: Extraction
    train: ImageSet
    val: ImageSet
    progress: Progress = field(default_factory=NoProgress)
    shared_crops: Callable[[TrainingCrops, int], Iterable[Crop]] | None = None
    last_pass: LastPass | None = None
    _kept: dict[Split, Tensor] = field(default_factory=dict)
    _keeping: RLock = field(default_factory=RLock)
    _codes: dict[tuple[Split, str], Tensor] = field(default_factory=dict)

    @property
    def source(self) -> str:
        return self.made_from.source

    @property
    def seed(self) -> int:
        return self.made_from.recipe.seed

    @property
    def device(self) -> torch.device:
        return self.extraction.device

    @property
    def has_backbone(self) -> bool:
        return self.made_from.backbone is not None

    def features(self, split: Split, tokens: Tokens = Tokens()) -> Tensor:  # noqa: B008 - frozen
        whole, backbone = self._whole(split), self.made_from.backbone
        if backbone is None:
            return whole
        d = width(backbone)
        classes = d * self._blocks(tokens.blocks)
        if not tokens.average_patches or not is_vit(backbone):
            return whole[:, -classes:]
        if whole.shape[1] == d + classes:
            return whole
        return torch.cat([whole[:, :d], whole[:, -classes:]], dim=1)

    def extracted(self) -> tuple[Tensor, ...]:
        """All features that any evaluator reads, of each split."""
        splits: tuple[Split, ...] = ("train", "val") if self._tokens("val").train else ("val",)
        return tuple(self._whole(split) for split in splits)

    def finite(self) -> bool:
        """Whether all features that any evaluator reads are finite."""
        return all(bool(rows.isfinite().all()) for features in self.extracted() for rows in features.split(ROWS))

    def augmented_features(
        self, batch_size: int, tokens: Tokens, interpolation: Interpolation, precision: Precision
    ) -> Batches:
        backbone, recipe, extraction = self.made_from.backbone, self.made_from.recipe, self.extraction
        if backbone is None:
            raise EvaluationError(f"{self.source} has no backbone that augmented images could go through")
        norm, size = recipe.augmentation, extraction.settings.features.size
        crops = TrainingCrops(recipe.seed, batch_size, size, norm.mean, norm.std, interpolation)

        def features(views: Tensor) -> Tensor:
            with torch.no_grad(), autocast(self.device, precision):
                return last_blocks(backbone, views, tokens.blocks, tokens.average_patches).float()

        def epoch_of(epoch: int) -> Iterable[tuple[Tensor, Tensor]]:
            how = (tokens.blocks, tokens.average_patches, precision)
            for views, labels in self._crops(crops, epoch):
                if self.last_pass is None:
                    yield features(views), labels
                else:
                    yield self.last_pass.features(views, how, partial(features, views)), labels

        return epoch_of

    def _crops(self, crops: TrainingCrops, epoch: int) -> Iterable[Crop]:
        if self.shared_crops is not None:
            return self.shared_crops(crops, epoch)
        return crops.epoch(epoch, self.train, self.device, decoding_threads(self.extraction.site))

    def codes(self, split: Split, model: Literal["student", "teacher"] = "student") -> Tensor:
        if (split, model) not in self._codes:
            self._codes[split, model] = self._sent(split, model)
        return self._codes[split, model]

    def patches(self, split: Split, size: int) -> Iterator[Tensor]:
        images, site = self._images(split), self.extraction.site
        order = torch.arange(len(images)).split(site.feature_batch)
        for batch in prefetch(images, order, decoding_threads(site)):
            yield self.patches_of(batch, size, size)

    def patches_of(self, images: ImageBatch, height: int, width: int) -> Tensor:
        backbone, augmentation = self.made_from.backbone, self.made_from.recipe.augmentation
        if backbone is None or not is_vit(backbone):
            raise EvaluationError(f"{self.source}: only a ViT has patch tokens, and this is none")
        _check_patches(backbone, height, width)
        images = images.to(self.extraction.device)
        view = whole_view(images, height=height, width=width, mean=augmentation.mean, std=augmentation.std)
        with torch.no_grad():
            return patch_tokens(backbone, view).float().cpu()

    def videos(self) -> VideoSet:
        return open_videos(self.extraction.dataset, self.extraction.site)

    def _sent(self, split: Split, model: Literal["student", "teacher"]) -> Tensor:
        """What one branch's head says of the features of its own backbone."""
        recipe, folder, device = self.made_from.recipe, self.made_from.folder, self.extraction.device
        if self.source in REFERENCES or isinstance(recipe, ImportRecipe):
            raise EvaluationError(f"{self.source} has no trained head, so it sends no codes")
        branch = getattr(teacher_student(recipe), model).to(device).eval()
        files = {part: folder / f"{part}.safetensors" for part in (model, "heads")}
        tensors = {part: published_weights(path, recipe.digest())[0].tensors for part, path in files.items()}
        load_strictly(branch.backbone, tensors[model], str(files[model]))
        load_strictly(branch.head, below(model, tensors["heads"]), str(files["heads"]))
        if model == self.extraction.settings.features.model:
            features = self.features(split)  # of the same backbone, which are there already
        else:
            extract = extractor_of(branch.backbone, recipe, self.extraction.settings.features, 1, device)
            features = self._extracted(extract, self._images(split))
        with torch.no_grad():
            parts = features.split(self.extraction.site.feature_batch)
            return torch.cat([branch.head(part.to(device)).float().cpu() for part in parts])

    def _images(self, split: Split) -> ImageSet:
        return self.train if split == "train" else self.val

    def _tokens(self, split: Split) -> Tokens:
        return tokens_of(self.extraction.settings, self.has_backbone, split)

    def _blocks(self, wanted: int) -> int:
        """Of how many blocks there are class tokens among the features."""
        backbone = self.made_from.backbone
        return min(wanted, len(backbone.blocks)) if backbone is not None and is_vit(backbone) else 1  # type: ignore[arg-type]

    def _whole(self, split: Split) -> Tensor:
        """All tokens that are kept of a split: extracted once, then read."""
        with self._keeping:
            return self._kept_or_extracted(split)

    def _kept_or_extracted(self, split: Split) -> Tensor:
        if split not in self._kept:
            images, kept, wanted = self._images(split), self.extraction, self._tokens(split)
            tokens = (wanted.blocks, wanted.average_patches) if self._has_tokens else (1, False)
            made_from = {name: value for name, value in self.made_from.origin.items() if name != "file"}
            key = [
                _code_of_features(kept.dataset.kind),
                made_from,  # the same weights elsewhere are the same
                kept.dataset.model_dump(mode="json"),
                kept.settings.features.model_dump(),
                kept.settings.pixels,
                tokens,
            ]
            store = FeatureStore(kept.store, key)
            extract = self._extractor(split, *tokens)
            self._kept[split] = store.get(f"{kept.role}-{split}", images, lambda: self._extracted(extract, images))
        return self._kept[split]

    @property
    def _has_tokens(self) -> bool:
        return self.made_from.backbone is not None and is_vit(self.made_from.backbone)

    def _extracted(self, extract: Extract, images: ImageSet) -> Tensor:
        return extract_all(extract, images, self.extraction.site.feature_batch, decoding_threads(self.extraction.site))

    def _extractor(self, split: Split, blocks: int, average_patches: bool) -> Extract:
        settings, recipe, backbone = self.extraction.settings, self.made_from.recipe, self.made_from.backbone
        if self.source == "pixels":
            return pixel_extractor(min(settings.features.size, settings.pixels))
        if backbone is None:
            return noise_extractor(CHANCE_WIDTH, seeded(recipe.seed, "chance", split))
        return extractor_of(backbone, recipe, settings.features, blocks, self.extraction.device, average_patches)


def _check_patches(vit: nn.Module, height: int, width: int) -> None:
    """Raise EvaluationError unless both sides are whole patches."""
    rows, columns = vit.patch_embed.patch_size  # type: ignore[union-attr, misc]
    if height % rows or width % columns:
        raise EvaluationError(f"{height} x {width} px are not whole patches of {rows} x {columns} px")


@cache
def _code_of_features(kind: str) -> str:
    """Digest of the code that features depend on, on a kind of data set: other code, other features."""
    starts = [ROOT / "bits/evaluation/features.py", ROOT / "bits/runs/build.py", *kind_files([kind])]
    return code_digest(imported_files(starts, ("bits/records/", "bits/config/", "bits/plan/")))
