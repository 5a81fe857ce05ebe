"""Import a backbone that was trained elsewhere: its file becomes weights of this project, with where they are from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bits.config.imports import ImportRecipe
from bits.models.weights.file import WeightsError
from bits.models.weights.fit import Fitted, fitted
from bits.plan.sources import IMPORTED
from bits.records.code import code_state
from bits.records.digests import file_digest
from bits.records.provenance import command, now, versions
from bits.records.seal import write_record
from bits.runs.build import backbone_of
from bits.training.checkpoint import write_tensors


def import_weights(folder: Path, name: str, file: str, recipe: ImportRecipe) -> Fitted:
    """Write backbone.safetensors and provenance.json into `folder`, the second last.

    file: the weights, as the user wrote it. Raises WeightsError for a file that is not the one that was planned, and
    for one that does not fit the backbone (see `fitted`).
    """
    path, started = Path(file).expanduser(), now()
    found = file_digest(path) if path.is_file() else None
    if recipe.weights is not None and found not in (None, recipe.weights):
        raise WeightsError(
            f"{path}: has changed since this was planned (sha256 {found}, planned {recipe.weights}). Start again: the "
            "plan then takes the file that is there now, under another id."
        )
    taken = fitted(path, backbone_of(recipe), recipe.weights_of)
    weights = folder / f"{IMPORTED}.safetensors"
    write_tensors(weights, taken.tensors, {"run": recipe.digest(), "source": found})
    record = {
        "id": folder.name,
        "name": name,
        "file": file,
        "sha256": found,
        "bytes": path.stat().st_size,
        "taken": taken.facts(),
        "weights": {IMPORTED: file_digest(weights)},
        "code": code_state(),
        "versions": versions(),
        "command": command(),
        "started": started,
        "finished": now(),
    }
    write_record(folder / "provenance.json", record)
    return taken


def told(taken: Mapping[str, Any]) -> str:
    """What was taken from a file, what was left out and what was changed, in lines. taken: `Fitted.facts`."""
    behind = f" behind {taken['prefix']!r}" if taken["prefix"] else ""
    branch = f", the {taken['branch']}'s" if taken["branch"] else ""
    lines = [f"took {taken['tensors_taken']} of {taken['tensors_in_file']} tensors{behind}{branch}"]
    if taken["left_out"]:
        lines.append("left out: " + ", ".join(f"{name} ({count})" for name, count in taken["left_out"].items()))
    if taken["not_given"]:
        lines.append(f"not in the file, and not learned: {', '.join(taken['not_given'][:4])}")
    return "\n".join([*lines, *taken["changed"]])
