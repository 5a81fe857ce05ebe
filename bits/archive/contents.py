"""Which files of a scale belong into its archive, and which are missing. Never imports torch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from bits.archive.errors import ArchiveError
from bits.plan import WEIGHTS

Plan = Mapping[str, Any]
PROJECT = (
    "Snakefile",
    "README.md",
    "LICENSE",
    "CITATION.cff",
    "requirements.lock",
    "requirements.in",
    "pyproject.toml",
)
TREES = {"config": ("*.yaml", "*.csv"), "workflow": ("*.smk", "*.yaml"), "docs": ("*.md",)}
OWN = "config/site/local.yaml"  # the user's machine; what it says is in results/<scale>/sites/
PARTS = (
    "scale",
    "project",
    "site",
    "datasets",
    "evaluations",
    "runs",
    "metrics",
    "needs",
    "formats",
    "left_out",
    "pending",
)
RUN_FILES = ("config", "outcome", "curve", "provenance", "log")


@dataclass(frozen=True)
class Item:
    """A file: its name in the archive, where it lies, and whether the pipeline made it or it is part of the code."""

    name: str
    source: Path
    made: bool


def read_plan(path: Path) -> dict[str, Any]:
    """A scale's plan.json; raises ArchiveError when it is not there or is none."""
    try:
        plan: dict[str, Any] = json.loads(path.read_text())
        assert set(PARTS) <= set(plan)
    except (OSError, ValueError, AssertionError) as error:
        scale = path.parent.name
        raise ArchiveError(
            f"{path}: no plan could be read ({error or 'parts are missing'}). Expected what the workflow wrote; "
            f"make the results first: snakemake --cores all --config scale={scale}"
        ) from None
    return plan


def contents(plan: Plan, root: Path, code: Path, weights: bool) -> tuple[list[Item], list[str]]:
    """(files, names of what is expected but not there).

    root: what the plan's paths are relative to. code: the checkout. Files of other digests than the plan's stay out.
    """
    scale = plan["scale"]["name"]
    reports = f"reports/{scale}"
    expected = [*_of_runs(plan), *(path for paths in plan["needs"].values() for path in paths)]
    expected += [f"{reports}/index.html", f"{reports}/summary.json"]
    expected += [f"{reports}/exhibits/{name}.{suffix}" for name in plan["needs"] for suffix in plan["formats"][name]]
    optional = [*_records(plan, root), *_below(root, reports, ("*",))]
    if weights:
        optional += [f"{run['folder']}/{part}.safetensors" for run in plan["runs"].values() for part in WEIGHTS]
    missing = [path for path in dict.fromkeys(expected) if not _there(root / path)]
    named = [path for path in dict.fromkeys([*expected, *optional]) if _there(root / path)]
    items = [Item(archived_name(path, plan), root / path, made=True) for path in named]
    project = [*PROJECT, *(name for tree, patterns in TREES.items() for name in _below(code, tree, patterns))]
    items += [Item(name, code / name, made=False) for name in project if name != OWN and _there(code / name)]
    return sorted(items, key=lambda item: item.name), missing


def archived_name(path: str, plan: Plan) -> str:
    """A plan's path as a name in the archive; raises ArchiveError for one that leads out of it."""
    results = PurePosixPath(_results(plan))
    name = PurePosixPath(path)
    if name.is_relative_to(results):
        name = "results" / name.relative_to(results)
    if name.is_absolute() or ".." in name.parts:
        raise ArchiveError(
            f"{path}: the plan names a file outside {results} and reports/. Make the plan again: snakemake -n"
        )
    return str(name)


def _results(plan: Plan) -> str:
    folder: str = plan["site"].get("results", "results")
    return folder


def _there(path: Path) -> bool:
    """Whether a file is there; raises ArchiveError for a link to one that is not."""
    if path.is_symlink() and not path.exists():
        raise ArchiveError(
            f"{path} is a link to {path.readlink()}, which does not exist. Fetch it (dvc pull), or remove it."
        )
    return path.is_file()


def _of_runs(plan: Plan) -> Iterator[str]:
    for run in plan["runs"].values():
        yield from (run[part] for part in RUN_FILES)


def _records(plan: Plan, root: Path) -> Iterator[str]:
    """Plan, frozen evaluations, failures, and what the jobs printed."""
    base = f"{_results(plan)}/{plan['scale']['name']}"
    yield from (f"{base}/plan.json", plan.get("file", ""), plan.get("site_file", f"{base}/site.yaml"))
    yield from (f"{base}/evaluations/{name}.yaml" for name in plan["evaluations"])
    yield from (run["failure"] for run in plan["runs"].values())
    for path in _below(root, f"{base}/logs", ("*.log",)):
        words = PurePosixPath(path)
        if {words.stem, words.parent.name} & set(plan["metrics"]) or words.stem.startswith("references-"):
            yield path


def _below(root: Path, folder: str, patterns: Iterable[str]) -> list[str]:
    """Files below root/folder, relative to root; hidden ones, which others are just writing, stay out."""
    found = {path for pattern in patterns for path in (root / folder).rglob(pattern) if not path.is_dir()}
    names = (path.relative_to(root) for path in sorted(found))
    return [name.as_posix() for name in names if not any(part.startswith(".") for part in name.parts)]
