"""Every run as a CreateAction: instrument (the code at a commit), object (configuration, data), result (files)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rocrate.model import ContextEntity
from rocrate.rocrate import ROCrate

from bits.archive.contents import archived_name, records
from bits.archive.origins import Data, Origin, Provenance
from bits.plan.model import WEIGHTS, Plan, Run

STATUS = {True: "http://schema.org/CompletedActionStatus", False: "http://schema.org/FailedActionStatus"}


def add_actions(crate: ROCrate, plan: Plan, origins: Mapping[str, Origin], names: set[str]) -> None:
    """Add an action for every run that ended, mentioned by the root. names: of the files in the archive."""
    actions = []
    for identity, origin in origins.items():
        action = _action(crate, plan, plan.runs[identity], origin, names)
        actions.append(crate.add(ContextEntity(crate, f"#run-{identity}", action)))
    crate.root_dataset["mentions"] = actions


def _action(crate: ROCrate, plan: Plan, run: Run, origin: Origin, names: set[str]) -> dict[str, Any]:
    verb = "Pretrain" if run.kind == "pretraining" else "Fine-tune"
    provenance, outcome = origin.provenance, origin.outcome
    config = archived_name(run.config)
    return {
        "@type": "CreateAction",
        "name": f"{verb} and evaluate {run.name}, seed {run.seed}",
        "description": f"{outcome.outcome}: {outcome.detail}",
        "instrument": _software(crate, provenance),
        "object": [
            crate.get(config) if config in names else None,
            _data(crate, plan.datasets[run.role].title, provenance.data),
        ],
        "result": [crate.get(name) for name in _results(plan, run) if name in names],
        "startTime": provenance.started,
        "endTime": provenance.finished,
        "actionStatus": STATUS[outcome.outcome != "failed"],
        "agent": crate.root_dataset["publisher"],
    }


def _results(plan: Plan, run: Run) -> list[str]:
    """What a run makes, as named in the archive, whether or not it is there."""
    measured = plan.evaluation_files(run.id).values()
    return [archived_name(path) for path in (*records(run), *map(run.weights, WEIGHTS), *measured)]


def _software(crate: ROCrate, provenance: Provenance) -> ContextEntity:
    """The code at a commit, with the packages that numbers depend on."""
    commit, dirty = provenance.code.commit, provenance.code.dirty
    version = f"{commit}{' with uncommitted changes' if dirty else ''}" if commit else "unknown commit"
    identity = f"#code-{commit or 'unknown'}{'-changed' if dirty else ''}"
    known = crate.get(identity)
    if known:
        return known
    properties = {
        "@type": "SoftwareApplication",
        "name": "bits-reproduction",
        "softwareVersion": version,
        "softwareRequirements": [_package(crate, name, number) for name, number in provenance.versions.items()],
    }
    return crate.add(ContextEntity(crate, identity, properties))


def _package(crate: ROCrate, name: str, version: str) -> ContextEntity:
    properties = {"@type": "SoftwareApplication", "name": name, "softwareVersion": version}
    registry = "generic" if name == "python" else "pypi"
    return crate.add(ContextEntity(crate, f"pkg:{registry}/{name}@{version}", properties))


def _data(crate: ROCrate, title: str, data: Data) -> ContextEntity:
    """The data set, identified by its content; the images are not in the archive."""
    properties = {
        "@type": "Dataset",
        "name": title,
        "identifier": f"{data.name}:{data.fingerprint}",
        "description": f"{data.train_images} training images; fingerprint of their content: {data.fingerprint}",
    }
    return crate.add(ContextEntity(crate, f"#data-{data.name}-{data.fingerprint}", properties))
