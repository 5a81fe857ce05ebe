"""The RO-Crate metadata of an archive: what it is, whose, under which licence, and which run made which file.

RO-Crate 1.1 with the profiles Process Run Crate 0.5 (every run is an action) and Workflow RO-Crate 1.0.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from rocrate.model import ContextEntity, File
from rocrate.rocrate import ROCrate

from bits.archive.actions import add_actions
from bits.archive.citation import Author, Citation
from bits.archive.origins import Origin
from bits.archive.pack import Packed
from bits.plan.model import Paper, Plan, Scale

METADATA = "ro-crate-metadata.json"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
BIOSCHEMAS = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
LICENSE = "https://spdx.org/licenses/{}"
FORMATS = {".yaml": "application/yaml", ".jsonl": "application/jsonl", ".md": "text/markdown", ".log": "text/plain"}
FORMATS |= {".tsv": "text/tab-separated-values", ".lock": "text/plain", ".smk": "text/plain", ".csv": "text/csv"}
FORMATS |= {".safetensors": "application/octet-stream", ".tex": "application/x-tex", ".cff": "application/yaml"}

CHANGED = "What tells about the machine that it was made on (paths, host, cluster) was removed."

Json = dict[str, Any]


def metadata(
    plan: Plan,
    citation: Citation,
    packed: Sequence[Packed],
    origins: Mapping[str, Origin],
    published: str,
    remarks: Sequence[str],
) -> tuple[str, bytes]:
    """(name, content) of the metadata file.

    origins: by run id, of the runs that ended. published: ISO date. remarks: sentences for the description, about what
    is missing and what was removed.
    """
    crate = ROCrate(version="1.1")
    crate.metadata.extra_terms["sha256"] = "http://schema.org/sha256"
    _describe_root(crate, plan, citation, published, remarks)
    for file in packed:
        if file.name != "Snakefile":
            crate.add(File(crate, None, file.name, properties=_file(file)))
    workflow = next((file for file in packed if file.name == "Snakefile"), None)
    if workflow:
        crate.add_workflow(None, "Snakefile", main=True, lang="snakemake", properties=_workflow(workflow, citation))
    readme = crate.get("README.md")
    if readme:
        readme["about"] = crate.root_dataset
    add_actions(crate, plan, origins, {file.name for file in packed})
    content = json.dumps(crate.metadata.generate(), indent=1, sort_keys=True, ensure_ascii=False)
    return METADATA, content.encode()


def _describe_root(crate: ROCrate, plan: Plan, citation: Citation, published: str, remarks: Sequence[str]) -> None:
    scale, root = plan.scale, crate.root_dataset
    crate.name = f"{citation.title}, scale {scale.name}"
    crate.description = " ".join([_summary(scale), *remarks])
    crate.datePublished = published
    crate.license = _licence(crate, citation.license)
    authors = [_author(crate, author) for author in citation.authors]
    root["version"] = citation.version
    root["author"] = authors if len(authors) > 1 else authors[0]
    root["publisher"] = authors[0]
    root["citation"] = _article(crate, plan.project.paper)
    root["conformsTo"] = [_profile(crate, address) for address in PROFILES]
    root["keywords"] = ["self-supervised learning", "reproducibility", "BITS", f"scale {scale.name}"]


def _summary(scale: Scale) -> str:
    kind = "A reproduction" if scale.reproduction else "Not a reproduction: a run of the pipeline"
    return f"{scale.stamp}. {kind} ({scale.title})."


def _licence(crate: ROCrate, name: str) -> ContextEntity:
    address = LICENSE.format(name)
    return crate.add(ContextEntity(crate, address, {"@type": "CreativeWork", "name": name, "url": address}))


def _author(crate: ROCrate, author: Author) -> ContextEntity:
    kind = "Person" if author.is_person else "Organization"
    return crate.add(ContextEntity(crate, author.identity, {"@type": kind, "name": author.name}))


def _article(crate: ROCrate, paper: Paper) -> ContextEntity:
    url = f"https://arxiv.org/abs/{paper.arxiv}"
    article = {"@type": "ScholarlyArticle", "name": paper.title, "url": url, "identifier": f"arXiv:{paper.arxiv}"}
    return crate.add(ContextEntity(crate, url, article))


def _profile(crate: ROCrate, address: str) -> ContextEntity:
    name, version = PROFILES[address]
    return crate.add(ContextEntity(crate, address, {"@type": "CreativeWork", "name": name, "version": version}))


def _workflow(file: Packed, citation: Citation) -> Json:
    name = "The workflow that makes every table and figure"
    return {**_file(file), "name": name, "version": citation.version, "conformsTo": {"@id": BIOSCHEMAS}}


def _file(file: Packed) -> Json:
    kind = FORMATS.get(PurePosixPath(file.name).suffix) or mimetypes.guess_type(file.name)[0] or "text/plain"
    found: Json = {"name": file.name, "contentSize": str(file.size), "sha256": file.sha256, "encodingFormat": kind}
    if file.changed:
        found["description"] = CHANGED
    return found
