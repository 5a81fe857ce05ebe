"""Findings as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from bits.doctor.finding import Finding

STATUSES = ("error", "warning", "ok", "skipped")


def as_text(findings: Sequence[Finding]) -> str:
    """A group for each subject, a line for each finding with its remedy below; the last line counts them."""
    lines = []
    for subject in dict.fromkeys(finding.subject for finding in findings):
        lines.append(subject)
        for finding in findings:
            if finding.subject == subject:
                lines.append(f"  {finding.status:8} {finding.found}")
                lines += [f"  {'':8} -> {finding.remedy}"] if finding.remedy else []
    return "\n".join([*lines, counted(findings)])


def as_json(findings: Sequence[Finding]) -> str:
    """{"findings": [{subject, status, found, remedy}, ...], "counts": {status: number}}."""
    return json.dumps({"findings": [asdict(finding) for finding in findings], "counts": counts(findings)}, indent=1)


def counts(findings: Sequence[Finding]) -> dict[str, int]:
    """How many there are of each status."""
    return {status: sum(finding.status == status for finding in findings) for status in STATUSES}


def counted(findings: Sequence[Finding]) -> str:
    """1 error, 2 warnings, 9 ok, 0 skipped."""
    number = counts(findings)
    plural = {name: "s" if number[name] != 1 else "" for name in ("error", "warning")}
    return ", ".join(f"{count} {status}{plural.get(status, '')}" for status, count in number.items())
