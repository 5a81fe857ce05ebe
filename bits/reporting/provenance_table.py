"""Where a report's numbers come from, gathered from the metrics files: commits, hardware, versions, times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bits.reporting.results import Results


@dataclass(frozen=True)
class Origin:
    """Every distinct value found; commits say when there were uncommitted changes; times ISO 8601 or ''."""

    files: int
    commits: tuple[str, ...]
    hardware: tuple[str, ...]
    versions: dict[str, str]
    started: str
    finished: str


def origin_of(results: Results) -> Origin:
    """The provenance of every metrics file of the plan that exists."""
    places = [(run_id, record) for run_id, records in results.plan.metrics.items() for record in records]
    contents = [content for place in places if (content := results.metrics(*place)) is not None]
    records: list[dict[str, Any]] = [content.get("provenance") or {} for content in contents]
    versions: dict[str, list[str]] = {}
    for record in records:
        for package, version in (record.get("versions") or {}).items():
            versions.setdefault(package, []).append(str(version))
    return Origin(
        files=len(contents),
        commits=_distinct(_commit(record) for record in records),
        hardware=_distinct(_flat(record.get("hardware")) for record in records),
        versions={package: ", ".join(_distinct(found)) for package, found in sorted(versions.items())},
        started=min((str(record["started"]) for record in records if record.get("started")), default=""),
        finished=max((str(record["finished"]) for record in records if record.get("finished")), default=""),
    )


def _commit(record: dict[str, Any]) -> str:
    code = record.get("code") or record
    commit = str(code.get("commit") or "")
    return f"{commit} with uncommitted changes" if commit and code.get("dirty") else commit


def _flat(value: Any) -> str:
    """A nested value on one line: {"cpu": "x", "cores": 2} as "cpu: x, cores: 2"."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_flat(inner)}" for key, inner in value.items() if inner not in (None, ""))
    return ", ".join(map(_flat, value)) if isinstance(value, list) else str(value if value is not None else "")


def _distinct(values: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))
