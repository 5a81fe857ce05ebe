"""The code that a rule's digest covers is all the code that its command imports."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from bits.provenance import ROOT
from bits.workflow import CODE

# Whose changes show in what a job is given (plan, digests, frozen files), or that name and check what others compute.
ELSEWHERE = (
    "bits/__init__.py", "bits/errors.py", "bits/provenance.py", "bits/records.py", "bits/recipe.py",
    "bits/validation.py", "bits/compose.py", "bits/plan/", "bits/exhibits/",
    "bits/commands/__init__.py", "bits/commands/guard.py",
)  # fmt: skip


# Beside what is imported, in the same file: the curve of a run is retrieval alone.
UNUSED = {"train": {f"evaluation/{name}.py" for name in ("knn", "linear_probe", "probe_batches", "probe_heads")}}


def file_of(module: str) -> Path | None:
    path = ROOT / module.replace(".", "/")
    return (
        path / "__init__.py" if path.is_dir() else path.with_suffix(".py") if path.with_suffix(".py").exists() else None
    )


def imported(path: Path) -> set[Path]:
    """The project's files that a file imports, anywhere in it; from packages their modules, too."""
    found: set[Path | None] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bits"):
            found |= {file_of(str(node.module)), *(file_of(f"{node.module}.{name.name}") for name in node.names)}
        elif isinstance(node, ast.Import):
            found |= {file_of(name.name) for name in node.names if name.name.startswith("bits")}
    return {path for path in found if path is not None}


def closure(start: Path) -> set[str]:
    done: set[Path] = set()
    waiting = [start]
    while waiting:
        path = waiting.pop()
        name = path.relative_to(ROOT).as_posix()
        if path not in done and not name.startswith(ELSEWHERE):
            done.add(path)
            waiting += imported(path)
    return {path.relative_to(ROOT / "bits").as_posix() for path in done}


@pytest.mark.parametrize("part", ["train", "evaluate"])
def test_what_a_command_imports_is_in_its_digest(part: str) -> None:
    covered = CODE[part]
    files = closure(ROOT / "bits/commands" / f"{part}.py") - UNUSED.get(part, set())
    assert {"models/head.py", f"commands/{part}.py"} <= files
    missing = {
        name for name in files if not name.startswith(tuple(f"{entry}/" for entry in covered)) and name not in covered
    }
    assert not missing, "a change there would rerun nothing"


def test_what_is_named_exists() -> None:
    for entries in CODE.values():
        assert all((ROOT / "bits" / entry).exists() for entry in entries)
