"""Make a plan: compose every run, lay out every file, say what each exhibit needs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from bits.config.composed import Composed
from bits.config.evaluation import EvaluationSettings
from bits.config.imports import ImportLine, published_of
from bits.config.lines import import_lines, run_lines
from bits.config.published import Published
from bits.config.recipe import Dataset
from bits.exhibits import Declarations, load_declarations
from bits.plan.data import data_root, images_seen, is_default_place, known_fingerprints, why_missing
from bits.plan.evaluations import evaluations, metrics_files, reference_jobs, references
from bits.plan.fit import Uses, examined
from bits.plan.imports import imports, missing_weights, refuse_finetunings
from bits.plan.model import PRETRAINING_ROLE, Choice, MissingData, Paper, Plan, Project, Run, Scale
from bits.plan.needs import left_out, needs
from bits.plan.request import Request
from bits.plan.runs import finetuning, pretrainings
from bits.plan.sources import Source
from bits.records.digests import digest

PROJECT = Project(
    name="bits-reproduction",
    version="0.1.0",
    paper=Paper(title="Self-Supervised Learning as Discrete Communication", arxiv="2602.09764"),
)
OF_THE_MACHINE = {
    "key",
    "digest",
    "report_digest",
    "site",
    "roots",
    "elsewhere",
    "overrides",
    "missing",
    "missing_weights",
    "unfit",
    "seen",
    "remarks",
}
OF_NO_NUMBER = ("site", "seed", "seeds")  # overrides under which a set-up stays what it is
_ABSENT = object()
REFERENCE_RUN = "bits-fixed"  # references stand beside a run whose backbone gives their random start


def make_plan(request: Request) -> Plan:
    """Everything that exists at a scale; raises BitsError for a declaration that does not hold."""
    declared = _Declared.read(request)
    data = _Data.found(declared.first, request.folder)
    runs = _runs(declared, data, request.folder)
    beside = [run for run in runs.values() if run.name == REFERENCE_RUN]
    compared = references(declared.exhibits.references, beside)
    imported = imports(declared.imports, declared.first, request.folder, request.config_dir)
    sources: dict[str, list[str]] = {}
    every: list[Source] = [*runs.values(), *compared.values(), *imported.values()]
    for one in every:
        sources.setdefault(one.name, []).append(one.id)
    measured = evaluations(declared.exhibits, data.sets, declared.evaluation_of(data.sets), sources, declared.imports)
    metrics = metrics_files(measured, runs.values(), (*compared, *imported), request.folder)
    waiting = left_out(declared.exhibits, data.sets, data.optional, data.roots)
    made_from = needs(declared.exhibits, waiting, sources, metrics, declared.imports)
    changed = changed_by(request.overrides)
    plan = Plan(
        study=request.study,
        scale=_stamped(declared.scale, changed),
        project=PROJECT,
        overrides=request.overrides,
        extra=request.extra,
        changed=changed,
        roots=data.roots,
        elsewhere=data.elsewhere,
        site=declared.first.site,
        datasets=data.sets,
        runs=runs,
        references=compared,
        imports=imported,
        sources=sources,
        evaluations={one.name: one for by_role in measured.values() for one in by_role.values()},
        metrics=metrics,
        reference_jobs=reference_jobs(compared, metrics),
        needs=made_from,
        left_out=waiting,
        missing=data.missing(),
        missing_weights=missing_weights(imported.values()),
        formats={name: declared.exhibits.exhibits[name].endings for name in made_from},
        kinds={name: declared.exhibits.exhibits[name].kind for name in made_from},
        pending=declared.exhibits.pending,
        shown=declared.shown,
        published=declared.published,
        tuned=_tuned(request.config_dir, request.scale, declared.lines.values()),
        choices=_choices(request.config_dir, runs, declared.evaluation_of(data.sets)),
    )
    return _digested(_looked_at(plan, declared.exhibits), declared.exhibits)


def _looked_at(plan: Plan, declarations: Declarations) -> Plan:
    """The plan with what its data show: whether they can serve it, and what should be known of them."""
    shown = [declarations.measures[name] for one in declarations.exhibits.values() for _, name in one.needs()]
    unfit, remarks = [], []
    for role, dataset in plan.datasets.items():
        if plan.is_here(role) and role not in plan.elsewhere:
            uses = Uses(
                role=role,
                runs=[run for run in plan.runs.values() if run.role == role],
                evaluations=[one for one in plan.evaluations.values() if one.role == role],
                shown=[measure for measure in shown if measure.dataset == role],
            )
            found = examined(dataset, plan.roots[role], uses)
            unfit += found.unfit
            remarks += found.remarks
    seen = images_seen(plan.datasets, plan.roots)
    return plan.model_copy(update={"unfit": tuple(unfit), "remarks": tuple(remarks), "seen": seen})


@dataclass(frozen=True)
class _Declared:
    """What config/ says: runs.yaml's lines, exhibits, and every run composed."""

    lines: dict[str, dict[str, Any]]
    imports: dict[str, ImportLine]
    shown: dict[str, dict[str, str]]
    published: dict[str, Published]
    exhibits: Declarations
    composed: dict[str, Composed]
    scale: Scale

    @classmethod
    def read(cls, request: Request) -> _Declared:
        from bits.config.compose import Composer  # imports Hydra, 0.3 s that a kept plan does without

        lines = run_lines(request.config_dir, request.extra)
        imported = import_lines(request.config_dir, request.extra)
        shown = {name: line["shown"] for name, line in lines.items() if "shown" in line}
        shown |= {name: line.shown for name, line in imported.items()}
        published = published_of(imported)
        exhibits = load_declarations(request.config_dir, {*lines, *imported}, shown, request.extra, published)
        composed: dict[str, Composed] = {}
        with Composer(request.scale, request.overrides, request.config_dir) as composer:
            for name, line in lines.items():
                composed[name], scale = composer.compose(name, line)
        return cls(lines, imported, shown, published, exhibits, composed, Scale.model_validate(scale))

    @property
    def first(self) -> Composed:
        """A run that stands for what all of them share."""
        return self.composed[REFERENCE_RUN]

    def evaluation_of(self, roles: Iterable[str]) -> dict[str, EvaluationSettings]:
        """Role -> how backbones are measured there, with every evaluator."""
        first = self.first
        return {role: first.evaluation if role == PRETRAINING_ROLE else first.evaluation_on(role) for role in roles}


