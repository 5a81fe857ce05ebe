"""The plan as types: which runs, evaluations and exhibits exist in a study, and which files hold them.

Everything that acts on results reads it, and nothing else knows where a file lies. Paths are relative to the project.
Its one form on disk is JSON, written and read here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from bits.config.evaluation import EvaluationSettings
from bits.config.recipe import Dataset, Recipe
from bits.config.section import Section
from bits.config.site import Site
from bits.errors import BitsError
from bits.records.digests import digest
from bits.records.files import write_text

RESULTS = Path("results")  # in the working directory: DVC keeps no results outside the project
REPORTS = Path("reports")
WEIGHTS = ("teacher", "student", "heads")  # a run's <part>.safetensors
PRETRAINING_ROLE = "imagenet1k"
TRAINING = "training"  # the record of a run's curve, beside those of data set roles
SHORT = 8  # hex digits of a digest in a name


class PlanError(BitsError):
    """A plan that cannot be read, or that does not hold what is asked of it."""


class Scale(Section):
    """What the numbers are worth. reproduction: whether it is the published set-up. stamp: goes on every page."""

    name: str
    title: str
    reproduction: bool
    stamp: str


class Paper(Section):
    title: str
    arxiv: str


class Project(Section):
    name: str
    version: str
    paper: Paper


class Run(Section):
    """One seed of a pretraining or fine-tuning. start: id of the run that a fine-tuning goes on from.

    folder: of its files. resume: of its checkpoints while it is in progress, perhaps on another disk.
    """

    name: str
    id: str
    seed: int
    role: str
    start: str | None
    folder: Path
    resume: Path
    recipe: Recipe

    @property
    def kind(self) -> Literal["pretraining", "finetuning"]:
        return "pretraining" if self.start is None else "finetuning"

    def weights(self, part: str) -> Path:
        """The file of one of WEIGHTS."""
        return self.folder / f"{part}.safetensors"

    @property
    def config(self) -> Path:
        """The frozen recipe that its job reads."""
        return self.folder / "config.yaml"

    @property
    def outcome(self) -> Path:
        """How it ended; there once it has."""
        return self.folder / "outcome.json"

    @property
    def failure(self) -> Path:
        """Why its last attempt failed; there until another attempt starts."""
        return self.folder / "failure.json"

    @property
    def provenance(self) -> Path:
        return self.folder / "provenance.json"

    @property
    def curve(self) -> Path:
        return self.folder / "curve.json"

    @property
    def log(self) -> Path:
        return self.folder / "log.jsonl"


class Reference(Section):
    """What a trained backbone must beat, beside the run `run`, whose random start and seed it shares."""

    name: str
    id: str
    seed: int
    label: str
    run: str


class Evaluation(Section):
    """What is measured on a data set: the evaluators that exhibits show of some source there. name: <role>-<id>."""

    name: str
    id: str
    role: str
    dataset: Dataset
    settings: EvaluationSettings


class ReferenceJob(Section):
    """References of one seed to which the same is done, in one process. files: reference id -> its metrics file."""

    evaluation: str
    seed: int
    run: str
    files: dict[str, Path]


class MissingData(Section):
    """A data set that has to be there before anything can start. root: "" when no place is given."""

    role: str
    dataset: str
    root: str
    reason: str


class Choice(Section):
    """What the paper leaves open: the key that changes it, the value in force as JSON text, and why."""

    key: str
    value: str
    why: str


class Plan(Section):
    """All of a study, by id or name. study: its name, and that of its folders.

    overrides: as they were asked for; changed: those by which it is no longer the scale's set-up.
    roots: data set role -> where it lies or will be made, "" if nowhere. elsewhere: roles known from shared manifests.
    sources: name of a run or reference -> its ids, one a seed. metrics: id -> record (a role or TRAINING) -> file.
    needs: exhibit -> the metrics files it is made from. left_out: exhibit -> why its data are not here.
    formats: exhibit -> endings of its files. kinds: exhibit -> its kind, which says what code renders it.
    pending: exhibit -> what keeps it from being computed. shown: rows that users add, run -> exhibit -> label.
    declared: exhibit -> digest of all that it shows beside the metrics. report_digest: of all that the report shows, on
    any machine. key: of everything that the plan was made from.
    """

    key: str = ""
    study: str
    scale: Scale
    project: Project
    overrides: tuple[str, ...]
    changed: tuple[str, ...]
    roots: dict[str, str]
    elsewhere: tuple[str, ...]
    site: Site
    datasets: dict[str, Dataset]
    runs: dict[str, Run]
    references: dict[str, Reference]
    sources: dict[str, list[str]]
    evaluations: dict[str, Evaluation]
    metrics: dict[str, dict[str, Path]]
    reference_jobs: tuple[ReferenceJob, ...]
    needs: dict[str, list[Path]]
    left_out: dict[str, str]
    missing: tuple[MissingData, ...]
    formats: dict[str, tuple[str, ...]]
    pending: dict[str, str]
    shown: dict[str, dict[str, str]]
    choices: tuple[Choice, ...]
    kinds: dict[str, str] = {}  # noqa: RUF012 - pydantic copies it
    declared: dict[str, str] = {}  # noqa: RUF012 - pydantic copies it
    digest: str = ""
    report_digest: str = ""

    @property
    def folder(self) -> Path:
        """results/<name>: everything that is made, but for reports."""
        return RESULTS / self.study

    @property
    def reports(self) -> Path:
        """reports/<name>."""
        return REPORTS / self.study

    @property
    def file(self) -> Path:
        """The copy of this very plan that jobs read, which nothing overwrites."""
        return self.folder / "plans" / f"{self.digest[:SHORT]}.json"

    @property
    def site_file(self) -> Path:
        """The site's settings for jobs, likewise."""
        return self.folder / "sites" / f"{digest(self.site.model_dump(mode='json'))[:SHORT]}.yaml"

    def evaluation_file(self, name: str) -> Path:
        """The frozen evaluation called <role>-<id>, likewise."""
        return self.folder / "evaluations" / f"{name}.yaml"

    def of_metrics(self, file: Path) -> Evaluation:
        """The evaluation that makes a metrics file."""
        return self.evaluations[file.stem]

    def evaluation_files(self, identity: str) -> dict[str, Path]:
        """Data set role -> metrics file of a run or reference; its curve is not among them."""
        return {role: path for role, path in self.metrics[identity].items() if role != TRAINING}

    def source(self, identity: str) -> Run | Reference:
        """The run or reference of an id."""
        return self.runs.get(identity) or self.references[identity]

    def is_here(self, role: str) -> bool:
        """Whether a data set is known: on this machine, or from a shared manifest."""
        return self.datasets[role].fingerprint is not None

    def write(self, path: Path) -> None:
        write_text(path, self.model_dump_json(indent=1) + "\n")


def read_plan(path: Path) -> Plan:
    """The plan in a file; raises PlanError saying what to do when it is missing or not a plan of this version."""
    try:
        return Plan.model_validate_json(path.read_bytes())
    except OSError as error:
        raise PlanError(f"{path}: no plan could be read ({error.strerror}). Make it: bits plan") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))  # none where it is no JSON
        wrong = f"{key}: {first['msg']}" if key else first["msg"]
        raise PlanError(f"{path}: not a plan of this version: {wrong}. Make it again: bits plan") from error
