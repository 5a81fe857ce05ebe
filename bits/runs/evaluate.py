"""Measure a run, an import or a reference on one data set: everything that the exhibits need of it, in one process."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from bits.config.evaluation import EvaluationSettings
from bits.config.frozen import read_section
from bits.config.imports import BackboneRecipe
from bits.config.recipe import Dataset
from bits.config.site import Site
from bits.data.images import ImageSet
from bits.data.kind import kind_files
from bits.errors import BitsError
from bits.evaluation.declaration import evaluator_files, evaluators
from bits.plan.evaluations import reference_basis
from bits.plan.passes import passing
from bits.records.code import ROOT, code_digest, code_state, imported_files
from bits.records.digests import digest
from bits.records.provenance import command, hardware, now, usage, versions
from bits.records.seal import read_record, write_record
from bits.runs.build import choose_device
from bits.runs.datasets import dataset_root, open_pair
from bits.runs.queries import write_queries
from bits.runs.side_by_side import Member, SideBySide
from bits.runs.source import REFERENCES, FeatureSource
from bits.runs.subject import Extraction, SourceOnData
from bits.runs.unfinished import Unfinished, unfinished_folder
from bits.training.interrupt import Now, StopRequest, stop_requests

Splits = tuple[ImageSet, ImageSet]  # train, val


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
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        return cls(values["id"], values["role"], dataset, settings)


class DataSetEvaluation:
    """One data set, opened once, and any number of sources to measure on it.

    folder: of the run or import whose recipe says how backbones are built, and whose weights are there. images: the
    data set's splits where they are open already.
    """

    def __init__(
        self,
        folder: Path,
        recipe: BackboneRecipe,
        evaluation: FrozenEvaluation,
        site: Site,
        images: Splits | None = None,
    ) -> None:
        self.folder, self.recipe, self.evaluation, self.site = folder, recipe, evaluation, site
        self.device = choose_device(site)
        self.images = images or open_pair(evaluation.dataset, dataset_root(evaluation.dataset, site), site)
        self.train, self.val = self.images

    def run(self, jobs: Iterable[tuple[str, Path]]) -> int:
        """Measure sources and write their metrics files. jobs: (source, file) each.

        Returns the exit code: 0, or 128 + signal when stopped. What was measured by then is kept, as it is after an
        error, and the next attempt goes on from there.
        """
        measured: list[Unfinished] = []
        with stop_requests() as request:
            try:
                for source, output in jobs:
                    self._run(source, output, request, measured)
            except Now:
                _save(measured)
                return request.told()
            except Exception:
                with suppress(OSError, BitsError):  # which must not hide the error itself
                    _save(measured)
                raise
        for unfinished in measured:
            unfinished.discard()
        return 0

    def begin(self, source: str, output: Path) -> tuple[SourceOnData, Unfinished]:
        """A source as evaluators see it, and what has been measured of it before."""
        features_of = FeatureSource.of(source, self.folder, self.recipe, self.evaluation.settings, self.device)
        minutes = self.site.checkpoint_minutes
        unfinished = Unfinished(unfinished_folder(output), lambda: self._key(features_of), minutes, source)
        return self._subject(features_of, output, unfinished), unfinished

    def _run(self, source: str, output: Path, request: StopRequest, measured: list[Unfinished]) -> None:
        """Measure a source and write its metrics file. What it can go on from is appended to `measured`."""
        started = now()
        subject, unfinished = self.begin(source, output)
        measured.append(unfinished)
        values = self._values(subject, unfinished, request)
        write_queries(_queries_file(output), self.val, self.evaluation.settings)
        provenance = {
            "code": code_state(),
            "versions": versions(),
            "hardware": {**hardware(), "device": str(self.device)},
            "images": {"train": len(self.train), "val": len(self.val)},
            "folders": {"train": self.train.folder, "val": self.val.folder},
            "command": command(),
            "started": started,
            "finished": now(),
            "seconds_spent": round(unfinished.seconds_spent, 3),
            "process": usage(),
            **({"probed_beside": unfinished.beside} if unfinished.beside else {}),
        }
        intervals = {name: found for name in values if (found := unfinished.intervals[name])}
        self._write(output, subject, {"values": values, "intervals": intervals}, provenance)

    def _write(self, output: Path, subject: SourceOnData, measured: dict[str, Any], provenance: dict[str, Any]) -> None:
        record = {
            "source": subject.source,
            "id": output.parent.name,
            "dataset": self.evaluation.role,
            "evaluation": self.evaluation.id,
            "resolved_dataset": self.evaluation.dataset.name,
            **measured,
            "classes": _class_sizes(self.train, self.val, self.evaluation.settings),
            "made_from": subject.made_from.origin,
            "provenance": provenance,
        }
        write_record(output, record)
        print(f"{subject.source}: {output}")

    def _key(self, features_of: FeatureSource) -> str:
        """Of all that the numbers of a source depend on, the code and the kind of device included."""
        evaluation, dataset = self.evaluation, self.evaluation.dataset
        files = (*evaluator_files(evaluation.settings.evaluators()), *kind_files([dataset.kind]))
        code = code_digest(imported_files([ROOT / "bits/runs/evaluate.py", *files], ("bits/records/",)))
        origin = {name: value for name, value in features_of.origin.items() if name != "file"}
        given = [one.model_dump(mode="json") for one in (dataset, evaluation.settings)]
        source, recipe = features_of.source, self.recipe
        made_from = reference_basis(recipe) if source in REFERENCES else recipe.digest()
        return digest([code, *given, source, origin, made_from, self.device.type])

    def _subject(self, features_of: FeatureSource, output: Path, unfinished: Unfinished) -> SourceOnData:
        extraction = Extraction(
            store=output.parents[2] / "features" / output.parent.name,
            role=self.evaluation.role,
            dataset=self.evaluation.dataset,
            settings=self.evaluation.settings,
            site=self.site,
            device=self.device,
        )
        return SourceOnData(features_of, extraction, self.train, self.val, unfinished)

    def _values(self, subject: SourceOnData, unfinished: Unfinished, request: StopRequest) -> dict[str, Any]:
        """What every evaluator that is asked for says, by its name; one that has finished is not asked again.

        Nothing of a run that diverged to weights with which nothing can be measured. A signal raises Now.
        """
        with request.at_once():
            if self.diverged_beyond_measure(subject):
                return {}
        known, asked = evaluators(), self.evaluation.settings.evaluators()
        beside = self._side_by_side(subject, unfinished)
        for name, settings in asked.items():
            if name in beside and name not in unfinished.values:
                self._measure_side_by_side(subject, unfinished, beside, request)
            elif name not in unfinished.values:
                with request.at_once():
                    values = known[name].measure(subject, settings)
                unfinished.finished(name, values)
        return {name: unfinished.values[name] for name in asked}

    def _side_by_side(self, subject: SourceOnData, unfinished: Unfinished) -> tuple[str, ...]:
        """The evaluators that are to share passes of augmented images through the backbone; none or several."""
        wanted = tuple(name for name in passing(self.evaluation.settings) if name not in unfinished.values)
        return wanted if len(wanted) > 1 and subject.has_backbone else ()

    def _measure_side_by_side(
        self, subject: SourceOnData, unfinished: Unfinished, names: tuple[str, ...], request: StopRequest
    ) -> None:
        """A signal raises Now."""
        with request.at_once():
            subject.extracted()
        probes = SideBySide([Member(subject, unfinished, names)], self.site)
        if probes.run(request):
            raise Now
        for error in probes.failed.values():
            raise error

    def diverged_beyond_measure(self, subject: SourceOnData) -> bool:
        """Whether the run says that it diverged and its features are not finite; those of any other are an error."""
        outcome = self.folder / "outcome.json"
        if subject.source in REFERENCES or not outcome.is_file():
            return False
        return bool(read_record(outcome, "how a run ended")["outcome"] == "diverged") and not subject.finite()


def _queries_file(output: Path) -> Path:
    return output.parents[2] / "data" / f"{output.stem}-queries.txt"


def _class_sizes(train: ImageSet, val: ImageSet, settings: EvaluationSettings) -> dict[str, int]:
    """How many classes there are, and how many of them have one image in a split that is read: what is said of those
    says little."""
    read = any(evaluators()[name].reads_train(own) for name, own in settings.evaluators().items())
    alone = {"one_training_image": _alone(train) if read else 0, "one_test_image": _alone(val)}
    return {"all": len(val.class_names), **alone}


def _alone(images: ImageSet) -> int:
    """How many labels are those of a single image."""
    return int((_per_class(images) == 1).sum())


def _per_class(images: ImageSet) -> Tensor:
    """How many images have each label."""
    several = images.multilabels
    return torch.bincount(images.labels) if several is None else several.sum(dim=0)


def _save(measured: Iterable[Unfinished]) -> None:
    """Also of sources whose files are there: the workflow removes all files of a job that does not end well."""
    for unfinished in measured:
        unfinished.save()
