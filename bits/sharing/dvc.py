"""DVC, called as a user would call it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bits.sharing.errors import SharingError

MOST_SHOWN = 5  # words of a failed command that the error repeats
MOST_LINES = 12  # of what it said


def dvc(*words: str) -> str:
    """The output of `dvc words...`; raises SharingError with DVC's own message when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words], capture_output=True, text=True, encoding="utf-8", errors="replace"
    )
    if done.returncode:
        shown = words if len(words) <= MOST_SHOWN else (*words[:MOST_SHOWN], f"... ({len(words)} words)")
        raise SharingError(f"dvc {' '.join(shown)} failed:\n{_shortened(done.stderr or done.stdout)}")
    return done.stdout.strip()


def _shortened(said: str) -> str:
    """What DVC said, each line once and no more than a few: it names every file of a remote that is not there."""
    lines = list(dict.fromkeys(said.strip().splitlines()))
    more = [f"... and {len(lines) - MOST_LINES} more lines"] if len(lines) > MOST_LINES else []
    return "\n".join([*lines[:MOST_LINES], *more])


def require_repository() -> None:
    """Raises SharingError unless the working directory is the top of a git checkout with DVC set up."""
    if not Path(".dvc").is_dir() or not Path(".git").exists():
        raise SharingError(
            f"{Path.cwd()} has no .git or no .dvc. Results are shared from a clone of the project: run git clone, "
            "then try again in the clone."
        )


def require_remote(remote: str) -> None:
    """Raises SharingError unless DVC knows the remote of this name, and, if it is a folder, that is there.

    "" stands for the default remote.
    """
    settings = dict(line.partition("=")[::2] for line in dvc("config", "--list").splitlines())
    known = {
        key[len("remote.") : -len(".url")]: url
        for key, url in settings.items()
        if re.fullmatch(r"remote\..+\.url", key)
    }
    name = remote or settings.get("core.remote", "")
    if name in known:
        return _require_folder(name, known[name])
    what = f"remote {remote!r}" if remote else "default remote"
    raise SharingError(
        f"DVC has no {what} (remotes: {', '.join(known) or 'none'}). Weights and figures need a place to go: "
        "a folder, ssh://, s3://, gs:// or anything else that DVC supports. Set it up once, and commit .dvc/config:\n"
        f"  dvc remote add {'' if remote else '-d '}{remote or 'storage'} /path/or/url"
    )


def _require_folder(name: str, url: str) -> None:
    """Raise SharingError for a remote that is a folder that does not exist; others answer for themselves."""
    folder = Path(".dvc", url)  # what is relative is so to the file that says it
    if "://" not in url and not folder.is_dir():
        raise SharingError(
            f"the remote {name} is the folder {url}, which does not exist. Mount its disk, make the folder (mkdir -p), "
            f"or name another: dvc remote modify {name} url URL"
        )


def add(paths: Sequence[str]) -> None:
    """Put files under DVC; each gets its own .dvc file."""
    if paths:
        dvc("add", *paths)
