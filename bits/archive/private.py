"""Absolute paths and host names say more of a machine than of a result: they do not go into the archive."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from pathlib import Path

TEXTS = {".json", ".jsonl", ".yaml", ".log", ".html", ".csv", ".md", ".tex", ".svg", ".tsv", ".txt"}
# Two names or more after a slash that follows white space, a quote or what else introduces a value; not //, not </.
ABSOLUTE = re.compile(r"""(?:(?<=[\s"'=(\[>])|^)/(?:[\w.@+~-]+/)+[\w.@+~-]*""", re.MULTILINE)
# What a path keeps: from the project, or from an installed package, on.
KEPT = re.compile(r".*/((?:site-packages|bits/[a-z_]+|results/[a-z]+|reports/[a-z]+|config)/.*)")
REMOVED = "(path)/"


def cleaned(name: str, content: bytes, roots: Iterable[Path]) -> bytes:
    """A text without absolute paths: those below `roots` become relative, of others the last name stays.

    So does this host's name. Anything that is no text stays as it is.
    """
    if Path(name).suffix not in TEXTS:
        return content
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return content
    prefixes = sorted({f"{root}/" for root in roots}, key=len, reverse=True)
    text = ABSOLUTE.sub(lambda match: _relative(match[0], prefixes), text)
    host = socket.gethostname()
    # A host called "train" is told apart from the word only where hosts are written: in logs.
    if name.endswith(".log") or re.search(r"[\d.-]", host):
        text = re.sub(rf"(?<![\w-]){re.escape(host)}(?![\w-])", "(host)", text)
    return text.encode()


def leaks(content: bytes) -> list[str]:
    """Absolute paths that a text still holds."""
    return ABSOLUTE.findall(content.decode("utf-8", errors="replace"))


def _relative(path: str, prefixes: Iterable[str]) -> str:
    for prefix in prefixes:
        if path.startswith(prefix):
            return path.removeprefix(prefix) or "."
    kept = KEPT.fullmatch(path)
    return kept[1] if kept else REMOVED + path.rstrip("/").rpartition("/")[2]