@dataclass(frozen=True)
class _Data:
    """The data sets by role, where they lie, and what is known of them. sets: with their fingerprints."""

    sets: dict[str, Dataset]
    roots: dict[str, str]
    elsewhere: tuple[str, ...]

    @classmethod
    def found(cls, shared: Composed, folder: Path) -> _Data:
        others = {role: target.dataset for role, target in shared.targets.items()}
        sets = {PRETRAINING_ROLE: shared.recipe.dataset, **others}
        roots = {role: data_root(dataset, shared.site.data) for role, dataset in sets.items()}
        prints, elsewhere = known_fingerprints(sets, roots, folder)
        known = {role: dataset.model_copy(update={"fingerprint": prints[role]}) for role, dataset in sets.items()}
        return cls(known, roots, tuple(elsewhere))

    @cached_property
    def absent(self) -> set[str]:
        return {role for role, dataset in self.sets.items() if dataset.fingerprint is None}

    @cached_property
    def optional(self) -> set[str]:
        """Absent target sets that the user has said nothing about."""
        roles = self.absent - {PRETRAINING_ROLE}
        return {role for role in roles if is_default_place(self.sets[role], self.roots[role])}

    def missing(self) -> tuple[MissingData, ...]:
        gaps = [role for role in self.sets if role in self.absent - self.optional]
        return tuple(
            MissingData(
                role=role,
                dataset=self.sets[role].name,
                root=self.roots[role],
                reason=why_missing(self.sets[role], self.roots[role]),
            )
            for role in gaps
        )


