"""Where a report's numbers come from, gathered from the metrics files: commits, hardware, versions, times."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bits.reporting.results import Results


@dataclass(frozen=True)
class Origins:
    """Every distinct value found; commits say when there were uncommitted changes; times ISO 8601 or ''."""

    files: int
    commits: tuple[str, ...]
    hardware: tuple[str, ...]
    versions: dict[str, str]
    started: str
    finished: str


def origins_of(results: Results) -> Origins:
    """The provenance of every metrics file of the plan that exists."""
    places = [(identity, record) for identity, records in results.plan.metrics.items() for record in records]
    found = [metrics.origin for place in places if (metrics := results.metrics(*place)) is not None]
    versions: dict[str, list[str]] = {}
    for origin in found:
        for package, version in (origin.versions or {}).items():
            versions.setdefault(package, []).append(version)
    return Origins(
        files=len(found),
        commits=_distinct(origin.commit for origin in found),
        hardware=_distinct(_flat(origin.hardware) for origin in found),
        versions={package: ", ".join(_distinct(several)) for package, several in sorted(versions.items())},
        started=min((origin.started for origin in found if origin.started), default=""),
        finished=max((origin.finished for origin in found if origin.finished), default=""),
    )


def _flat(value: Any) -> str:
    """A nested value on one line: {"cpu": "x", "cores": 2} as "cpu: x, cores: 2"."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_flat(inner)}" for key, inner in value.items() if inner not in (None, ""))
    return ", ".join(map(_flat, value)) if isinstance(value, list) else str(value if value is not None else "")


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))
