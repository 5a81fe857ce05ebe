"""What Python files mean and import, kept from process to process: parsing all of them takes half a second."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from bits.records.files import write_text

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / ".snakemake/bits-code.json"
MOST_KEPT = 2000  # files; more have piled up over edits
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_BODIES = ("body", "orelse", "finalbody", "handlers", "cases")


class Facts(NamedTuple):
    """meaning: the code as text without comments, docstrings and layout. imports: dotted names below `bits`, modules
    and what may be one, but for those that only type checkers read."""

    meaning: str
    imports: tuple[str, ...]


class Kept:
    """Facts by the digest of the source that they follow from; those of another version of this module do not count."""

    def __init__(self, place: Path = PLACE) -> None:
        self.place, self.version = place, _sha256(Path(__file__).read_text(encoding="utf-8"))
        self.known = self._read()
        self.used: dict[str, Facts] = {}
        self.new = False

    def of(self, source: str) -> Facts:
        """The facts of a file with this content."""
        key = _sha256(source)
        if key not in self.used:
            self.new |= key not in self.known
            self.used[key] = self.known.get(key) or _facts(ast.parse(source))
        return self.used[key]

    def save(self) -> None:
        """Keep what was found since the last call; where nothing can be written, the next process parses again."""
        if not self.new:
            return
        self.known = self.used if len(self.known) > MOST_KEPT else {**self.known, **self.used}
        self.new = False
        with suppress(OSError):
            self.place.parent.mkdir(exist_ok=True)
            write_text(self.place, json.dumps({"version": self.version, "files": self.known}))

    def _read(self) -> dict[str, Facts]:
        with suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads(self.place.read_text(encoding="utf-8"))
            if kept["version"] == self.version:
                return {key: Facts(str(meaning), tuple(names)) for key, (meaning, names) in kept["files"].items()}
        return {}


@cache
def kept() -> Kept:
    """Those of this process."""
    return Kept()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _facts(tree: ast.Module) -> Facts:
    return Facts(_tree_text(tree), tuple(dict.fromkeys(_imported(tree))))


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in _statements(tree.body):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bits"):
            yield str(node.module)
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith("bits"))


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """All statements of a file that may be executed, nested ones included; imports are among them, expressions hold
    none."""
    for statement in body:
        yield statement
        for field in _BODIES if not _is_for_types(statement) else ("orelse",):
            inner = getattr(statement, field, ())
            for one in inner:  # handlers and cases are no statements, but have a body
                yield from _statements([one] if isinstance(one, ast.stmt) else one.body)


def _is_for_types(statement: ast.stmt) -> bool:
    """Whether its body is read by type checkers alone."""
    return isinstance(statement, ast.If) and ast.unparse(statement.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


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
