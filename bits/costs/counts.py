"""FLOPs and parameters of backbones and heads, counted once and kept in a small file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bits.config.recipe import Backbone, Head, Recipe
from bits.plan import Plan
from bits.records.digests import digest
from bits.records.files import write_json
from bits.records.provenance import versions

COUNTS = "flops.json"


@dataclass(frozen=True)
class Counted:
    """flops: of one forward pass of one crop or row. width: D of a backbone's features. blocks: it has, at most."""

    flops: int
    parameters: int
    width: int = 0
    blocks: int = 1


class Counts:
    """Looks up what a backbone or head takes; counts (and imports torch, seconds) only what is not in the file.

    keep: write what was counted to the file; False: leave the file as it is.
    """

    def __init__(self, path: Path, keep: bool = True) -> None:
        self.path, self.keep = path, keep
        self._timm = versions().get("timm")
        try:
            self._known: dict[str, dict[str, int]] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._known = {}

    def backbone(self, settings: Backbone, size: int) -> Counted:
        """Of one crop of `size` px."""

        def count() -> dict[str, int]:
            from bits.costs.flops import count_backbone

            return count_backbone(settings, size)

        return self._get(["backbone", settings.name, settings.image_size, settings.options, size], count)

    def head(self, settings: Head, features: int) -> Counted:
        """Of one row of `features` numbers."""

        def count() -> dict[str, int]:
            from bits.costs.flops import count_head

            return count_head(settings, features)

        key = [settings.hidden, settings.layers, settings.dimension, settings.normalise, settings.prototypes, features]
        return self._get(["head", *key], count)

    def _get(self, what: list[object], count: Callable[[], dict[str, int]]) -> Counted:
        key = digest([what, self._timm])[:16]
        if key not in self._known:
            self._known[key] = count()
            if self.keep:
                write_json(self.path, self._known)
        return Counted(**self._known[key])


def counts_of(plan: Plan, keep: bool = True) -> Counts:
    """The counts in the folder of a plan's results."""
    return Counts(plan.folder / COUNTS, keep)


def training_flops(recipe: Recipe, counts: Counts, micro_batch: int = 0) -> int:
    """Of one image in one step.

    The student's forward and backward pass (twice forward) on all views, and the teacher's forward pass on the two
    global ones; with micro-batches the student's forward pass once more on the global views if a term couples samples,
    on all views if the head has a batch norm. The objective, augmentation and the update are left out.
    """
    large, small = (
        counts.backbone(recipe.backbone, size) for size in (recipe.crops.global_size, recipe.crops.local_size)
    )
    head = counts.head(recipe.head, large.width).flops
    teacher = 2 * (large.flops + head)
    student = teacher + recipe.crops.n_local * (small.flops + head)
    again = student if recipe.head.batch_norm else teacher if recipe.objective.couples else 0
    divided = 0 < micro_batch < recipe.schedule.batch_size
    return 3 * student + teacher + (again if divided else 0)
