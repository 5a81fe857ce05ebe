"""Identifies code: a digest of what it does, and the state of the checkout."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from bits.records.digests import digest, file_digest

CODE_SUFFIXES = (".py", ".j2", ".css")
ROOT = Path(__file__).resolve().parents[2]
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_BODIES = ("body", "orelse", "finalbody", "handlers", "cases")


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
            parts.append([file.name, _meaning(file.read_text(encoding="utf-8"))])
    return digest(parts)


@cache  # most files count for several kinds of job
def _meaning(source: str) -> str:
    """Python code as text without comments, docstrings and layout."""
    return _tree_text(_parsed(source))


@cache
def _parsed(source: str) -> ast.Module:
    return ast.parse(source)


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
    beside = {file for path in done for file in path.parent.glob("templates/*") if file.suffix in CODE_SUFFIXES}
    return sorted(done | beside)


@cache
def _imported(path: Path) -> frozenset[Path]:
    """The project's files that a file imports; for a package, its __init__.py."""
    found: set[Path | None] = set()
    for node in _statements(_parsed(path.read_text(encoding="utf-8")).body):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bits"):
            found |= {_file_of(str(node.module)), *(_file_of(f"{node.module}.{name.name}") for name in node.names)}
        elif isinstance(node, ast.Import):
            found |= {_file_of(name.name) for name in node.names if name.name.startswith("bits")}
    return frozenset(file for file in found if file is not None)


def _file_of(module: str) -> Path | None:
    path = ROOT / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else file if (file := path.with_suffix(".py")).is_file() else None


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """All statements of a file, nested ones included; imports are among them, and expressions hold none."""
    for statement in body:
        yield statement
        for field in _BODIES:
            inner = getattr(statement, field, ())
            for one in inner:  # handlers and cases are no statements, but have a body
                yield from _statements([one] if isinstance(one, ast.stmt) else one.body)


def _tree_text(node: Any) -> str:
    """A syntax tree as text; unlike ast.dump the same in every version of Python, as empty fields are left out."""
    if isinstance(node, ast.AST):
        parts = []
        for name in node._fields:
            value = getattr(node, name, None)
            if value is None or value == []:
                continue
            if name == "body" and isinstance(node, _DOCUMENTED):
                value = _without_docstring(value)
            parts.append(f"{name}={_tree_text(value)}")
        return f"{type(node).__name__}({','.join(parts)})"
    if isinstance(node, list):
        return f"[{','.join(map(_tree_text, node))}]"
    return ascii(node)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0]
    documents = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return body[1:] or [ast.Pass()] if documents else body


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
