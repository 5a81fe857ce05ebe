"""Check that a zip holds an RO-Crate as specification 1.1 requires, and exactly the files that it lists."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from bits.archive.crate import METADATA
from bits.archive.private import TEXTS, leaks

SPECIFICATION = "https://w3id.org/ro/crate/1.1"
ROOT_NEEDS = ("name", "description", "datePublished", "license", "author", "citation")
ACTION_NEEDS = ("name", "instrument", "object", "result", "startTime", "endTime")
MADE = ("results/", "reports/")  # by the pipeline; absolute paths in code and documentation are examples
Graph = dict[str, dict[str, Any]]


def problems(path: Path) -> list[str]:
    """What is wrong with the crate at `path`, one sentence each; empty for a valid one."""
    try:
        with zipfile.ZipFile(path) as archive:
            return list(_problems(archive))
    except (OSError, zipfile.BadZipFile) as error:
        return [f"not a zip: {error}"]


def _problems(archive: zipfile.ZipFile) -> Iterator[str]:
    names = archive.namelist()
    yield from (f"{name} occurs {count} times" for name, count in Counter(names).items() if count > 1)
    yield from (f"{name} leads out of the archive" for name in names if _escapes(name))
    if METADATA not in names:
        yield f"there is no {METADATA}"
        return
    try:
        document = json.loads(archive.read(METADATA))
        graph: Graph = {entity["@id"]: entity for entity in document["@graph"]}
    except (ValueError, KeyError, TypeError) as error:
        yield f"{METADATA}: expected JSON with @graph, entities with @id ({error})"
        return
    yield from _structure(document, graph)
    yield from _references(graph)
    yield from _files(archive, graph)
    yield from _actions(graph)


def _structure(document: Mapping[str, Any], graph: Graph) -> Iterator[str]:
    if f"{SPECIFICATION}/context" not in _listed(document.get("@context")):
        yield f"@context does not name {SPECIFICATION}/context"
    if len(graph) < len(document["@graph"]):
        yield "two entities have the same @id"
    yield from (f"{name}: no @type" for name, entity in graph.items() if not entity.get("@type"))
    descriptor = graph.get(METADATA, {})
    if {"@id": SPECIFICATION} not in _listed(descriptor.get("conformsTo")):
        yield f"{METADATA}: conformsTo does not name {SPECIFICATION}"
    if descriptor.get("about") != {"@id": "./"}:
        yield f"{METADATA}: about is not ./"
    root = graph.get("./", {})
    if "Dataset" not in _listed(root.get("@type")):
        yield "./ is not a Dataset"
    yield from (f"./ has no {key}" for key in ROOT_NEEDS if not root.get(key))


def _references(graph: Graph) -> Iterator[str]:
    """References to entities that are neither described here nor web addresses."""
    for name, entity in graph.items():
        for key, value in entity.items():
            targets = (each["@id"] for each in _listed(value) if isinstance(each, dict) and "@id" in each)
            for target in targets:
                if target not in graph and not target.startswith(("http://", "https://")):
                    yield f"{name}: {key} refers to {target}, which is not described"


def _files(archive: zipfile.ZipFile, graph: Graph) -> Iterator[str]:
    """Files that are not listed or not there, that differ from their size or digest, or that name an absolute path."""
    listed = {part["@id"] for part in _listed(graph.get("./", {}).get("hasPart"))}
    there = {name for name in archive.namelist() if not name.endswith("/")} - {METADATA}
    yield from (f"{name} is listed, but not in the zip" for name in sorted(listed - there))
    yield from (f"{name} is in the zip, but not listed" for name in sorted(there - listed))
    for name in sorted(there & listed & set(graph)):
        entity, digest, size = graph[name], hashlib.sha256(), 0
        if "File" not in _listed(entity.get("@type")):
            yield f"{name} is not a File"
        with archive.open(name) as stream:
            while chunk := stream.read(2**20):
                digest.update(chunk)
                size += len(chunk)
        if entity.get("contentSize") != str(size) or entity.get("sha256") != digest.hexdigest():
            yield f"{name}: contentSize or sha256 does not match the file"
        text = name.startswith(MADE) and Path(name).suffix in TEXTS
        if text and (found := leaks(archive.read(name))):
            yield f"{name} names an absolute path: {found[0]}"


def _actions(graph: Graph) -> Iterator[str]:
    for name, entity in graph.items():
        if "CreateAction" in _listed(entity.get("@type")):
            yield from (f"{name} has no {key}" for key in ACTION_NEEDS if not entity.get(key))


def _escapes(name: str) -> bool:
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or "\\" in name


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
