"""Every run as a CreateAction: instrument (the code at a commit), object (configuration, data), result (files)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rocrate.model import ContextEntity
from rocrate.rocrate import ROCrate

from bits.archive.contents import archived_name, records
from bits.archive.imports import COMPLETED, import_actions
from bits.archive.origins import Data, Origin
from bits.archive.software import software
from bits.plan.model import WEIGHTS, Plan, Run

STATUS = {True: COMPLETED, False: "http://schema.org/FailedActionStatus"}


def add_actions(crate: ROCrate, plan: Plan, origins: Mapping[str, Origin], names: set[str]) -> None:
    """Add an action for every run that ended and every import, mentioned by the root. names: of the archive's files."""
    actions = []
    for identity, origin in origins.items():
        action = _action(crate, plan, plan.runs[identity], origin, names)
        actions.append(crate.add(ContextEntity(crate, f"#run-{identity}", action)))
    actions += import_actions(crate, plan, names)
    crate.root_dataset["mentions"] = actions


def _action(crate: ROCrate, plan: Plan, run: Run, origin: Origin, names: set[str]) -> dict[str, Any]:
    verb = "Pretrain" if run.kind == "pretraining" else "Fine-tune"
    provenance, outcome = origin.provenance, origin.outcome
    config = archived_name(run.config)
    return {
        "@type": "CreateAction",
        "name": f"{verb} and evaluate {run.name}, seed {run.seed}",
        "description": f"{outcome.outcome}: {outcome.detail}",
        "instrument": software(crate, provenance.code, provenance.versions),
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


def _data(crate: ROCrate, title: str, data: Data) -> ContextEntity:
    """The data set, identified by its content; the images are not in the archive."""
    properties = {
        "@type": "Dataset",
        "name": title,
        "identifier": f"{data.name}:{data.fingerprint}",
        "description": f"{data.train_images} training images; fingerprint of their content: {data.fingerprint}",
    }
    return crate.add(ContextEntity(crate, f"#data-{data.name}-{data.fingerprint}", properties))
