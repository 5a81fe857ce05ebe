"""made/: which job made which files, and from which inputs, with digests and dates; a file a job.

Two people who share results of one study change the files of different jobs, so git merges them; of a job that both
ran, one side's line is taken as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bits.records.digests import digest, file_digest
from bits.records.files import write_text
from bits.sharing.errors import SharingError

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Date = Annotated[float, Field(ge=0, lt=1e11)]  # seconds since 1970
Read = TypeVar("Read")
FOLDER = "made"  # in a study's folder
FORMER = "made.json"  # held all jobs, before each had a file; read where it still is, and removed by the next recording


class JobRecord(BaseModel):
    """What Snakemake remembers of a finished job and compares to decide whether it must run again."""

    model_config = ConfigDict(extra="forbid")
    rule: str
    command: str
    params: list[str]
    inputs: list[str]
    outputs: list[str] = Field(min_length=1)

    @property
    def files(self) -> tuple[str, ...]:
        """Inputs, then outputs."""
        return (*self.inputs, *self.outputs)


class Recorded(BaseModel):
    """A finished job and what its files were.

    metadata_format: the version of Snakemake's notes. digests: path relative to the project -> sha256, of the inputs as
    the job read them and of the outputs as it wrote them. dates: output -> when it was last written.
    """

    model_config = ConfigDict(extra="forbid")
    format: Literal[2] = 2
    metadata_format: int
    job: JobRecord
    digests: dict[str, Digest]
    dates: dict[str, Date]

    @model_validator(mode="after")
    def _is_complete(self) -> Recorded:
        for name in self.job.files:
            if name not in self.digests or (name in self.job.outputs and name not in self.dates):
                raise ValueError(f"no digest or date of {name}")
        return self

    @property
    def file(self) -> str:
        """The name of its file, which stays the same when the job runs again."""
        return f"{self.job.rule}-{digest(sorted(self.job.outputs))[:8]}.json"


class _Former(BaseModel):
    """made.json: all jobs of a study in one file."""

    model_config = ConfigDict(extra="forbid")
    format: Literal[1]
    metadata_format: int
    jobs: list[JobRecord]
    digests: dict[str, Digest]
    dates: dict[str, Date]

    def recorded(self) -> list[Recorded]:
        return [
            Recorded(
                metadata_format=self.metadata_format,
                job=job,
                digests={name: self.digests[name] for name in job.files if name in self.digests},
                dates={name: self.dates[name] for name in job.outputs if name in self.dates},
            )
            for job in self.jobs
        ]


@dataclass(frozen=True)
class Made:
    """The jobs that made the files of a study."""

    recorded: tuple[Recorded, ...] = ()

    @property
    def jobs(self) -> list[JobRecord]:
        return [one.job for one in self.recorded]

    @cached_property
    def by_output(self) -> dict[str, Recorded]:
        """Output -> the job that wrote it last."""
        found: dict[str, Recorded] = {}
        for one in self.recorded:
            for name in one.job.outputs:
                if name not in found or found[name].dates[name] < one.dates[name]:
                    found[name] = one
        return found

    @cached_property
    def digests(self) -> dict[str, str]:
        """sha256 of every file: as its job wrote it, or else as it was read."""
        read = {name: one.digests[name] for one in self.recorded for name in one.job.inputs}
        return {**read, **{name: one.digests[name] for name, one in self.by_output.items()}}

    @cached_property
    def dates(self) -> dict[str, float]:
        """Output -> when it was last written."""
        return {name: one.dates[name] for name, one in self.by_output.items()}


def is_recorded(study: Path) -> bool:
    """Whether anything of a study was ever recorded."""
    return (study / FORMER).is_file() or any((study / FOLDER).glob("*.json"))


def read_made(study: Path) -> Made:
    """What is recorded in a study's folder; raises SharingError when nothing is, or a file is damaged or incomplete."""
    if not is_recorded(study):
        raise SharingError(
            f"{study / FOLDER}: no records of who made what. They come with the results of a study that was shared: "
            "run git pull here, or make push where the results were made."
        )
    found = [_read(path, Recorded.model_validate_json) for path in sorted((study / FOLDER).glob("*.json"))]
    former = study / FORMER
    if former.is_file():
        known = {name for one in found for name in one.job.outputs}
        earlier = _read(former, lambda content: _Former.model_validate_json(content).recorded())
        found += [one for one in earlier if not known & set(one.job.outputs)]
    return Made(tuple(found))


def _read(path: Path, parsed: Callable[[bytes], Read]) -> Read:
    try:
        return parsed(path.read_bytes())
    except OSError as error:
        raise SharingError(f"{path}: cannot be read ({error.strerror}). {_restore(path)}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"{part}." for part in first["loc"]).rstrip(".")
        raise SharingError(f"{path}: {where}{': ' * bool(where)}{first['msg']}. {_restore(path)}") from error


def _restore(path: Path) -> str:
    """What to do; it works, too, while a merge that stopped in the file waits."""
    return f"Restore it: git checkout HEAD -- {path}"


def write_made(made: Made, study: Path) -> None:
    """Write a file a job, on one line, so that equal contents give equal text; files of other jobs are removed.

    A file that already says the same is left alone.
    """
    folder = study / FOLDER
    texts = {one.file: json.dumps(one.model_dump(), sort_keys=True) + "\n" for one in made.recorded}
    for name, text in texts.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            write_text(path, text)
    for path in (study / FORMER, *(path for path in folder.glob("*.json") if path.name not in texts)):
        path.unlink(missing_ok=True)


def digests_of(paths: Iterable[str]) -> dict[str, str]:
    """Path -> sha256 of each file that exists, several read at a time; links are followed, folders skipped."""
    there = [path for path in paths if Path(path).is_file()]
    with ThreadPoolExecutor() as pool:
        return dict(zip(there, pool.map(lambda path: file_digest(Path(path)), there), strict=True))
