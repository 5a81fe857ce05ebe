"""Every run as a CreateAction: instrument (the code at its commit), object (configuration, data), result (files)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rocrate.model import ContextEntity
from rocrate.rocrate import ROCrate

from bits.archive.contents import RUN_FILES, archived_name
from bits.plan import WEIGHTS

Provenance = Mapping[str, Any]
STATUS = {True: "http://schema.org/CompletedActionStatus", False: "http://schema.org/FailedActionStatus"}


def add_actions(crate: ROCrate, plan: Mapping[str, Any], provenance: Mapping[str, Provenance], names: set[str]) -> None:
    """One action a run that ended, mentioned by the root; names: of the files in the archive."""
    actions = []
    for identity, origin in provenance.items():
        run = plan["runs"][identity]
        files = {part: archived_name(run[part], plan) for part in RUN_FILES}
        folder = archived_name(run["folder"], plan)
        results = [files[part] for part in RUN_FILES if part != "config"]
        results += [f"{folder}/{part}.safetensors" for part in WEIGHTS]
        results += [archived_name(path, plan) for role, path in plan["metrics"][identity].items() if role != "training"]
        action = {
            "@type": "CreateAction",
            "name": f"{'Fine-tune' if run['start'] else 'Pretrain'} and evaluate {run['name']}, seed {run['seed']}",
            "description": f"{origin['outcome']['outcome']}: {origin['outcome']['detail']}",
            "instrument": _software(crate, origin),
            "object": [_reference(crate, files["config"], names), _data(crate, plan, run, origin)],
            "result": [crate.get(name) for name in dict.fromkeys(results) if name in names],
            "startTime": origin["started"],
            "endTime": origin["finished"],
            "actionStatus": STATUS[origin["outcome"]["outcome"] != "failed"],
            "agent": crate.root_dataset["publisher"],
        }
        actions.append(crate.add(ContextEntity(crate, f"#run-{identity}", action)))
    crate.root_dataset["mentions"] = actions


def _reference(crate: ROCrate, name: str, names: set[str]) -> Any:
    return crate.get(name) if name in names else None


def _software(crate: ROCrate, origin: Provenance) -> ContextEntity:
    """The code at a commit, with the packages that numbers depend on."""
    commit, dirty = origin["code"]["commit"], origin["code"]["dirty"]
    state = commit or "unknown"
    version = f"{commit}{' with changes that are not committed' if dirty else ''}" if commit else "unknown commit"
    identity = f"#code-{state}{'-changed' if dirty else ''}"
    known = crate.get(identity)
    if known:
        return known
    packages = [_package(crate, name, number) for name, number in origin["versions"].items()]
    properties = {
        "@type": "SoftwareApplication",
        "name": "bits-reproduction",
        "softwareVersion": version,
        "softwareRequirements": packages,
    }
    return crate.add(ContextEntity(crate, identity, properties))


def _package(crate: ROCrate, name: str, version: str) -> ContextEntity:
    properties = {"@type": "SoftwareApplication", "name": name, "softwareVersion": version}
    return crate.add(
        ContextEntity(crate, f"pkg:{'generic' if name == 'python' else 'pypi'}/{name}@{version}", properties)
    )


def _data(crate: ROCrate, plan: Mapping[str, Any], run: Mapping[str, Any], origin: Provenance) -> ContextEntity:
    """The data set by the identity of its content; its images are not in the archive."""
    name, fingerprint = origin["data"]["name"], origin["data"]["fingerprint"]
    title = plan["datasets"][run["role"]]["title"]
    description = f"{origin['data']['train_images']} training images; identity of their content: {fingerprint}"
    properties = {"@type": "Dataset", "name": title, "identifier": f"{name}:{fingerprint}", "description": description}
    return crate.add(ContextEntity(crate, f"#data-{name}-{fingerprint}", properties))
