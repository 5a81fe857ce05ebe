"""Python, packages, the project's commit, and locks left behind."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bits.doctor.finding import Finding
from bits.records.code import code_state, commit_of

SUBJECT = "Versions"
PYTHON = (3, 11)
PIN = re.compile(r"^([A-Za-z0-9][\w.\-\[\]]*==[^\\\n]+?)\s*\\?$", re.MULTILINE)
MOST = 6  # differences that are listed
SHOWN = ("snakemake", "snakemake-executor-plugin-slurm", "torch")


def python() -> list[Finding]:
    """The interpreter."""
    if sys.version_info >= PYTHON:
        return [Finding(SUBJECT, "ok", f"Python {platform.python_version()}")]
    remedy = "Make the environment again with a newer one: make setup PYTHON=/path/to/python3.11."
    return [Finding(SUBJECT, "error", f"Python {platform.python_version()}, expected 3.11 or later", remedy)]


def packages(lock: Path) -> list[Finding]:
    """Installed packages against the lock's pins."""
    if not lock.is_file():
        remedy = f"Restore it: git checkout -- {lock.name}."
        return [Finding(SUBJECT, "error", f"{lock.name} is not there", remedy)]
    wanted = pins(lock.read_text(encoding="utf-8"))
    installed: dict[str, str] = {
        str(canonicalize_name(each.metadata["Name"])): each.version
        for each in importlib.metadata.distributions()
        if each.metadata["Name"]
    }
    differ = differences(wanted, installed)
    if differ:
        more = f" and {len(differ) - MOST} more" if len(differ) > MOST else ""
        found = f"{len(differ)} of {len(wanted)} packages are not as locked: {', '.join(differ[:MOST])}{more}"
        return [Finding(SUBJECT, "warning", found, "Install what the lock says: rm .venv/.installed; make setup.")]
    shown = ", ".join(f"{name} {installed[name]}" for name in SHOWN if name in installed)
    return [Finding(SUBJECT, "ok", f"all {len(wanted)} packages are as locked ({shown})")]


def pins(text: str) -> dict[str, str]:
    """Package -> version, of the lines that hold on this machine."""
    found = [Requirement(line) for line in PIN.findall(text)]
    holding = [pin for pin in found if pin.marker is None or pin.marker.evaluate()]
    return {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in holding}


def differences(wanted: Mapping[str, str], installed: Mapping[str, str]) -> list[str]:
    """What is absent or has another version; a local part (torch 2.1+cu121) is another build, not another version."""
    phrases = []
    for name, version in wanted.items():
        have = installed.get(name)
        if have is None:
            phrases.append(f"{name} is absent (locked {version})")
        elif have.partition("+")[0] != version.partition("+")[0]:
            phrases.append(f"{name} {have} (locked {version})")
    return phrases


def commit(root: Path) -> list[Finding]:
    """Whether results can be traced to a commit."""
    state = code_state(root)
    if state["commit"] is None:
        return [_without_commit(root, commit_of(root)[1])]
    if state["dirty"]:
        found = f"commit {state['commit'][:12]} with changes that are not committed"
        return [
            Finding(
                SUBJECT, "warning", found, "Commit or stash them: results made now are marked as made with changes."
            )
        ]
    return [Finding(SUBJECT, "ok", f"commit {state['commit'][:12]}, clean")]


def _without_commit(root: Path, problem: str) -> Finding:
    """Why results made now name no commit. problem: in git's words."""
    if "dubious ownership" in problem:
        found = f"git does not read {root}, which belongs to another user, so results made now name no commit"
        return Finding(SUBJECT, "warning", found, f"git config --global --add safe.directory {shlex.quote(str(root))}")
    if not (root / ".git").exists():
        found = "the project is no git checkout (a downloaded archive?), so results made now name no commit"
        remedy = (
            "Clone the repository with git. To keep this copy: git init && git add . && git commit -m 'As downloaded'; "
            "sharing results (bits share) needs git, too."
        )
        return Finding(SUBJECT, "warning", found, remedy)
    said = (problem.splitlines() or ["git gives no answer"])[0]
    return Finding(SUBJECT, "warning", f"git knows no commit of the project: {said}", "Results made now name none.")


def locks(folder: Path) -> list[Finding]:
    """Snakemake's locks in the working directory that no Snakemake holds."""
    files = [path for path in (folder / ".snakemake" / "locks").glob("*") if path.is_file()]
    if not files:
        return []
    if running(folder):
        return [Finding(SUBJECT, "ok", "a Snakemake works in this folder and holds its lock")]
    remedy = "If none runs on another machine either: snakemake --unlock."
    return [
        Finding(SUBJECT, "warning", "the folder is locked, and no Snakemake on this machine holds the lock", remedy)
    ]


def running(folder: Path) -> bool:
    """Whether a snakemake process works in `folder`, as far as this user can see."""
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words, place = process.info["cmdline"] or [], process.info["cwd"]
        if place and Path(place) == folder.resolve() and any(Path(word).name == "snakemake" for word in words):
            return True
    return False
