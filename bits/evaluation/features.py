"""Features of a data set, extracted once per (weights, data set, split) and shared by every evaluator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from bits.data.batch import ImageBatch
from bits.data.images import ImageSet
from bits.data.stream import prefetch
from bits.models.backbone import last_blocks
from bits.records.digests import digest
from bits.tensors import TensorsError, read_tensors, write_tensors
from bits.views.views import evaluation_view, raw_view

Extract = Callable[[ImageBatch], Tensor]
Triple = tuple[float, float, float]
FEATURES = "features"  # the tensor in a file


def backbone_extractor(
    backbone: nn.Module,
    *,
    resize: int,
    size: int,
    mean: Triple,
    std: Triple,
    blocks: int,
    device: torch.device,
    average_patches: bool = False,
) -> Extract:
    """Images -> the float32 features of `last_blocks`; the last D columns are the image-level features."""
    backbone.to(device).eval()

    def extract(batch: ImageBatch) -> Tensor:
        images = evaluation_view(batch.to(device), size=size, resize=resize, mean=mean, std=std)
        with torch.no_grad():  # in float32: half precision would tie similarities
            return last_blocks(backbone, images, blocks, average_patches).float()

    return extract


def pixel_extractor(size: int) -> Extract:
    """Images -> the centre square's pixels, float32 [N, 3 * size * size] in [0, 1]."""
    return lambda batch: raw_view(batch, size).flatten(1)


def noise_extractor(width: int, generator: torch.Generator) -> Extract:
    """Images -> independent normal features [N, width]: what chance gives."""
    return lambda batch: torch.randn(len(batch), width, generator=generator)


def extract_all(
    extract: Extract,
    images: ImageSet,
    batch_size: int,
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Features of every image in order, float32 [N, D] in main memory, where they never are twice."""
    batches = (torch.arange(start, min(start + batch_size, len(images))) for start in range(0, len(images), batch_size))
    found = torch.empty(0)
    done = 0
    for batch in prefetch(images, batches, workers):
        rows = extract(batch)
        if not done:
            found = torch.empty(len(images), *rows.shape[1:], dtype=rows.dtype)
        found[done : done + len(rows)] = rows
        done += len(rows)
        if progress:
            progress(done, len(images))
    return found


@dataclass(frozen=True)
class FeatureStore:
    """Features on disk, one file per split, keyed by what they were made from.

    key: anything JSON (weights' sha256, data set, feature settings); another key is another file.
    """

    folder: Path
    key: object

    def path(self, split: str) -> Path:
        """Where the features of a split lie."""
        return self.folder / f"{split}-{self._made_for(split)[:16]}.safetensors"

    def get(self, split: str, images: ImageSet, make: Callable[[], Tensor]) -> Tensor:
        """Features [N, D] of `images`; read when they are what was written for this key, else made and written.

        A file that is damaged, or of another key, is replaced with a note.
        """
        path = self.path(split)
        try:
            return self._read(split, len(images))
        except FileNotFoundError:
            pass
        except (OSError, TensorsError) as error:
            print(f"note: {error}; its features are extracted again")
        features = make().contiguous()
        write_tensors(path, {FEATURES: features}, {"made_for": self._made_for(split)})
        return features

    def _read(self, split: str, images: int) -> Tensor:
        """Raises FileNotFoundError, OSError, and TensorsError for features that were not written for this key."""
        path = self.path(split)
        tensors, facts = read_tensors(path)
        if facts.get("made_for") != self._made_for(split) or len(tensors.get(FEATURES, ())) != images:
            raise TensorsError(f"{path}: holds the features of other weights, data or settings")
        return tensors[FEATURES]

    def _made_for(self, split: str) -> str:
        """sha256 (hex) of what the features of a split follow from."""
        return digest([self.key, split])
