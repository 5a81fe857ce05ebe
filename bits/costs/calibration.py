"""Measured speeds of one device, as results/<study>/calibration.json holds them, instead of the FLOP model's."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bits.config.evaluation import CentreCrop
from bits.config.recipe import Backbone, Recipe
from bits.config.section import Section
from bits.config.site import Site
from bits.costs.assumptions import CostError
from bits.costs.rates import FlopRates, is_half
from bits.evaluation.declaration import Precision
from bits.plan import Plan
from bits.records.digests import digest

PACKAGES = ("torch", "timm")  # a calibration holds for these versions of them
CALIBRATION = "calibration.json"


def calibration_file(plan: Plan) -> Path:
    """Where this machine's calibration for a plan is kept."""
    return plan.folder / CALIBRATION


class Measured(Section):
    """what: a setting in words. per_second: images a second; FLOP a second of other work."""

    what: str
    per_second: float


class Calibration(Section):
    """Speeds by the key of their setting, see the functions below; `work` by kind of other work.

    device: product name. threads: of a process. images: what they were measured on, in words; decodes: whether these
    had to be decoded. startup_seconds: of a process.
    """

    scale: str
    device: str
    cpu: bool
    threads: int
    versions: dict[str, str]
    hardware: dict[str, Any]
    date: str
    images: str
    decodes: bool = True
    startup_seconds: float
    training: dict[str, Measured]
    extraction: dict[str, Measured]
    work: dict[str, Measured]

    @property
    def id(self) -> str:
        """Eight hexadecimal digits that name this very calibration."""
        return digest(self.model_dump(mode="json"))[:8]

    def mismatch(self, cpu: bool, device: str | None, versions: Mapping[str, str]) -> str:
        """Why it does not hold for a device of that name (None: unknown) with these versions; "" where it does."""
        if self.cpu != cpu or (device is not None and self.device != device):
            return f"was measured on {self.device}, not on {device or ('a CPU' if cpu else 'a GPU')}"
        others = [name for name in PACKAGES if self.versions.get(name) != versions.get(name)]
        said = ", ".join(f"{name} {self.versions.get(name)}, now {versions.get(name)}" for name in others)
        return f"was measured with {said}" if others else ""


def read_calibration(path: Path) -> Calibration:
    """The file of `bits calibrate`; raises CostError when there is none or it is not one."""
    try:
        return Calibration.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise CostError(f"{path}: no such calibration. Measure one: bits calibrate scale=...") from None
    except (OSError, ValueError) as error:
        what = f"{error.error_count()} errors" if isinstance(error, ValidationError) else error
        raise CostError(f"{path}: not a calibration ({what}). Measure again: bits calibrate scale=...") from error


def training_key(recipe: Recipe, site: Site) -> str:
    """Of the settings that decide how fast a step is: runs with the same key are timed once. Numbers of terms don't."""
    terms = {
        name: {key: value for key, value in settings.items() if not isinstance(value, float)}
        for name, settings in recipe.objective.model_dump(mode="json").items()
    }
    head = recipe.head.model_dump(mode="json", exclude={"init_std", "freeze_prototypes_epochs"})
    parts = [recipe.backbone, recipe.crops, recipe.augmentation]
    rest = [recipe.schedule.batch_size, recipe.precision, site.micro_batch]
    return digest([terms, head, *(part.model_dump(mode="json") for part in parts), *rest])[:16]


def extraction_key(backbone: Backbone, crop: CentreCrop, half: bool = False) -> str:
    """Of a backbone and the size of its centre crops. half: in bfloat16."""
    settings = backbone.model_dump(mode="json", exclude={"drop_path"})
    return digest([settings, crop.resize, crop.size, *(["bfloat16"] if half else [])])[:16]


@dataclass
class MeasuredRates:
    """A calibration's speeds; what it has not measured comes from the FLOP model and is named in `guessed`."""

    calibration: Calibration
    model: FlopRates
    guessed: set[str] = field(default_factory=set)

    @property
    def cpu(self) -> bool:
        return self.calibration.cpu

    @property
    def device(self) -> str:
        return self.calibration.device

    @property
    def basis(self) -> str:
        return f"calibration {self.calibration.id} of {self.calibration.date[:10]} on {self.calibration.device}"

    @property
    def startup(self) -> float:
        return self.model.startup if self.cpu else self.calibration.startup_seconds

    def training(self, recipe: Recipe) -> float:
        found = self.calibration.training.get(training_key(recipe, self.model.site))
        return found.per_second if found else self._guess(f"training {recipe.method}", self.model.training(recipe))

    def extraction(self, backbone: Backbone, crop: CentreCrop, precision: Precision = "float32") -> float:
        half = is_half(precision, self.cpu)
        found = self.calibration.extraction.get(extraction_key(backbone, crop, half))
        if found:
            return found.per_second
        what = f"features of {backbone.name}, {crop.size} px{', bfloat16' if half else ''}"
        return self._guess(what, self.model.extraction(backbone, crop, precision))

    def work(self, kind: str) -> float:
        found = self.calibration.work.get(kind)
        return found.per_second if found else self._guess(kind, self.model.work(kind))

    def decoding(self, pixels: int, cores: int) -> float:
        return math.inf if self.calibration.decodes else self.model.decoding(pixels, cores)

    def _guess(self, what: str, per_second: float) -> float:
        self.guessed.add(what)
        return per_second
