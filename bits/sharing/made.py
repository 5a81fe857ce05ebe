"""made.json: which job made which files, and from which inputs, with digests and dates."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bits.records.digests import file_digest
from bits.records.files import write_text
from bits.sharing.errors import SharingError

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class JobRecord(BaseModel):
    """What Snakemake remembers of a finished job and compares to decide whether it must run again."""

    model_config = ConfigDict(extra="forbid")
    rule: str
    command: str
    params: list[str]
    inputs: list[str]
    outputs: list[str]

    @property
    def files(self) -> tuple[str, ...]:
        """Inputs, then outputs."""
        return (*self.inputs, *self.outputs)


class Made(BaseModel):
    """The jobs that made the files of a scale.

    metadata_format: the version of Snakemake's notes. digests: path relative to the project -> sha256, for every input
    and output. dates: output -> when it was last written, in seconds since 1970.
    """

    model_config = ConfigDict(extra="forbid")
    format: Literal[1] = 1
    metadata_format: int
    jobs: list[JobRecord]
    digests: dict[str, Digest]
    dates: dict[str, Annotated[float, Field(ge=0, lt=1e11)]]


def read_made(path: Path) -> Made:
    """The made.json of a scale; raises SharingError when it is missing, damaged or incomplete."""
    try:
        made = Made.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SharingError(
            f"{path}: cannot be read ({error.strerror}). It comes with the results of a scale that was shared: "
            "run git pull here, or make push where the results were made."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise SharingError(f"{path}: {where}: {first['msg']}. Restore it: git checkout {path}") from error
    for job in made.jobs:
        for name in job.files:
            if name not in made.digests or (name in job.outputs and name not in made.dates):
                raise SharingError(f"{path}: no digest or date of {name}. Restore it: git checkout {path}")
    return made


def write_made(made: Made, path: Path) -> None:
    """Write one line per job, digest and date, sorted, so that equal contents give equal text and changes small diffs.

    A file that already says the same is left alone.
    """
    text = "\n".join(_lines(made)) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def _lines(made: Made) -> Iterator[str]:
    values = made.model_dump()
    values["jobs"] = sorted(values["jobs"], key=lambda job: job["outputs"])
    yield "{"
    for key, value in values.items():
        yield from _entry(key, value, "" if key == list(values)[-1] else ",")
    yield "}"


def _entry(key: str, value: Any, comma: str) -> Iterator[str]:
    if isinstance(value, dict):
        entries = [f"{json.dumps(name)}: {json.dumps(value[name])}" for name in sorted(value)]
        yield from (f'"{key}": {{', ",\n".join(entries), f"}}{comma}")
    elif isinstance(value, list):
        yield from (f'"{key}": [', ",\n".join(map(json.dumps, value)), f"]{comma}")
    else:
        yield f'"{key}": {json.dumps(value)}{comma}'


def digests_of(paths: Iterable[str]) -> dict[str, str]:
    """Path -> sha256 of each file that exists, several read at a time; links are followed, folders skipped."""
    there = [path for path in paths if Path(path).is_file()]
    with ThreadPoolExecutor() as pool:
        return dict(zip(there, pool.map(lambda path: file_digest(Path(path)), there), strict=True))
