"""What features come from: runs that are trained here, backbones that are imported, references."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from bits.config.imports import ImportRecipe
from bits.config.recipe import Recipe
from bits.config.section import Section

IMPORTED = "backbone"  # an import's <part>.safetensors


class Run(Section):
    """One seed of a pretraining or fine-tuning.

    name: as in runs.yaml. id: <name>-<digest>. role: of the data set it is trained on. start: id of the run that a
    fine-tuning starts from; None for a pretraining. folder: of its files. resume: folder of its checkpoints while it
    is in progress, possibly on another disk.
    """

    name: str
    id: str
    seed: int
    role: str
    start: str | None
    folder: Path
    resume: Path
    recipe: Recipe

    @property
    def kind(self) -> Literal["pretraining", "finetuning"]:
        return "pretraining" if self.start is None else "finetuning"

    def weights(self, part: str) -> Path:
        """The weights file of a part, one of WEIGHTS."""
        return self.folder / f"{part}.safetensors"

    @property
    def config(self) -> Path:
        """The frozen recipe that its job reads."""
        return self.folder / "config.yaml"

    @property
    def outcome(self) -> Path:
        """How the run ended; exists once it has ended."""
        return self.folder / "outcome.json"

    @property
    def failure(self) -> Path:
        """Why the last attempt failed; exists until the next attempt starts."""
        return self.folder / "failure.json"

    @property
    def provenance(self) -> Path:
        return self.folder / "provenance.json"

    @property
    def curve(self) -> Path:
        return self.folder / "curve.json"

    @property
    def log(self) -> Path:
        return self.folder / "log.jsonl"


class Import(Section):
    """A backbone that was trained elsewhere.

    name: as in runs.yaml. id: <name>-<digest>. seed: of the probes on its features. file: its weights, as the user
    wrote it; needed once. label: of its origin. folder: of what is made of the file.
    """

    name: str
    id: str
    seed: int
    file: str
    label: str
    folder: Path
    recipe: ImportRecipe

    @property
    def path(self) -> Path:
        """The file, with ~ filled in."""
        return Path(self.file).expanduser()

    @property
    def config(self) -> Path:
        """The frozen recipe that its job reads."""
        return self.folder / "config.yaml"

    @property
    def weights(self) -> Path:
        """The backbone, as this project writes it."""
        return self.folder / f"{IMPORTED}.safetensors"

    @property
    def provenance(self) -> Path:
        """Which file it was, and what of it was taken; exists once it is imported."""
        return self.folder / "provenance.json"


class Reference(Section):
    """A baseline that a trained backbone must beat. run: name of the run whose initialisation and seed it shares."""

    name: str
    id: str
    seed: int
    label: str
    run: str


Source = Run | Import | Reference
