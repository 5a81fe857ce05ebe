"""The plan as types: the runs, evaluations and exhibits of a study, and their files.

Everything that works with results reads the plan; nothing else knows where files are. Paths are relative to the
project. On disk the plan is JSON, which only this module reads and writes.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from bits.config.evaluation import EvaluationSettings
from bits.config.published import Published
from bits.config.recipe import Dataset
from bits.config.section import Section
from bits.config.site import Site
from bits.errors import BitsError
from bits.plan.sources import Import, Reference, Run, Source
from bits.records.digests import digest
from bits.records.seal import SEAL, is_intact, write_record

RESULTS = Path("results")  # in the working directory, because DVC cannot track results outside the project
REPORTS = Path("reports")
WEIGHTS = ("teacher", "student", "heads")  # a run's <part>.safetensors
PRETRAINING_ROLE = "imagenet1k"
TRAINING = "training"  # key of a run's curve among its metrics files, whose other keys are data set roles
SHORT = 8  # hex digits of a digest in names


class PlanError(BitsError):
    """A plan that cannot be read, or that lacks what was requested."""


class Scale(Section):
    """A scale. reproduction: whether it is the published set-up. stamp: printed on every page of the report."""

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


class MissingWeights(Section):
    """An import whose file is not there, which prevents the build. run: its name."""

    run: str
    file: str
    reason: str


class Evaluation(Section):
    """What is measured on a data set: the evaluators that exhibits show for some sources.

    name: <data>-<id>.
    """

    name: str
    id: str
    role: str
    dataset: Dataset
    settings: EvaluationSettings

    @property
    def data(self) -> str:
        """What files and logs call the data set: its role, or its own name if it is the user's."""
        return self.name.removesuffix(f"-{self.id}")


class ReferenceJob(Section):
    """References of one seed that are evaluated in one process. files: reference id -> metrics file."""

    evaluation: str
    seed: int
    run: str
    files: dict[str, Path]


class MissingData(Section):
    """A required data set that is missing, which prevents the build. root: where it was looked for, "" if not given."""

    role: str
    dataset: str
    root: str
    reason: str


class DataRemark(Section):
    """What is found of a data set before anything is made from it, and what to do about it."""

    role: str
    found: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.found}. {self.remedy}"


class Choice(Section):
    """What the paper leaves open: the key that changes it, the value used (as JSON) and the reason."""

    key: str
    value: str
    why: str


