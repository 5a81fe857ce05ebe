"""What runs and metrics files say of where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bits.reporting.files import number, part, read_json


@dataclass(frozen=True)
class Origin:
    """The provenance of one run or evaluation. started, finished: ISO 8601; what was not recorded is empty or None.

    spent: seconds over all starts of a run; None where only the process that finished it is known.
    """

    commit: str = ""
    versions: Mapping[str, str] | None = None
    hardware: Mapping[str, Any] | None = None
    started: str = ""
    finished: str = ""
    spent: float | None = None
    processes: int = 1

    @classmethod
    def of(cls, record: Mapping[str, Any], where: str | Path) -> Origin:
        """From a provenance record in the file `where`; raises ReportError when a part of it is not an object."""
        code = part(record, "code", where)
        commit = str(code.get("commit") or "")
        return cls(
            commit=f"{commit} with uncommitted changes" if commit and code.get("dirty") else commit,
            versions={package: str(version) for package, version in part(record, "versions", where).items()},
            hardware=part(record, "hardware", where),
            started=str(record.get("started") or ""),
            finished=str(record.get("finished") or ""),
            spent=number(record.get("seconds_spent")),
            processes=int(number(record.get("processes")) or 1),
        )

    @property
    def seconds(self) -> float | None:
        """Over all starts where they are known, else of the process that finished."""
        if self.spent is not None:
            return self.spent
        try:
            return (datetime.fromisoformat(self.finished) - datetime.fromisoformat(self.started)).total_seconds()
        except ValueError:
            return None

    @property
    def device(self) -> str:
        """The device, a CPU by its model, with the number of processes where there were several; or nothing."""
        hardware = self.hardware or {}
        device = str(hardware.get("device") or "")
        name = str(hardware.get("cpu") or device) if device == "cpu" else device
        return f"{self.processes} x {name}" if self.processes != 1 and name else name


def read_origin(path: Path) -> Origin:
    """Of a run, from its provenance.json; raises ReportError when it or a part of it is not an object."""
    return Origin.of(read_json(path, "a run's provenance"), path)
