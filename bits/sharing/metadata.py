"""Snakemake's notes on the files that it made (.snakemake/metadata), from which it decides what to run again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from snakemake.persistence import RECORD_FORMAT_VERSION, MetadataRecord
from snakemake.persistence.file import FilePersistence

from bits.sharing.made import JobRecord, Recorded

FORMAT = RECORD_FORMAT_VERSION


class Notes:
    """The notes in a project's folder. Only what Snakemake compares is read and written.

    Paths of the interpreter and of log files, job numbers and start times belong to one machine and stay there.
    """

    def __init__(self, root: Path = Path()) -> None:
        self._kept = FilePersistence(path=root / ".snakemake")

    def known(self, path: str) -> bool:
        """Whether there is a note on a file."""
        return self._kept._read_record(path) is not None

    def date(self, path: str) -> float | None:
        """The modification time that a file had when its job ended, in seconds since 1970."""
        record = self._kept._read_record(path)
        return None if record is None else record.endtime

    def used(self, path: str) -> Mapping[str, str]:
        """Input -> sha256 at the time when the job that made a file read it."""
        record = self._kept._read_record(path)
        given = (record.input_checksums or {}) if record is not None else {}
        return {name: value.removeprefix("sha256:") for name, value in given.items()}

    def jobs(self, paths: Iterable[str]) -> list[JobRecord]:
        """The jobs that made these files, each once; files without a note are skipped."""
        found: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
        for path in paths:
            record = self._kept._read_record(path)
            if record is None or record.record_format_version != FORMAT:
                continue
            params = tuple(str(value) for value in record.params or [])
            found.setdefault((record.rule or "", record.code or "", params, tuple(record.input or [])), []).append(path)
        return [
            JobRecord(rule=rule, command=command, params=list(params), inputs=list(inputs), outputs=outputs)
            for (rule, command, params, inputs), outputs in found.items()
        ]

    def write(self, path: str, recorded: Recorded) -> None:
        """Note that a job made a file from inputs with the recorded digests."""
        job = recorded.job
        record = MetadataRecord(
            rule=job.rule,
            code=job.command,
            params=job.params,
            input=job.inputs,
            record_format_version=recorded.metadata_format,
            endtime=recorded.dates[path],
            incomplete=False,
            input_checksums={name: f"sha256:{recorded.digests[name]}" for name in job.inputs},
        )
        self._kept._write_record(path, record)
