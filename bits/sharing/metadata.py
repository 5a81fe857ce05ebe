"""Snakemake's notes on the files that it made (.snakemake/metadata), which it compares to decide what runs again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from snakemake.persistence import RECORD_FORMAT_VERSION, MetadataRecord
from snakemake.persistence.file import FilePersistence

from bits.sharing.made import Job, Made

FORMAT = RECORD_FORMAT_VERSION


class Notes:
    """The notes in a project's folder; only what is compared is read and written.

    Places of the interpreter and of log files, job numbers and starting times are of one machine and stay there.
    """

    def __init__(self, root: Path = Path()) -> None:
        self._kept = FilePersistence(path=root / ".snakemake")

    def known(self, path: str) -> bool:
        """Whether there is a note on a file."""
        return self._kept._read_record(path) is not None

    def date(self, path: str) -> float | None:
        """When a file was last written by a job: its modification time then."""
        record = self._kept._read_record(path)
        return None if record is None else record.endtime

    def used(self, path: str) -> Mapping[str, str]:
        """sha256 of the inputs of the job that made a file, as they were then."""
        record = self._kept._read_record(path)
        given = (record.input_checksums or {}) if record is not None else {}
        return {name: value.removeprefix("sha256:") for name, value in given.items()}

    def jobs(self, paths: Iterable[str]) -> list[Job]:
        """The jobs that made those of the files on which there is a note, each once."""
        found: dict[tuple[object, ...], Job] = {}
        for path in paths:
            record = self._kept._read_record(path)
            if record is None or record.record_format_version != FORMAT:
                continue
            inputs, params = list(record.input or []), [str(value) for value in record.params or []]
            job = Job(rule=record.rule or "", command=record.code or "", params=params, inputs=inputs, outputs=[])
            found.setdefault((job.rule, job.command, *params, "", *inputs), job).outputs.append(path)
        return list(found.values())

    def write(self, path: str, job: Job, made: Made) -> None:
        """Note that a job made a file, from inputs with the recorded digests."""
        record = MetadataRecord(
            rule=job.rule,
            code=job.command,
            params=job.params,
            input=job.inputs,
            record_format_version=made.metadata_format,
            endtime=made.dates[path],
            incomplete=False,
            input_checksums={name: f"sha256:{made.digests[name]}" for name in job.inputs},
        )
        self._kept._write_record(path, record)
