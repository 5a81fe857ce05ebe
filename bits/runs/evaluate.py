"""Measure a run or a reference on one data set: everything that the exhibits need of it, in one process."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bits.config.evaluation import EvaluationSettings
from bits.config.frozen import read_section
from bits.config.recipe import Dataset, Recipe
from bits.config.site import Site
from bits.evaluation.declaration import evaluators
from bits.records.code import code_state
from bits.records.provenance import command, hardware, now, usage, versions
from bits.records.seal import read_record, write_record
from bits.runs.build import choose_device
from bits.runs.datasets import dataset_root, open_pair
from bits.runs.source import REFERENCES, FeatureSource
from bits.runs.subject import Extraction, SourceOnData


@dataclass(frozen=True)
class FrozenEvaluation:
    """An evaluation as the plan froze it."""

    id: str
    role: str
    dataset: Dataset
    settings: EvaluationSettings

    @classmethod
    def read(cls, path: Path) -> FrozenEvaluation:
        """Raises BitsError when the file is not one."""
        settings = read_section(path, EvaluationSettings, "settings")
        dataset = read_section(path, Dataset, "dataset")
        values = yaml.safe_load(path.read_text())
        return cls(values["id"], values["role"], dataset, settings)


class DataSetEvaluation:
    """One data set, opened once, and any number of sources to measure on it.

    folder: of the run whose recipe says how backbones are built, and whose weights are there.
    """

    def __init__(self, folder: Path, recipe: Recipe, evaluation: FrozenEvaluation, site: Site) -> None:
        self.folder, self.recipe, self.evaluation, self.site = folder, recipe, evaluation, site
        self.device = choose_device(site)
        self.train, self.val = open_pair(evaluation.dataset, dataset_root(evaluation.dataset, site), site)

    def run(self, source: str, output: Path) -> None:
        """Measure a source and write its metrics file."""
        started, since = now(), time.monotonic()
        features_of = FeatureSource.of(source, self.folder, self.recipe, self.evaluation.settings, self.device)
        subject = self._subject(features_of, output)
        values: dict[str, Any] = {}  # of a run that diverged to weights with which nothing can be measured
        if not self._diverged_beyond_measure(subject):
            values = self._values(subject)
        provenance = {
            "code": code_state(),
            "versions": versions(),
            "hardware": {**hardware(), "device": str(self.device)},
            "images": {"train": len(self.train), "val": len(self.val)},
            "folders": {"train": self.train.folder, "val": self.val.folder},
            "command": command(),
            "started": started,
            "finished": now(),
            "seconds_spent": round(time.monotonic() - since, 3),
            "process": usage(),
        }
        record = {
            "source": source,
            "id": output.parent.name,
            "dataset": self.evaluation.role,
            "evaluation": self.evaluation.id,
            "resolved_dataset": self.evaluation.dataset.name,
            "values": values,
            "made_from": features_of.origin,
            "provenance": provenance,
        }
        write_record(output, record)
        print(f"{source}: {output}")

    def _subject(self, features_of: FeatureSource, output: Path) -> SourceOnData:
        extraction = Extraction(
            store=output.parents[2] / "features" / output.parent.name,
            role=self.evaluation.role,
            dataset=self.evaluation.dataset,
            settings=self.evaluation.settings,
            site=self.site,
            device=self.device,
        )
        return SourceOnData(features_of, extraction, self.train, self.val)

    def _values(self, subject: SourceOnData) -> dict[str, Any]:
        """What every evaluator that is asked for says, by its name."""
        known = evaluators()
        return {
            name: dict(known[name].measure(subject, settings))
            for name, settings in self.evaluation.settings.evaluators().items()
        }

    def _diverged_beyond_measure(self, subject: SourceOnData) -> bool:
        """Whether the run says that it diverged and its features are not finite; those of any other are an error."""
        outcome = self.folder / "outcome.json"
        if subject.source in REFERENCES or not outcome.is_file():
            return False
        return bool(read_record(outcome, "how a run ended")["outcome"] == "diverged") and not subject.finite()
