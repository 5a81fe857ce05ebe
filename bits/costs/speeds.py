"""What a calibration has measured so far, on the disk, so that one that was stopped goes on from there."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from bits.config.section import Section
from bits.costs.calibration import Measured
from bits.plan import Plan
from bits.records.code import ROOT, code_digest, imported_files
from bits.records.digests import digest
from bits.records.files import write_json

Part = Literal["training", "extraction", "work"]
TIMING = ROOT / "bits/runs/timing.py"


def speeds_file(plan: Plan) -> Path:
    """Where the speeds are kept until all of them are known."""
    return plan.folder / "calibration-unfinished.json"


class _Kept(Section):
    basis: str
    speeds: dict[Part, dict[str, Measured]]


@dataclass
class Speeds:
    """Part of a calibration -> key of a setting -> its speed. basis: digest of all that they hold for."""

    path: Path
    basis: str
    found: dict[Part, dict[str, Measured]] = field(default_factory=dict)

    @classmethod
    def kept(cls, path: Path, basis: object) -> Speeds:
        """Those in the file, if they were measured on the same basis by the same code; else none."""
        made = digest([basis, code_digest(imported_files([TIMING]))])
        try:
            before = _Kept.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, ValidationError):  # none, or of another version
            return cls(path, made)
        return cls(path, made, dict(before.speeds) if before.basis == made else {})

    def of(self, part: Part) -> dict[str, Measured]:
        """The speeds of a part."""
        return self.found.setdefault(part, {})

    def add(self, part: Part, key: str, speed: Measured) -> None:
        """Add a speed, here and on the disk."""
        self.of(part)[key] = speed
        write_json(self.path, _Kept(basis=self.basis, speeds=self.found).model_dump(mode="json"))
