"""made.json: which job made which files, from which, with their digests and dates."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bits.records.digests import file_digest
from bits.records.files import write_text
from bits.sharing.errors import SharingError

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Job(BaseModel):
    """What Snakemake compares of a job: rule, its command, parameters and inputs, for these outputs."""

    model_config = ConfigDict(extra="forbid")
    rule: str
    command: str
    params: list[str]
    inputs: list[str]
    outputs: list[str]


class Made(BaseModel):
    """The jobs behind the files of a scale.

    metadata_format: Snakemake's. digests: sha256 of every input and output, by path relative to the project.
    dates: when an output was last written, seconds since 1970.
    """

    model_config = ConfigDict(extra="forbid")
    format: Literal[1] = 1
    metadata_format: int
    jobs: list[Job]
    digests: dict[str, Digest]
    dates: dict[str, Annotated[float, Field(ge=0, lt=1e11)]]


def read_made(path: Path) -> Made:
    """made.json of a scale; raises SharingError when it is missing, damaged or contradicts itself."""
    try:
        made = Made.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SharingError(
            f"{path}: cannot be read ({error.strerror}). It comes with the results of a scale that was shared: "
            "git pull, or make push where they were made."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise SharingError(f"{path}: {where}: {first['msg']}. Get it back: git checkout {path}") from error
    for job in made.jobs:
        for name in (*job.inputs, *job.outputs):
            if name not in made.digests or (name in job.outputs and name not in made.dates):
                raise SharingError(f"{path}: no digest or date of {name}. Get it back: git checkout {path}")
    return made


def write_made(made: Made, path: Path) -> None:
    """One line a job, digest and date, in order: the same content is the same text, a change a small difference."""
    ordered = made.model_dump()
    ordered["jobs"] = sorted(ordered["jobs"], key=lambda job: job["outputs"])
    lines = ["{"]
    for key, value in ordered.items():
        comma = "" if key == list(ordered)[-1] else ","
        if isinstance(value, dict):
            entries = [f"{json.dumps(name)}: {json.dumps(value[name])}" for name in sorted(value)]
            lines += [f'"{key}": {{', ",\n".join(entries), f"}}{comma}"]
        elif isinstance(value, list):
            lines += [f'"{key}": [', ",\n".join(map(json.dumps, value)), f"]{comma}"]
        else:
            lines.append(f'"{key}": {json.dumps(value)}{comma}')
    text = "\n".join([*lines, "}"]) + "\n"
    if not path.is_file() or path.read_text() != text:
        write_text(path, text)


def digests_of(paths: Iterable[str]) -> dict[str, str]:
    """sha256 of the files that are there, several at a time; of a link's target, nothing of a folder."""
    there = [path for path in paths if Path(path).is_file()]
    with ThreadPoolExecutor() as pool:
        return dict(zip(there, pool.map(lambda path: file_digest(Path(path)), there), strict=True))
