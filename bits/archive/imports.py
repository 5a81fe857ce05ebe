"""Every import as a CreateAction: the file of weights, known by its digest and not in the archive, and its results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel
from rocrate.model import ContextEntity
from rocrate.rocrate import ROCrate

from bits.archive.contents import archived_name
from bits.archive.origins import Code, read_record_as
from bits.archive.software import software
from bits.plan.model import Plan
from bits.plan.sources import Import

COMPLETED = "http://schema.org/CompletedActionStatus"


class ImportProvenance(BaseModel):
    """provenance.json of an import. file: as the user wrote it. sha256, bytes: of that file."""

    file: str
    sha256: str
    bytes: int
    code: Code
    versions: dict[str, str]
    started: str
    finished: str


def import_actions(crate: ROCrate, plan: Plan, names: set[str]) -> list[ContextEntity]:
    """An action for every import that was made; names: of the archive. Raises ArchiveError: a damaged record."""
    made = [one for one in plan.imports.values() if one.provenance.is_file()]
    return [crate.add(ContextEntity(crate, f"#import-{one.id}", _action(crate, plan, one, names))) for one in made]


def _action(crate: ROCrate, plan: Plan, one: Import, names: set[str]) -> dict[str, Any]:
    found = read_record_as(one.provenance, ImportProvenance)
    files = (one.weights, one.provenance, *plan.evaluation_files(one.id).values())
    config = archived_name(one.config)
    return {
        "@type": "CreateAction",
        "name": f"Import and evaluate {one.name}",
        "description": f"Weights that were trained elsewhere{f' ({one.label})' if one.label else ''}",
        "instrument": software(crate, found.code, found.versions),
        "object": [crate.get(config) if config in names else None, _weights(crate, found)],
        "result": [crate.get(name) for name in map(archived_name, files) if name in names],
        "startTime": found.started,
        "endTime": found.finished,
        "actionStatus": COMPLETED,
        "agent": crate.root_dataset["publisher"],
    }


def _weights(crate: ROCrate, found: ImportProvenance) -> ContextEntity:
    properties = {
        "@type": "CreativeWork",
        "name": Path(found.file).name,
        "identifier": f"sha256:{found.sha256}",
        "description": f"{found.bytes} bytes of weights that were trained elsewhere",
    }
    return crate.add(ContextEntity(crate, f"#weights-{found.sha256}", properties))
