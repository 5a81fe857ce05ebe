"""Whether DVC is installed, with a default remote that answers."""

from __future__ import annotations

import sys
from pathlib import Path

from bits.doctor.finding import Finding
from bits.records.ask import ask

SUBJECT = "DVC"
SECONDS = 60.0  # importing DVC and its file systems takes some of them
DEFAULT = """
from dvc import __version__
from dvc.cli import main
from dvc.config import Config
print(__version__)
print(Config.from_cwd().get("core", {}).get("remote", ""))
"""
# One request to the remote, with the credentials that dvc push would use; dvc status --cloud asks the remote nothing
# while nothing is tracked. A local remote must exist: dvc push would fill the mount point of an unmounted disk.
REACH = """
from dvc.repo import Repo
remote = Repo(".").cloud.get_remote()
there = remote.fs.exists(remote.path)
print("local" if remote.fs.protocol == "local" else "remote", "there" if there else "empty", remote.path)
"""


def dvc() -> list[Finding]:
    """DVC itself, and the remote that results are shared through."""
    answer = ask(sys.executable, "-c", DEFAULT, seconds=SECONDS)  # a start of DVC takes seconds, so there is one
    if not answer.good:
        return [Finding(SUBJECT, "error", f"dvc does not start: {answer.problem}", "Install it again: make setup.")]
    version, default = answer.out.splitlines()
    installed = Finding(SUBJECT, "ok", f"dvc {version}")
    if not default:
        remedy = "dvc remote add --default NAME URL (a folder, s3://..., ssh://...); without it results stay here."
        return [installed, Finding(SUBJECT, "warning", "no default remote is set", remedy)]
    return [installed, _reach(default)]


def cache() -> Path:
    """The folder of DVC's cache, which may be shared with others."""
    answer = ask(sys.executable, "-m", "dvc", "cache", "dir", seconds=SECONDS)
    return Path(answer.out.strip() or ".dvc/cache")


def _reach(name: str) -> Finding:
    answer = ask(sys.executable, "-c", REACH, seconds=SECONDS)
    if not answer.good:
        remedy = (
            f"See dvc remote list; credentials go into .dvc/config.local: dvc remote modify --local {name} KEY VALUE."
        )
        return Finding(SUBJECT, "error", f"remote {name} cannot be reached: {answer.problem}", remedy)
    kind, state, path = answer.out.split(maxsplit=2)
    if kind == "local" and state == "empty":
        remedy = f"Mount its disk, make the folder (mkdir -p), or name another: dvc remote modify {name} url URL."
        return Finding(SUBJECT, "error", f"remote {name} is the folder {path.strip()}, which does not exist", remedy)
    return Finding(SUBJECT, "ok", f"remote {name} answers{' and is empty' if state == 'empty' else ''}")
