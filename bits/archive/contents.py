"""Which files of a scale belong in its archive, and which of them are missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bits.archive.errors import ArchiveError
from bits.plan.model import REPORTS, RESULTS, WEIGHTS, Plan, Run
from bits.records.code import tracked_files
from bits.sharing.files import outputs
from bits.sharing.pointers import IN_A_CACHE

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


@dataclass(frozen=True)
class Item:
    """A file to archive. name: in the archive. source: where it is. made: by the pipeline; else it is code."""

    name: str
    source: Path
    made: bool


def contents(plan: Plan, root: Path, code: Path, weights: bool) -> tuple[list[Item], list[str]]:
    """(files to archive, names of expected files that do not exist).

    root: what the plan's paths are relative to. code: the checkout. Only files that the plan names go in: results with
    other digests stay out, and of the checkout what git does not track, such as a site of one's own; without git, all
    sites. Raises ArchiveError for a broken link, one that leads out, and for a path outside results/ and reports/.
    """
    expected, optional = list(dict.fromkeys(_expected(plan))), _optional(plan, root, weights)
    missing = [str(path) for path in expected if not _is_file(root / path, root)]
    made = [path for path in dict.fromkeys((*expected, *optional)) if _is_file(root / path, root)]
    items = [Item(archived_name(path), root / path, made=True) for path in made]
    items += [Item(path.as_posix(), code / path, made=False) for path in _code(code) if _is_file(code / path, code)]
    return sorted(items, key=lambda item: item.name), missing


def archived_name(path: Path) -> str:
    """The name in the archive of a path of the plan; raises ArchiveError if it lies outside results/ and reports/."""
    inside = path.is_relative_to(RESULTS) or path.is_relative_to(REPORTS)
    if not inside or ".." in path.parts:
        raise ArchiveError(
            f"{path}: the plan names a file outside {RESULTS}/ and {REPORTS}/. Make the plan again: bits plan"
        )
    return path.as_posix()


def records(run: Run) -> list[Path]:
    """What a run that has ended leaves beside its weights."""
    return [run.outcome, run.curve, run.provenance, run.log]


def _expected(plan: Plan) -> Iterator[Path]:
    """What a complete scale has."""
    for run in plan.runs.values():
        yield from (run.config, *records(run))
    for one in plan.imports.values():
        yield from (one.config, one.provenance)
    yield from (path for paths in plan.needs.values() for path in paths)
    yield from (plan.reports / "index.html", plan.reports / "summary.json")
    yield from (plan.reports / "exhibits" / f"{name}.{end}" for name in plan.needs for end in plan.formats[name])


def _optional(plan: Plan, root: Path, weights: bool) -> Iterator[Path]:
    """What goes in if it exists: plan, frozen settings, failures, logs, the rest of the report, weights if wanted."""
    yield from (plan.file, plan.site_file)
    yield from map(plan.evaluation_file, plan.evaluations)
    yield from (run.failure for run in plan.runs.values())
    yield from _logs(plan, root)
    yield from (path for path in map(Path, outputs(plan)) if path.is_relative_to(plan.reports))
    if weights:
        yield from (run.weights(part) for run in plan.runs.values() for part in WEIGHTS)
        yield from (one.weights for one in plan.imports.values())


def _logs(plan: Plan, root: Path) -> Iterator[Path]:
    """What the jobs of the plan's runs and references printed."""
    for path in _below(root, plan.folder / "logs", ("*.log",)):
        if {path.stem, path.parent.name} & set(plan.metrics) or path.stem.startswith("references-"):
            yield path


def _code(code: Path) -> Iterator[Path]:
    """The project's own files, relative to the checkout."""
    yield from map(Path, PROJECT)
    known = tracked_files(code)
    for tree, patterns in TREES.items():
        for path in _below(code, Path(tree), patterns):
            if path.as_posix() in known if known is not None else not path.is_relative_to("config/site"):
                yield path


def untracked(code: Path) -> list[str]:
    """Configuration and documentation that stay out of the archive because git does not track them."""
    inside = set(map(Path.as_posix, _code(code)))
    there = (path.as_posix() for tree, patterns in TREES.items() for path in _below(code, Path(tree), patterns))
    return sorted(set(there) - inside)


def _is_file(path: Path, root: Path) -> bool:
    """Whether a file exists; raises ArchiveError for a broken link, and for one that leads out of the project."""
    if path.is_symlink() and not path.exists():
        raise ArchiveError(
            f"{path} is a link to {path.readlink()}, which does not exist. Fetch it (dvc pull), or remove the link."
        )
    if not path.is_file():
        return False
    found = path.resolve()
    tops = [(root / top).resolve() for top in ("", RESULTS, REPORTS)]  # results/ itself may be on another disk
    if not any(found.is_relative_to(top) for top in tops) and not IN_A_CACHE.fullmatch(str(found)):
        raise ArchiveError(f"{path} leads out of the project, to {found}. Put the file itself there, or remove it.")
    return True


def _below(root: Path, folder: Path, patterns: Iterable[str]) -> list[Path]:
    """Files below root/folder, relative to root. Hidden ones, which may still be being written, stay out."""
    found = {path for pattern in patterns for path in (root / folder).rglob(pattern) if not path.is_dir()}
    names = (path.relative_to(root) for path in sorted(found))
    return [name for name in names if not any(part.startswith(".") for part in name.parts)]