class Plan(Section):
    """A whole study, by id or name. study: its name, which is also that of its folders.

    key: digest of everything that the plan was made from.
    extra: files of config/extra whose runs and exhibits are part of it.
    overrides: as requested. changed: those that depart from the scale's set-up.
    roots: data set role -> its path, or where it will be made; "" if not given.
    elsewhere: roles of data sets that are only known from shared manifests.
    imports: backbones that were trained elsewhere, by id. missing_weights: those that cannot be made.
    sources: name of a run, reference or import -> its ids, one per seed.
    metrics: id of a source -> role (or TRAINING) -> metrics file.
    needs: exhibit -> the metrics files that it is made from.
    left_out: exhibit -> which of its data are missing.
    formats: exhibit -> suffixes of its files. kinds: exhibit -> its kind, which determines the code that renders it.
    pending: exhibit -> why it cannot be computed yet.
    unfit: why data that are here cannot serve what is planned, which prevents the build. remarks: on data that can.
    seen: role -> how many of its images had been decoded by then (`data.looks.seen_at`), of sets that hold files.
    shown: rows added by users, run -> exhibit -> label. published: what others published of those, by run.
    tuned: method -> what was tuned for it at this scale, key -> value as JSON (config/tuning).
    declared: exhibit -> digest of everything that it shows besides metrics.
    report_digest: digest of everything that the report shows besides metrics, on any machine.
    """

    key: str = ""
    study: str
    scale: Scale
    project: Project
    overrides: tuple[str, ...]
    extra: tuple[str, ...] = ()
    changed: tuple[str, ...]
    roots: dict[str, str]
    elsewhere: tuple[str, ...]
    site: Site
    datasets: dict[str, Dataset]
    runs: dict[str, Run]
    references: dict[str, Reference]
    imports: dict[str, Import] = {}  # noqa: RUF012 - pydantic copies it
    sources: dict[str, list[str]]
    evaluations: dict[str, Evaluation]
    metrics: dict[str, dict[str, Path]]
    reference_jobs: tuple[ReferenceJob, ...]
    needs: dict[str, list[Path]]
    left_out: dict[str, str]
    missing: tuple[MissingData, ...]
    missing_weights: tuple[MissingWeights, ...] = ()
    unfit: tuple[DataRemark, ...] = ()
    seen: dict[str, str] = {}  # noqa: RUF012 - pydantic copies it
    remarks: tuple[DataRemark, ...] = ()
    formats: dict[str, tuple[str, ...]]
    pending: dict[str, str]
    shown: dict[str, dict[str, str]]
    published: dict[str, Published] = {}  # noqa: RUF012 - pydantic copies it
    tuned: dict[str, dict[str, str]] = {}  # noqa: RUF012 - pydantic copies it
    choices: tuple[Choice, ...]
    kinds: dict[str, str] = {}  # noqa: RUF012 - pydantic copies it
    declared: dict[str, str] = {}  # noqa: RUF012 - pydantic copies it
    digest: str = ""
    report_digest: str = ""

    @property
    def asked(self) -> tuple[str, ...]:
        """The words, besides study and scale, that tell it from other set-ups in the same folder.

        Those for the cluster, which may hold an account or a token, do not.
        """
        kept = (word for word in self.overrides if not word.lstrip("+").startswith("site.cluster"))
        return (*((f"extra={','.join(self.extra)}",) if self.extra else ()), *kept)

    @property
    def folder(self) -> Path:
        """results/<study>: everything that is made, except reports."""
        return RESULTS / self.study

    @property
    def reports(self) -> Path:
        """reports/<study>."""
        return REPORTS / self.study

    @property
    def file(self) -> Path:
        """The copy of this plan that jobs read; never overwritten."""
        return self.folder / "plans" / f"{self.digest[:SHORT]}.json"

    @property
    def site_file(self) -> Path:
        """The copy of the site settings that jobs read; never overwritten."""
        return self.folder / "sites" / f"{digest(self.site.model_dump(mode='json'))[:SHORT]}.yaml"

    def evaluation_file(self, name: str) -> Path:
        """The configuration of evaluation <role>-<id> that jobs read; never overwritten."""
        return self.folder / "evaluations" / f"{name}.yaml"

    def exhibit_digest(self, name: str) -> str:
        """Of all that a rendered exhibit is made from: its declaration, and the names of its metrics files."""
        return digest([self.declared.get(name, ""), [str(path) for path in self.needs.get(name, ())]])

    def of_metrics(self, file: Path) -> Evaluation:
        """The evaluation that produces a metrics file."""
        return self.evaluations[file.stem]

    def evaluation_files(self, identity: str) -> dict[str, Path]:
        """Data set role -> metrics file of a run or reference, without its curve."""
        return {role: path for role, path in self.metrics[identity].items() if role != TRAINING}

    def source(self, identity: str) -> Source:
        """The run, import or reference with this id."""
        return self.runs.get(identity) or self.imports.get(identity) or self.references[identity]

    def backboned(self, identity: str) -> Run | Import:
        """The run or import with this id."""
        return self.runs.get(identity) or self.imports[identity]

    @property
    def lacks_something(self) -> bool:
        """Whether data or weights are missing without which nothing may start."""
        return bool(self.missing or self.missing_weights)

    def is_here(self, role: str) -> bool:
        """Whether a data set's fingerprint is known: from its files on this machine, or from a shared manifest."""
        return self.datasets[role].fingerprint is not None

    def write(self, path: Path) -> None:
        """Write it as JSON with the digest of its content, by which whoever reads it notices an edit."""
        write_record(path, self.model_dump(mode="json"))


def read_plan(path: Path) -> Plan:
    """Read a plan; raises PlanError if the file is missing, not a plan of this version, or edited by hand."""
    try:
        content = dict(json.loads(path.read_bytes()))
    except OSError as error:
        raise PlanError(f"{path}: cannot be read ({error.strerror}). Make it: bits plan") from error
    except (ValueError, TypeError) as error:
        raise PlanError(f"{path}: not a plan: {error}. Delete it and make it again: bits plan") from error
    try:
        plan = Plan.model_validate({key: value for key, value in content.items() if key != SEAL})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise PlanError(f"{path}: not a plan of this version: {key}: {first['msg']}. Remake it: bits plan") from error
    if not is_intact(content):
        raise PlanError(
            f"{path}: was changed by hand: its content does not match its {SEAL}. Delete it and make it again "
            "(bits plan), and change config/ or the words instead."
        )
    return plan
