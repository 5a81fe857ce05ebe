"""What reports say of backbones that were trained elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bits.plan.model import SHORT
from bits.plan.sources import Import
from bits.reporting.files import ReportError, read_intact
from bits.reporting.results import Results


@dataclass(frozen=True)
class ImportedBackbone:
    """An import in the report's list. taken: of its file, and what was left out; "" while it is not imported.

    links: word -> path from the root, if it exists.
    """

    id: str
    label: str
    weights: str
    backbone: str
    taken: str
    left_out: str
    changed: tuple[str, ...]
    links: dict[str, Path]


def weights_said(one: Import) -> str:
    """Where its weights are from, for a row of a table."""
    digest = (one.recipe.weights or "of a file that is not there")[: 2 * SHORT]
    return f"weights from {one.path.name}, sha256 {digest}, not trained here"


def imported_backbones(results: Results) -> list[ImportedBackbone]:
    """Every import of the plan, in its order."""
    return [_line(one, results) for one in results.plan.imports.values()]


def _line(one: Import, results: Results) -> ImportedBackbone:
    path = results.root / one.provenance
    facts = _taken(path, one) if path.is_file() else {}
    left_out = facts.get("left_out", {})
    return ImportedBackbone(
        id=one.id,
        label=one.label,
        weights=weights_said(one),
        backbone=one.recipe.backbone.name,
        taken=_count(facts),
        left_out=", ".join(f"{name} ({count})" for name, count in left_out.items()),
        changed=tuple(facts.get("changed", ())),
        links={word: file for word, file in _files(one).items() if (results.root / file).is_file()},
    )


def _files(one: Import) -> dict[str, Path]:
    return {"config": one.config, "provenance": one.provenance}


def _taken(path: Path, one: Import) -> dict[str, Any]:
    record = read_intact(path, "the provenance of an import")
    if record.get("id") != one.id:
        raise ReportError(f"{path}: is of {record.get('id')}, not of {one.id}. Delete it and run snakemake again.")
    return dict(record["taken"])


def _count(facts: dict[str, Any]) -> str:
    if not facts:
        return ""
    behind = f", behind {facts['prefix']!r}" if facts["prefix"] else ""
    branch = f", the {facts['branch']}'s" if facts["branch"] else ""
    return f"{facts['tensors_taken']} of {facts['tensors_in_file']} tensors{behind}{branch}"
