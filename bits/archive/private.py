"""Absolute paths and host names tell about a machine, not about a result: they are removed from what is archived."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from pathlib import Path

TEXTS = {".json", ".jsonl", ".yaml", ".log", ".html", ".csv", ".md", ".tex", ".svg", ".tsv", ".txt"}
# At least two names after a slash that follows white space, a quote or another sign before a value; not //, not </.
ABSOLUTE = re.compile(r"""(?:(?<=[\s"'=(\[>])|^)/(?:[\w.@+~-]+/)+[\w.@+~-]*""", re.MULTILINE)
# What stays of a path: the part inside the project or inside an installed package.
KEPT = re.compile(r".*/((?:site-packages|bits/[a-z_]+|results/[a-z]+|reports/[a-z]+|config)/.*)")
REMOVED = "(path)/"


def cleaned(name: str, content: bytes, roots: Iterable[Path]) -> bytes:
    """A text without absolute paths and without this host's name; other files are returned unchanged.

    Paths below `roots` become relative to them; of other paths the last name stays.
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
    # A host's name that could be a word ("train") is removed only from logs, which are where hosts are named.
    if name.endswith(".log") or re.search(r"[\d.-]", host):
        text = re.sub(rf"(?<![\w-]){re.escape(host)}(?![\w-])", "(host)", text)
    return text.encode()


def leaks(content: bytes) -> list[str]:
    """Absolute paths that are still in a text."""
    return ABSOLUTE.findall(content.decode("utf-8", errors="replace"))


def _relative(path: str, prefixes: Iterable[str]) -> str:
    for prefix in prefixes:
        if path.startswith(prefix):
            return path.removeprefix(prefix) or "."
    kept = KEPT.fullmatch(path)
    return kept[1] if kept else REMOVED + path.rstrip("/").rpartition("/")[2]
