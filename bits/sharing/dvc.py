"""DVC, called as a user would call it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bits.sharing.errors import SharingError

MOST_SHOWN = 5  # words of a failed command that the error repeats


def dvc(*words: str) -> str:
    """The output of `dvc words...`; raises SharingError with DVC's own message when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words], capture_output=True, text=True, encoding="utf-8", errors="replace"
    )
    if done.returncode:
        shown = words if len(words) <= MOST_SHOWN else (*words[:MOST_SHOWN], f"... ({len(words)} words)")
        raise SharingError(f"dvc {' '.join(shown)} failed:\n{(done.stderr or done.stdout).strip()}")
    return done.stdout.strip()


def require_repository() -> None:
    """Raises SharingError unless the working directory is the top of a git checkout with DVC set up."""
    if not Path(".dvc").is_dir() or not Path(".git").exists():
        raise SharingError(
            f"{Path.cwd()} has no .git or no .dvc. Results are shared from a clone of the project: run git clone, "
            "then try again in the clone."
        )


def require_remote(remote: str) -> None:
    """Raises SharingError unless DVC knows the remote of this name; "" stands for the default remote."""
    known = {line.split()[0]: line for line in dvc("remote", "list").splitlines() if line.split()}
    if remote in known or (not remote and any("(default)" in line for line in known.values())):
        return
    what = f"remote {remote!r}" if remote else "default remote"
    raise SharingError(
        f"DVC has no {what} (remotes: {', '.join(known) or 'none'}). Weights and figures need a place to go: "
        "a folder, ssh://, s3://, gs:// or anything else that DVC supports. Set it up once, and commit .dvc/config:\n"
        f"  dvc remote add {'' if remote else '-d '}{remote or 'storage'} /path/or/url"
    )


def add(paths: Sequence[str]) -> None:
    """Put files under DVC; each gets its own .dvc file."""
    if paths:
        dvc("add", *paths)
