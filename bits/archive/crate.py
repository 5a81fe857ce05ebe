"""The RO-Crate metadata of an archive: what it is, whose, under which licence, and which run made which file.

RO-Crate 1.1 with the profiles Process Run Crate 0.5 (every run is an action) and Workflow RO-Crate 1.0.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping, Sequence
from typing import Any

from rocrate.model import ContextEntity, File
from rocrate.rocrate import ROCrate

from bits.archive.actions import add_actions
from bits.archive.pack import Packed

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

Json = dict[str, Any]


def metadata(
    plan: Mapping[str, Any],
    citation: Mapping[str, Any],
    packed: Sequence[Packed],
    provenance: Mapping[str, Json],
    published: str,
    remarks: Sequence[str],
) -> tuple[str, bytes]:
    """(name, content) of the metadata file.

    citation: CITATION.cff. provenance: run id -> its provenance.json, of runs that ended. published: ISO date.
    remarks: sentences for the description: what is missing, what was removed.
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
    add_actions(crate, plan, provenance, {file.name for file in packed})
    content = json.dumps(crate.metadata.generate(), indent=1, sort_keys=True, ensure_ascii=False)
    return METADATA, content.encode()


def _describe_root(
    crate: ROCrate, plan: Mapping[str, Any], citation: Mapping[str, Any], published: str, remarks: Sequence[str]
) -> None:
    scale, paper = plan["scale"], plan["project"]["paper"]
    kind = "A reproduction" if scale["reproduction"] else "Not a reproduction: a run of the pipeline"
    crate.name = f"{citation['title']}, scale {scale['name']}"
    crate.description = " ".join([f"{scale['stamp']}. {kind} ({scale['title']}).", *remarks])
    crate.datePublished = published
    licence = LICENSE.format(citation["license"])
    crate.license = crate.add(
        ContextEntity(crate, licence, {"@type": "CreativeWork", "name": citation["license"], "url": licence})
    )
    crate.root_dataset["version"] = citation["version"]
    authors = [crate.add(_author(crate, author)) for author in citation["authors"]]
    crate.root_dataset["author"] = authors if len(authors) > 1 else authors[0]
    crate.root_dataset["publisher"] = authors[0]
    url = f"https://arxiv.org/abs/{paper['arxiv']}"
    article = {"@type": "ScholarlyArticle", "name": paper["title"], "url": url, "identifier": f"arXiv:{paper['arxiv']}"}
    crate.root_dataset["citation"] = crate.add(ContextEntity(crate, url, article))
    profiles = [
        crate.add(ContextEntity(crate, address, {"@type": "CreativeWork", "name": name, "version": version}))
        for address, (name, version) in PROFILES.items()
    ]
    crate.root_dataset["conformsTo"] = profiles
    crate.root_dataset["keywords"] = ["self-supervised learning", "reproducibility", "BITS", f"scale {scale['name']}"]


def _workflow(file: Packed, citation: Mapping[str, Any]) -> Json:
    name = "The workflow that makes every table and figure"
    return {**_file(file), "name": name, "version": citation["version"], "conformsTo": {"@id": BIOSCHEMAS}}


def _author(crate: ROCrate, author: Mapping[str, str]) -> ContextEntity:
    person = "family-names" in author
    name = f"{author.get('given-names', '')} {author['family-names']}".strip() if person else author["name"]
    identity = author.get("orcid") or author.get("website") or f"#author-{name.lower().replace(' ', '-')}"
    return ContextEntity(crate, identity, {"@type": "Person" if person else "Organization", "name": name})


def _file(file: Packed) -> Json:
    suffix = "." + file.name.rpartition(".")[2] if "." in file.name else ""
    kind = FORMATS.get(suffix) or mimetypes.guess_type(file.name)[0] or "text/plain"
    found: Json = {"name": file.name, "contentSize": str(file.size), "sha256": file.sha256, "encodingFormat": kind}
    if file.changed:
        found["description"] = "Absolute paths of the machine that it was made on were removed."
    return found
