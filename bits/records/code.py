"""Identifies code: a digest of what it does, and the state of the checkout."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from bits.records.code_facts import ROOT, kept
from bits.records.digests import digest, file_digest

CODE_SUFFIXES = (".py", ".j2", ".css")


def code_digest(paths: Iterable[Path]) -> str:
    """sha256 of the Python files under `paths`, ignoring comments, docstrings and layout.

    Templates and style sheets count byte by byte.
    """
    parts = []
    for path in paths:
        files = sorted(file for file in path.rglob("*") if file.suffix in CODE_SUFFIXES) if path.is_dir() else [path]
        for file in files:
            if file.suffix != ".py":
                parts.append([file.name, file_digest(file)])
                continue
            parts.append([file.name, kept().of(file.read_text(encoding="utf-8")).meaning])
    kept().save()
    return digest(parts)


def imported_files(starts: Iterable[Path], outside: Sequence[str] = ()) -> list[Path]:
    """The project's files that `starts` import, directly or indirectly, anywhere in the file; `starts` included.

    The templates and style sheets of a file's package are included too. outside: prefixes of paths relative to the
    checkout, such as "bits/plan/"; files below them are neither included nor followed.
    """
    done: set[Path] = set()
    waiting = list(starts)
    while waiting:
        path = waiting.pop()
        if path not in done and not path.relative_to(ROOT).as_posix().startswith(tuple(outside)):
            done.add(path)
            waiting += _imported(path)
    kept().save()
    beside = {file for path in done for file in path.parent.glob("templates/*") if file.suffix in CODE_SUFFIXES}
    return sorted(done | beside)


@cache
def _imported(path: Path) -> frozenset[Path]:
    """The project's files that a file imports; for a package, its __init__.py."""
    names = kept().of(path.read_text(encoding="utf-8")).imports
    return frozenset(file for file in map(_file_of, names) if file is not None)


def _file_of(module: str) -> Path | None:
    path = ROOT / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else file if (file := path.with_suffix(".py")).is_file() else None


def code_state(root: Path = ROOT) -> dict[str, Any]:
    """{commit, dirty} of the checkout that the code runs from; None without git, or where git knows no such code."""
    commit, _ = commit_of(root)
    changes, _ = _git(root, "status", "--porcelain", "--untracked-files=no") if commit else (None, "")
    return {"commit": commit, "dirty": None if changes is None else bool(changes)}


def commit_of(root: Path = ROOT) -> tuple[str | None, str]:
    """(commit of the code, why there is none as git says it). A folder inside another repository has no commit."""
    tracked, problem = _git(root, "ls-files", "--error-unmatch", "bits/__init__.py")
    return _git(root, "rev-parse", "HEAD") if tracked else (None, problem)


def tracked_files(root: Path = ROOT) -> frozenset[str] | None:
    """The files of a checkout that git tracks, relative to it; None without git."""
    listed, _ = _git(root, "ls-files", "-z")
    return None if listed is None else frozenset(listed.split("\0"))


def _git(root: Path, *arguments: str) -> tuple[str | None, str]:
    """(what git answers, what is wrong)."""
    command = ["git", "-C", str(root), *arguments]
    environment = {**os.environ, "LC_ALL": "C"}  # the doctor knows git's words
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=20, env=environment
        )
    except (OSError, subprocess.SubprocessError) as error:
        return None, str(error)
    return (None, done.stderr.strip()) if done.returncode else (done.stdout.strip(), "")
