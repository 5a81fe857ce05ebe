"""What is assumed where nothing was measured: config/costs.yaml, typed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError

from bits.config.recipe import Dataset
from bits.config.section import Section
from bits.data.layout import classes_and_images, locate
from bits.data.source import open_source
from bits.errors import BitsError, DatasetError
from bits.scenes.settings import SceneSettings

Above0 = Annotated[float, Field(gt=0)]
CPU = "cpu-core"


class CostError(BitsError):
    """Costs that cannot be told from what is declared or measured."""


class Device(Section):
    """Peak dense TFLOP/s, and the share of it that is assumed to be reached."""

    title: str
    bfloat16: Above0
    float32: Above0
    utilisation: Annotated[float, Field(gt=0, le=1)]


class Images(Section):
    """Sizes of a data set's splits; assumed: declared, because there is nothing to count."""

    train: int = Field(ge=1)
    val: int = Field(ge=1)
    classes: int = Field(ge=1)
    assumed: bool = False


class Assumptions(Section):
    """All of config/costs.yaml (seconds, TFLOP/s, shares), and the images of config/counts.yaml."""

    devices: dict[str, Device]
    assumed: dict[str, str]  # scale -> device
    host_core_tflops: Above0
    startup_seconds: Above0
    forked_seconds: Above0
    render_seconds: Above0
    scene_seconds: Above0
    several_devices: Annotated[float, Field(gt=0, le=1)]
    images: dict[str, Images]

    def device(self, name: str) -> str:
        """The key of the device that is called so, by its key or by a part of a product name; raises CostError."""
        plain = re.sub(r"[^a-z0-9]", "", name.lower())
        for key in self.devices:
            if re.sub(r"[^a-z0-9]", "", key) in plain:
                return key
        raise CostError(f"device {name!r}: config/costs.yaml knows {', '.join(self.devices)}; add a line for it there")


def load_assumptions(config_dir: Path) -> Assumptions:
    """The file below `config_dir`; raises CostError with what is wrong in it."""
    path = config_dir / "costs.yaml"
    try:
        published = yaml.safe_load((config_dir / "counts.yaml").read_text())
        return Assumptions.model_validate({**yaml.safe_load(path.read_text()), "images": published})
    except (OSError, yaml.YAMLError) as error:
        raise CostError(f"{path}: cannot be read ({error})") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise CostError(f"{path}: {wrong}") from None


def image_counts(plan: Mapping[str, Any], assumptions: Assumptions) -> dict[str, Images]:
    """Data set role -> its images: counted where the data are (listing names), else as declared; absent if neither."""
    found = {
        role: _images(Dataset.model_validate(dataset), plan["roots"][role], assumptions)
        for role, dataset in plan["datasets"].items()
    }
    return {role: images for role, images in found.items() if images is not None}


def _images(dataset: Dataset, root: str, assumptions: Assumptions) -> Images | None:
    if dataset.kind == "scenes":
        settings = SceneSettings(**dataset.settings)
        return Images(train=settings.train, val=settings.val, classes=settings.classes)
    try:
        source = open_source(Path(root)) if root else None
        if source is not None:
            folders = {split: locate(source, split, dataset.eval_split) for split in _SPLITS}
            splits = {split: classes_and_images(source, folders[split], dataset.classes) for split in _SPLITS}
            sizes = {split: sum(map(len, images.values())) for split, images in splits.items()}
            return Images(**sizes, classes=len(splits["train"]))
    except DatasetError:
        pass  # not there, or not as it should be, which the workflow says at its start
    declared = assumptions.images.get(dataset.name)
    return declared.model_copy(update={"assumed": True}) if declared else None


_SPLITS = ("train", "val")
