"""What is assumed where nothing was measured: config/costs.yaml and config/counts.yaml, typed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationError

from bits.config.section import Section
from bits.errors import BitsError

Above0 = Annotated[float, Field(gt=0)]
CPU = "cpu-core"


class CostError(BitsError):
    """Costs that cannot be worked out from what is declared or measured."""


class Device(Section):
    """Peak dense TFLOP/s, and the share of it that is assumed to be reached."""

    title: str
    bfloat16: Above0
    float32: Above0
    utilisation: Annotated[float, Field(gt=0, le=1)]


class Images(Section):
    """Sizes of a data set's splits. train: 0 of a set that is only evaluated. assumed: taken from config/counts.yaml,
    because the data are not here to count. estimated: counts of which no number is published."""

    train: int = Field(ge=0)
    val: int = Field(ge=1)
    classes: int = Field(ge=1)
    assumed: bool = False
    estimated: tuple[Literal["train", "val", "classes"], ...] = ()

    @property
    def published(self) -> dict[str, int]:
        """The published counts, by name."""
        return {name: getattr(self, name) for name in ("train", "val", "classes") if name not in self.estimated}


class Assumptions(Section):
    """All of config/costs.yaml (seconds, TFLOP/s, shares), and the published counts of config/counts.yaml by data set.

    assumed: scale -> the device that it is costed for where there is no GPU.
    """

    devices: dict[str, Device]
    assumed: dict[str, str]
    host_core_tflops: Above0
    decoded_megapixels: Above0
    startup_seconds: Above0
    forked_seconds: Above0
    render_seconds: Above0
    scene_seconds: Above0
    several_devices: Annotated[float, Field(gt=0, le=1)]
    images: dict[str, Images]

    def device(self, name: str) -> str:
        """The key of a device, found by the key itself or in a product name; raises CostError."""
        plain = re.sub(r"[^a-z0-9]", "", name.lower())
        for key in self.devices:
            if re.sub(r"[^a-z0-9]", "", key) in plain:
                return key
        raise CostError(f"device {name!r}: config/costs.yaml knows {', '.join(self.devices)}; add a line for it there")


def load_assumptions(config_dir: Path) -> Assumptions:
    """The files in `config_dir`; raises CostError saying what is wrong in them."""
    path = config_dir / "costs.yaml"
    try:
        published = yaml.safe_load((config_dir / "counts.yaml").read_text(encoding="utf-8"))
        return Assumptions.model_validate({**yaml.safe_load(path.read_text(encoding="utf-8")), "images": published})
    except (OSError, yaml.YAMLError) as error:
        raise CostError(f"{path}: cannot be read ({error})") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise CostError(f"{path}: {wrong}") from None
