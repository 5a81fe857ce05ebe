"""What tells about a machine, not about a result, is removed from what is archived.

That is absolute paths, host names, and how the cluster is addressed, where there may be an account or a token.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

TEXTS = {".json", ".jsonl", ".yaml", ".log", ".html", ".csv", ".md", ".tex", ".svg", ".tsv", ".txt"}
# At least two names after a slash that follows white space, a quote or another sign before a value; not //, not </.
ABSOLUTE = re.compile(r"""(?:(?<=[\s"'=(\[>])|^)/(?:[\w.@+~-]+/)+[\w.@+~-]*""", re.MULTILINE)
# What stays of a path: the part inside the project or inside an installed package.
KEPT = re.compile(r".*/((?:site-packages|bits/[a-z_]+|results/[a-z]+|reports/[a-z]+|config)/.*)")
REMOVED = "(path)/"
# Overrides of the site's cluster section, on command lines and in records of them.
CLUSTER = re.compile(r"""\+{0,2}site\.cluster\.\w+=(?:'[^']*'|"[^"]*"|[^\s"',]*)""")


def cleaned(name: str, content: bytes, roots: Iterable[Path]) -> bytes:
    """A text without absolute paths, this host's name and the site's cluster; other files are returned unchanged.

    Paths below `roots` become relative to them; of other paths the last name stays.
    """
    if Path(name).suffix not in TEXTS:
        return content
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return content
    text = CLUSTER.sub("site.cluster", _without_cluster(PurePosixPath(name), text))
    prefixes = sorted({f"{root}/" for root in roots}, key=len, reverse=True)
    text = ABSOLUTE.sub(lambda match: _relative(match[0], prefixes), text)
    host = socket.gethostname()
    # A host's name that could be a word ("train") is removed only from logs, which are where hosts are named.
    if name.endswith(".log") or re.search(r"[\d.-]", host):
        text = re.sub(rf"(?<![\w-]){re.escape(host)}(?![\w-])", "(host)", text)
    return text.encode()


def _without_cluster(name: PurePosixPath, text: str) -> str:
    """A plan or a frozen site whose cluster section says nothing that would be of one cluster."""
    if (name.parent.name, name.suffix) == ("sites", ".yaml"):
        site = yaml.safe_load(text)
        return yaml.safe_dump({**site, "cluster": _nameless(site["cluster"])}, sort_keys=False)
    if (name.parent.name, name.suffix) == ("plans", ".json"):
        plan = json.loads(text)
        site = {**plan["site"], "cluster": _nameless(plan["site"]["cluster"])}
        return json.dumps({**plan, "site": site}, indent=1) + "\n"
    return text


def _nameless(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers stay, so that the section can still be read; of words, only what a GPU is called."""
    return {key: None if isinstance(value, str) and key != "gpu" else value for key, value in cluster.items()}


def leaks(content: bytes) -> list[str]:
    """Absolute paths that are still in a text."""
    return ABSOLUTE.findall(content.decode("utf-8", errors="replace"))


def _relative(path: str, prefixes: Iterable[str]) -> str:
    for prefix in prefixes:
        if path.startswith(prefix):
            return path.removeprefix(prefix) or "."
    kept = KEPT.fullmatch(path)
    return kept[1] if kept else REMOVED + path.rstrip("/").rpartition("/")[2]
