"""Backbones that were trained elsewhere, as a plan knows them. Never imports torch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from bits.config.composed import Composed
from bits.config.frozen import read_section
from bits.config.imports import BackboneRecipe, ImportLine, ImportRecipe, import_recipe
from bits.config.kinds import evaluator_declarations
from bits.data import kept
from bits.errors import BitsError
from bits.exhibits import Measure
from bits.plan.model import SHORT, TRAINING, MissingWeights
from bits.plan.runs import read_frozen_run
from bits.plan.sources import Import
from bits.records.known_digests import known_digest
from bits.records.seal import RecordError, read_record

IMPORTS = "imports"  # in a study's folder: a folder an import, called by its id
HOW_TO_SUPPLY = "Put the file there, say in config/runs.yaml where it is, or take the line away."


def planned_import(name: str, line: ImportLine, recipe: ImportRecipe, folder: Path) -> Import:
    """An import with its files below `folder`."""
    identity = f"{name}-{recipe.digest()[:SHORT]}"
    place = folder / IMPORTS / identity
    return Import(
        name=name, id=identity, seed=recipe.seed, file=line.weights, label=line.label, folder=place, recipe=recipe
    )


def imports(lines: Mapping[str, ImportLine], shared: Composed, folder: Path, config_dir: Path) -> dict[str, Import]:
    """Every declared import by id. shared: any composed run of the scale."""
    found = {}
    for name, line in lines.items():
        weights = weights_digest(line.file) or _imported_before(name, line.weights, folder)
        one = planned_import(name, line, import_recipe(line, shared, weights, config_dir), folder)
        found[one.id] = one
    return found


def weights_digest(file: Path) -> str | None:
    """sha256 (hex) of a file of weights; None where there is none that can be read."""
    try:
        return known_digest(file, kept.PLACE) if file.is_file() else None
    except OSError:
        return None


def _imported_before(name: str, file: str, folder: Path) -> str | None:
    """sha256 of the file that was imported last under this name from this place, here or by whoever shared it."""
    found = []
    for path in (folder / IMPORTS).glob(f"{name}-*/provenance.json"):
        try:
            record = read_record(path, "the provenance of an import")
        except RecordError:
            continue
        if record.get("name") == name and record.get("file") == file:
            found.append((str(record.get("finished")), str(record.get("sha256"))))
    return max(found)[1] if found else None


def missing_weights(found: Iterable[Import]) -> tuple[MissingWeights, ...]:
    """The imports that cannot be made: they were not made here, and their file is not there."""
    absent = [one for one in found if not one.provenance.is_file() and weights_digest(one.path) is None]
    return tuple(
        MissingWeights(
            run=one.name, file=one.file, reason="cannot be read" if one.path.is_file() else "there is no such file"
        )
        for one in absent
    )


def refuse_finetunings(pairs: Iterable[tuple[str, str]], imported: Collection[str]) -> None:
    """Raise BitsError for a fine-tuning, (run, role), of what was not trained here."""
    for name, role in pairs:
        if name in imported:
            raise BitsError(
                f"config: an exhibit shows {name}-on-{role}, but {name} is imported: without the heads and the student "
                "of its training it cannot be fine-tuned as runs are. Take that row away."
            )


def applies(measure: Measure) -> bool:
    """Whether an import can have it: it was not trained here, and has no head that would send codes."""
    if measure.record == TRAINING:
        return False
    evaluator = evaluator_declarations().get(measure.evaluator)
    return evaluator is None or "codes" not in evaluator.value.needs


def frozen_import(one: Import) -> dict[str, Any]:
    """The content of an import's config.yaml. The digest reveals edits."""
    recipe = one.recipe
    return {
        "name": one.name,
        "file": one.file,
        "digest": recipe.digest(),
        "import": recipe.model_dump(mode="json"),
    }


def read_frozen_import(path: Path) -> tuple[str, str, ImportRecipe]:
    """(name, file, recipe) of an import's config.yaml; raises BitsError when it was edited, or is another one's."""
    recipe: ImportRecipe = read_section(path, ImportRecipe, "import")
    facts = yaml.safe_load(path.read_text(encoding="utf-8"))
    identity = f"{facts.get('name')}-{recipe.digest()[:SHORT]}"
    if recipe.digest() != facts.get("digest") or path.absolute().parent.name != identity:
        raise BitsError(
            f"{path}: was changed by hand, or is that of another import, {identity}. Remove it (the next snakemake "
            "call writes it anew) and change config/ instead."
        )
    return str(facts["name"]), str(facts["file"]), recipe


def read_backbone_recipe(path: Path) -> BackboneRecipe:
    """The recipe in the config.yaml of a run or an import; raises BitsError when it was edited."""
    if path.absolute().parent.parent.name == IMPORTS:
        return read_frozen_import(path)[2]
    return read_frozen_run(path)[2]