def _runs(declared: _Declared, data: _Data, folder: Path) -> dict[str, Run]:
    """Pretrainings, then the fine-tunings that exhibits show, by id."""
    refuse_finetunings(declared.exhibits.finetunings(), declared.imports)
    fingerprint = data.sets[PRETRAINING_ROLE].fingerprint
    pretrained = list(pretrainings(declared.composed, declared.lines, fingerprint, folder))
    tuned = [
        finetuning(source, role, data.sets[role], declared.first, folder)
        for name, role in declared.exhibits.finetunings()
        for source in pretrained
        if role in declared.first.targets and source.name == name
    ]
    return {run.id: run for run in (*pretrained, *tuned)}


def changed_by(overrides: Iterable[str]) -> tuple[str, ...]:
    """The overrides that make another set-up: neither the site nor the seeds do."""
    return tuple(word for word in overrides if word.lstrip("+~").split("=")[0].split(".")[0] not in OF_NO_NUMBER)


def _stamped(scale: Scale, changed: tuple[str, ...]) -> Scale:
    """The scale's description; what the user changed for all runs is in its stamp, and no published set-up any more."""
    if not changed:
        return scale
    what = f"CHANGED SET-UP ({', '.join(changed)})"
    stamp = f"{what} - {scale.stamp}{'; these numbers are not a reproduction' if scale.reproduction else ''}"
    return scale.model_copy(update={"reproduction": False, "stamp": stamp})


def _digested(plan: Plan, declarations: Declarations) -> Plan:
    """The plan with the digests of what it, its report and each of its exhibits show."""
    declared = {name: _shown_digest(declarations, name, plan) for name in plan.needs}
    plan = plan.model_copy(update={"declared": declared})
    facts = {name: declarations.facts(name) for name in declarations.exhibits}
    values = plan.model_dump(mode="json")
    anywhere = {key: value for key, value in values.items() if key not in OF_THE_MACHINE}
    anywhere["runs"] = {identity: {**run, "resume": None} for identity, run in anywhere["runs"].items()}
    anywhere["imports"] = {identity: {**one, "file": None} for identity, one in anywhere["imports"].items()}
    return plan.model_copy(update={"digest": digest([values, facts]), "report_digest": digest([anywhere, facts])})


def _shown_digest(declarations: Declarations, name: str, plan: Plan) -> str:
    """Digest of all that a rendered exhibit shows besides the metrics files: a change elsewhere leaves it."""
    roles = {declarations.measures[measure].dataset for _, measure in declarations.exhibits[name].needs()}
    titles = {role: plan.datasets[role].title for role in sorted(roles)}
    stamp, project = plan.scale.model_dump(mode="json"), plan.project.model_dump(mode="json")
    return digest([declarations.facts(name), stamp, project, titles])


def _tuned(config_dir: Path, scale: str, lines: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Method -> the keys that its own file of config/tuning sets at this scale, for the methods of the runs."""
    files = {method: config_dir / f"tuning/{method}-{scale}.yaml" for method in (line["method"] for line in lines)}
    return {
        method: {
            key: json.dumps(value) for key, value in _leaves(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
        }
        for method, path in files.items()
        if path.is_file()
    }


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of everything in nested mappings."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _choices(config_dir: Path, runs: Mapping[str, Run], shared: Mapping[str, EvaluationSettings]) -> tuple[Choice, ...]:
    """Every declared protocol choice with the value in force."""
    first: dict[str, Run] = {}
    for run in runs.values():
        first.setdefault(run.name, run)
    rows = []
    for entry in yaml.safe_load((config_dir / "choices.yaml").read_text(encoding="utf-8")):
        run_of_it = first.get(entry.get("run", REFERENCE_RUN))
        if run_of_it is None:
            continue  # a fine-tuning on a role that the targets in force do not have
        role = entry.get("role", run_of_it.role)
        value: Any = run_of_it.recipe.model_dump(mode="json")
        value["evaluation"] = shared[role].model_dump(mode="json") if role in shared else None
        for part in entry["key"].split("."):
            value = value.get(part, _ABSENT) if isinstance(value, dict) else _ABSENT
        if value is _ABSENT:
            continue  # of a section that is null
        key = entry.get("override") or entry["key"]
        key = f"{key} ({entry['run']})" if "run" in entry else key
        rows.append(Choice(key=key, value=json.dumps(value), why=entry["why"]))
    return tuple(rows)
