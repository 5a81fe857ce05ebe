"""Where each run comes from: the parts of its provenance and outcome that the archive describes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bits.archive.errors import ArchiveError
from bits.plan.model import Plan
from bits.records.digests import digest


class Data(BaseModel):
    """The data set that a run was trained on. fingerprint: the identity of its content."""

    name: str
    fingerprint: str
    train_images: int


class Code(BaseModel):
    """The commit that a run was made with, None without git. dirty: whether there were uncommitted changes."""

    commit: str | None
    dirty: bool | None


class Provenance(BaseModel):
    """provenance.json. versions: of packages. started, finished: ISO 8601, UTC."""

    data: Data
    code: Code
    versions: dict[str, str]
    hardware: dict[str, Any]
    started: str
    finished: str


class Outcome(BaseModel):
    """outcome.json: how a run ended, in a word and in a sentence."""

    outcome: str
    detail: str


@dataclass(frozen=True)
class Origin:
    provenance: Provenance
    outcome: Outcome


Record = TypeVar("Record", bound=BaseModel)


def read_origins(plan: Plan) -> dict[str, Origin]:
    """Run id -> its origin, for the runs that have ended; raises ArchiveError for a damaged record."""
    return {
        identity: Origin(read_record_as(run.provenance, Provenance), read_record_as(run.outcome, Outcome))
        for identity, run in plan.runs.items()
        if run.provenance.is_file() and run.outcome.is_file()
    }


def environment(origins: Mapping[str, Origin]) -> bytes:
    """environment.json: each machine and set of package versions once, with the runs that were made there."""
    found: dict[str, dict[str, Any]] = {}
    for identity, origin in origins.items():
        values = origin.provenance.model_dump(include={"hardware", "versions", "code"})
        found.setdefault(digest(values), {**values, "runs": []})["runs"].append(identity)
    return (json.dumps(list(found.values()), indent=1) + "\n").encode()


def read_record_as(path: Path, kind: type[Record]) -> Record:
    """The parts of a JSON record that the archive describes; raises ArchiveError for one that is damaged."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ArchiveError(
            f"{path}: {f'{where}: ' if where else ''}{first['msg']}. Restore it (git checkout), or delete the run's "
            "folder and make it again."
        ) from error
