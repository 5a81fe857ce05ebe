"""The report as JSON and Markdown, from what the parts found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bits.gpucheck.markdown import table
from bits.gpucheck.part import Part
from bits.records.files import write_json, write_text

RAW = "raw.log"


def write_report(folder: Path, about: dict[str, Any], parts: Sequence[Part], results: dict[str, Any]) -> None:
    """report.json and README.md; a part that has not been run yet is missing in both."""
    numbers = {name: _without_text(result) for name, result in results.items()}
    write_json(folder / "report.json", {"about": about, "parts": numbers})
    write_text(folder / "README.md", "\n\n".join(_pages(about, parts, results)) + "\n")


def _without_text(result: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in result.items() if key != "text"}


def _pages(about: dict[str, Any], parts: Sequence[Part], results: dict[str, Any]) -> Iterator[str]:
    yield f"# GPU check: {about['device']}, {about['started'][:10]}"
    if about["quick"]:
        yield "A rehearsal at the smallest sizes: its numbers say nothing about speed or learning."
    yield f"    {' '.join(about['command'])}"
    yield _about(about)
    done = [part for part in parts if part.name in results]
    yield table(
        ("part", "result", "seconds"),
        [(part.title, _verdict(results[part.name]), results[part.name]["seconds"]) for part in done],
    )
    yield f"All numbers are in [report.json](report.json), all that was printed is in [{RAW}]({RAW})."
    for part in done:
        yield f"## {part.title}"
        yield from _section(results[part.name])


def _about(about: dict[str, Any]) -> str:
    code, machine = about["code"], about["hardware"]
    commit = code["commit"] or "unknown (no git here; commit=... states it)"
    state = {True: ", with changes that are not committed", False: "", None: ", state unknown"}[code["dirty"]]
    stated = " (as stated in the command)" if code.get("stated") else ""
    return (
        f"Commit {commit}{stated}{state}. Machine: {about['device']}; {machine['cores']} cores of {machine['cpu']}, "
        f"{machine['memory_gib']} GiB. Python {about['versions']['python']}, torch {about['versions'].get('torch')}, "
        f"timm {about['versions'].get('timm')}. From {about['started']} to {about['finished'] or '(still running)'}, "
        f"{about['seconds']:.0f} s of {60 * about['minutes']:.0f}."
    )


def _verdict(result: dict[str, Any]) -> str:
    return result["status"] if result["status"] == "ok" else f"**{result['status']}**: {result['problem']}"


def _section(result: dict[str, Any]) -> Iterator[str]:
    if result["text"]:
        yield result["text"]
    if result["status"] != "ok":
        yield f"{result['status']}: {result['problem']}"
    if result.get("traceback"):
        yield f"```\n{result['traceback'].rstrip()}\n```"
