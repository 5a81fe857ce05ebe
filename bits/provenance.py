"""Where a number comes from: digests, code state, machine. Never imports torch."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "timm", "numpy", "pillow", "safetensors", "hydra-core", "snakemake", "pandas", "seaborn")
CODE_SUFFIXES = (".py", ".j2", ".css")
ROOT = Path(__file__).resolve().parents[1]


def digest(value: Any) -> str:
    """sha256 (hex) of a JSON-like value, independent of key order; 1.0 and 1 are the same number."""
    text = json.dumps(_canonical(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def file_digest(path: Path) -> str:
    """sha256 (hex) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def tree_digest(root: Path, patterns: Iterable[str]) -> str:
    """sha256 over the names and bytes of the files under `root` that match; for small trees like config/."""
    files = sorted({path for pattern in patterns for path in root.glob(pattern) if path.is_file()})
    return digest([[str(path.relative_to(root)), file_digest(path)] for path in files])


def code_digest(paths: Iterable[Path]) -> str:
    """sha256 of what the Python files under `paths` do: comments, docstrings and layout do not count.

    Templates and style sheets count byte by byte.
    """
    parts = []
    for path in paths:
        files = sorted(file for file in path.rglob("*") if file.suffix in CODE_SUFFIXES) if path.is_dir() else [path]
        for file in files:
            if file.suffix != ".py":
                parts.append([file.name, file_digest(file)])
                continue
            tree = ast.parse(file.read_text())
            for node in ast.walk(tree):
                if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                    _drop_docstring(node)
            parts.append([file.name, _tree_text(tree)])
    return digest(parts)


def _tree_text(node: Any) -> str:
    """A syntax tree as text that every version of Python writes alike, unlike ast.dump: empty fields are left out."""
    if isinstance(node, ast.AST):
        fields = ((name, value) for name, value in ast.iter_fields(node) if value is not None and value != [])
        return f"{type(node).__name__}({','.join(f'{name}={_tree_text(value)}' for name, value in fields)})"
    if isinstance(node, list):
        return f"[{','.join(map(_tree_text, node))}]"
    return ascii(node)


def _drop_docstring(node: Any) -> None:
    if node.body and isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant):
        node.body = node.body[1:] or [ast.Pass()]


def code_state(root: Path = ROOT) -> dict[str, Any]:
    """{commit, dirty}: of the checkout that the code runs from; None where there is no git."""

    def git(*arguments: str) -> str | None:
        try:
            return subprocess.run(
                ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True, timeout=20
            ).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            return None

    commit = git("rev-parse", "HEAD")
    changes = git("status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "dirty": None if changes is None else bool(changes)}


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that numbers depend on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, Any]:
    """Processor, usable cores and memory (GiB) of this machine; the device is added by who uses one."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"cpu": model, "cores": cores, "memory_gib": round(memory, 1), "system": platform.platform()}


def usage() -> dict[str, float]:
    """CPU time and most memory of this process and those that it has waited for, since it started."""
    mine, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    seconds = mine.ru_utime + mine.ru_stime + others.ru_utime + others.ru_stime
    peak = max(mine.ru_maxrss, others.ru_maxrss) / (2**30 if sys.platform == "darwin" else 2**20)  # bytes there
    return {"cpu_seconds": round(seconds, 2), "peak_memory_gib": round(peak, 2)}


def command() -> list[str]:
    """The words that started this process; the checkout's own place on this machine is left out."""
    return [word.removeprefix(f"{ROOT}{os.sep}") for word in sys.argv]


def now() -> str:
    """The time, UTC, ISO 8601 with seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def set_ordinary_mode(path: Path) -> None:
    """Give a file the permissions that a plain open() would: safetensors writes files for their owner alone."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)


def write_text(path: Path, text: str) -> None:
    """Write atomically: readers see the old bytes or the new ones, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, keys in the given order; NaN and infinity are refused."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")
