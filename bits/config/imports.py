"""Backbones that were trained elsewhere: what determines one, and the line of runs.yaml that declares it.

Never imports torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from bits.config.composed import Composed
from bits.config.declared import DeclarationError, Declared, read_yaml, validated
from bits.config.near import did_you_mean
from bits.config.published import Published
from bits.config.recipe import Backbone, Recipe
from bits.config.section import Section
from bits.config.validation import ConfigError
from bits.records.digests import digest

Branch = Literal["teacher", "student"]
NO_TRAINING = {"drop_path": 0.0, "class_token_std": None}  # of a backbone: what only training knows
SETTABLE = (
    *("backbone.image_size", "backbone.options", "backbone.position_interpolation"),
    *("augmentation.mean", "augmentation.std"),
)


class Normalisation(Section):
    """Of the images that a backbone is given."""

    mean: tuple[float, float, float]  # RGB mean subtracted from values in [0, 1]
    std: tuple[float, float, float]  # RGB standard deviation divided by after that


class ImportRecipe(Section):
    """Everything that determines an imported backbone and its features: what a `Recipe` is of a trained one."""

    weights: str | None  # sha256 (hex) of the file's bytes; None: nobody has seen the file here
    weights_of: Branch | None = None  # whose, where the file has both; null: the teacher's
    backbone: Backbone  # the network that the weights are for
    augmentation: Normalisation  # of the images that it is given
    seed: int = Field(ge=0)  # of the crops and heads of probes

    def digest(self) -> str:
        """sha256 (hex) of everything; another file has another one, whatever it is called."""
        return digest(self.model_dump(mode="json"))


BackboneRecipe = Recipe | ImportRecipe  # what says how a backbone is built, and what images it is given


class ImportLine(Declared):
    """A line of runs.yaml with `weights`.

    weights: the file. weights_of: teacher or student, where it has both. backbone: a file of config/backbone, or a
    model of timm. settings: other dotted keys, SETTABLE. label: of its origin, for readers. shown: exhibit -> label of
    its row there. published: what others measured of it.
    """

    weights: str = Field(pattern=r"\S")
    backbone: str
    weights_of: Branch | None = None
    label: str = ""
    shown: dict[str, str] = Field(default_factory=dict)
    published: Published | None = None
    settings: dict[str, Any] = Field(default_factory=dict)

    @field_validator("settings")
    @classmethod
    def _settable(cls, settings: dict[str, Any]) -> dict[str, Any]:
        for key in settings:
            if key not in SETTABLE:
                raise ValueError(f"{key}: expected one of {', '.join(SETTABLE)}{did_you_mean(key, SETTABLE)}")
        return settings

    @property
    def file(self) -> Path:
        """With ~ filled in."""
        return Path(self.weights).expanduser()


def is_import(line: Mapping[str, Any]) -> bool:
    """Whether a line of runs.yaml declares a backbone that was trained elsewhere."""
    return "weights" in line


def import_line(name: str, line: Mapping[str, Any], path: Path) -> ImportLine:
    """A line with `weights`; raises ConfigError that names file, run and key. path: the file that errors name."""
    words = {key: value for key, value in line.items() if "." not in key}
    dotted = {key: value for key, value in line.items() if "." in key}
    try:
        return validated(ImportLine, {**words, **({"settings": dotted} if dotted else {})}, path, name)
    except DeclarationError as error:
        raise ConfigError(str(error)) from None


def published_of(lines: Mapping[str, ImportLine]) -> dict[str, Published]:
    """What others published of each, by name; nothing of those of which nobody did."""
    return {name: line.published for name, line in lines.items() if line.published is not None}


def backbone_called(name: str, image_size: int, config_dir: Path) -> Backbone:
    """That of a file of config/backbone; else the model of timm of that name, for images of so many pixels a side.

    Raises ConfigError for what can be neither, with near matches. Whether timm knows it is found when it is made.
    """
    path = config_dir / "backbone" / f"{name}.yaml"
    if not path.is_file() and "-" in name:
        known = sorted(file.stem for file in path.parent.glob("*.yaml"))
        guess = did_you_mean(name, known)
        raise ConfigError(f"backbone={name}: no file of {path.parent}, and no name that timm gives{guess}")
    values = read_yaml(path) if path.is_file() else {"name": name, "image_size": image_size, "drop_path": 0.0}
    return Backbone.model_validate({**values, **NO_TRAINING})


def import_recipe(line: ImportLine, shared: Composed, weights: str | None, config_dir: Path) -> ImportRecipe:
    """What a line says, and the scale of what it does not: size and normalisation of images, and the seed.

    shared: any composed run of the scale. weights: sha256 of the file. Raises ConfigError.
    """
    augmentation, seed = shared.recipe.augmentation, shared.recipe.seed
    backbone = backbone_called(line.backbone, shared.evaluation.features.size, config_dir)
    values: dict[str, Any] = {
        "weights": weights,
        "weights_of": line.weights_of,
        "backbone": backbone.model_dump(mode="json"),
        "augmentation": {"mean": augmentation.mean, "std": augmentation.std},
        "seed": seed,
    }
    for key, value in line.settings.items():
        section, _, leaf = key.partition(".")
        values[section][leaf] = value
    try:
        return ImportRecipe.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"weights {line.weights}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
