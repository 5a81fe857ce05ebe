"""DVC, called as a user would."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bits.sharing.errors import SharingError


def dvc(*words: str) -> str:
    """What `dvc words...` prints; raises SharingError with its reason when it fails."""
    done = subprocess.run([sys.executable, "-m", "dvc", *words], capture_output=True, text=True)
    if done.returncode:
        shown = words if len(words) < 6 else (*words[:5], f"... ({len(words)} words)")
        raise SharingError(f"dvc {' '.join(shown)} failed:\n{(done.stderr or done.stdout).strip()}")
    return done.stdout.strip()


def require_repository() -> None:
    """Raises SharingError unless this is the top of a git checkout that DVC knows."""
    if not Path(".dvc").is_dir() or not Path(".git").exists():
        raise SharingError(
            f"{Path.cwd()}: has no .git or no .dvc. Results are shared from a clone: git clone, then again."
        )


def require_remote(remote: str) -> None:
    """Raises SharingError unless DVC knows a remote: the named one, or a default for ''."""
    known = {line.split()[0]: line for line in dvc("remote", "list").splitlines() if line.split()}
    if remote in known or (not remote and any("(default)" in line for line in known.values())):
        return
    what = f"remote {remote!r}" if remote else "default remote"
    raise SharingError(
        f"DVC has no {what}; it knows {', '.join(known) or 'none'}. Weights and figures need a place to go to: "
        "a folder, ssh://, s3://, gs:// or another that DVC supports. Set it once, and commit .dvc/config:\n"
        f"  dvc remote add {'' if remote else '-d '}{remote or 'storage'} /path/or/url"
    )


def add(paths: Sequence[str]) -> None:
    """Put files under DVC, a .dvc file each."""
    if paths:
        dvc("add", *paths)
