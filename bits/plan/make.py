"""Make a plan: compose every run, lay out every file, say what each exhibit needs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from bits.config.compose import Composer, run_lines
from bits.config.composed import Composed
from bits.config.evaluation import Evaluation
from bits.config.recipe import Dataset
from bits.errors import BitsError
from bits.exhibits import Declarations, load_declarations
from bits.plan.data import data_root, is_default_place, known_fingerprints, why_missing
from bits.plan.evaluations import evaluations, references, references_together
from bits.plan.request import Request
from bits.plan.runs import PRETRAINING_ROLE, finetuning_entry, pretraining_entries
from bits.records.digests import digest

VERSION = "0.1.0"
PAPER = {"title": "Self-Supervised Learning as Discrete Communication", "arxiv": "2602.09764"}
FORMATS = {"grid": ["html", "tex", "md", "csv"], "lines": ["html", "png", "pdf", "svg", "csv"]}
OF_THE_MACHINE = ("digest", "site", "roots", "elsewhere", "overrides", "missing")
OF_NO_NUMBER = ("site", "seed", "seeds")  # overrides under which a set-up stays what it is
_ABSENT = object()
REFERENCE_RUN = "bits-fixed"  # references stand beside a run whose backbone gives their random start


def make_plan(request: Request) -> dict[str, Any]:
    """Everything that exists at a scale, as JSON values; raises BitsError for a declaration that does not hold."""
    overrides, config_dir = request.overrides, request.config_dir
    lines = run_lines(config_dir)
    shown = {name: line["shown"] for name, line in lines.items() if "shown" in line}
    declarations = load_declarations(config_dir, runs=set(lines), shown=shown)
    composed: dict[str, Composed] = {}
    with Composer(request.scale, overrides, config_dir) as composer:
        for name in lines:
            composed[name], scale = composer.compose(name, lines[name])
    first = composed[REFERENCE_RUN]
    folder = request.folder
    datasets = {PRETRAINING_ROLE: first.recipe.dataset, **first.targets}
    roots = {role: data_root(dataset, first.site.data) for role, dataset in datasets.items()}
    prints, elsewhere = known_fingerprints(datasets, roots, folder)
    datasets = {role: dataset.model_copy(update={"fingerprint": prints[role]}) for role, dataset in datasets.items()}
    absent = {role for role in datasets if prints[role] is None}
    optional = {role for role in absent - {PRETRAINING_ROLE} if is_default_place(datasets[role], roots[role])}

    runs = {run["id"]: run for run in pretraining_entries(composed, lines, prints[PRETRAINING_ROLE], folder)}
    pretrained = list(runs.values())
    for name, role in declarations.finetunings():
        for source in pretrained if role in first.targets else ():
            if source["name"] == name:
                entry = finetuning_entry(source, role, datasets[role], first, folder)
                runs[entry["id"]] = entry
    shared = {role: first.evaluation if role == PRETRAINING_ROLE else first.target_evaluation for role in datasets}
    plan: dict[str, Any] = {
        "scale": _stamped(scale, overrides),
        "project": {"name": "bits-reproduction", "version": VERSION, "paper": PAPER},
        "overrides": list(overrides),
        "roots": roots,
        "fingerprints": prints,
        "elsewhere": elsewhere,
        "site": first.site.model_dump(mode="json"),
        "runs": runs,
        "references": references(
            declarations.references, (run for run in runs.values() if run["name"] == REFERENCE_RUN)
        ),
        "datasets": {role: dataset.model_dump(mode="json") for role, dataset in datasets.items()},
        "choices": _choices(config_dir, runs, shared),
        "shown": shown,
    }
    plan["sources"] = _sources(plan)
    plan["evaluations"], plan["metrics"] = evaluations(declarations, plan, shared, folder)
    plan["reference_jobs"] = references_together(plan)
    needs, left_out = _needs(declarations, plan, optional)
    gaps = {role: dataset for role, dataset in datasets.items() if role in absent - optional}
    plan |= {"needs": needs, "left_out": left_out, "missing": _missing(gaps, roots)}
    plan["formats"] = {name: FORMATS[declarations.exhibits[name].kind] for name in needs}
    plan["pending"] = dict(declarations.pending)
    plan["declared"] = {name: _declared(declarations, name, plan) for name in needs}
    facts = {name: declarations.facts(name) for name in declarations.exhibits}
    plan["digest"] = digest([plan, facts])
    plan["report_digest"] = digest([_anywhere(plan), facts])
    return plan


def _stamped(scale: Mapping[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """The scale's description; what the user changed for all runs is in its stamp, and no published set-up any more."""
    keys = {word: word.lstrip("+~").split("=")[0] for word in overrides}
    changed = [word for word, key in keys.items() if key.split(".")[0] not in OF_NO_NUMBER]
    if not changed:
        return dict(scale)
    what = f"CHANGED SET-UP ({', '.join(changed)})"
    stamp = f"{what} - {scale['stamp']}{'; these numbers are not a reproduction' if scale['reproduction'] else ''}"
    return {**scale, "reproduction": False, "stamp": stamp}


def _anywhere(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The plan without where and how this machine makes it: another one's report of the same results is the same."""
    runs = {identity: {**run, "resume": None} for identity, run in plan["runs"].items()}
    return {**{key: value for key, value in plan.items() if key not in OF_THE_MACHINE}, "runs": runs}


def _sources(plan: Mapping[str, Any]) -> dict[str, list[str]]:
    """Name of a run or reference -> its ids, one a seed."""
    sources: dict[str, list[str]] = {}
    for entry in (*plan["runs"].values(), *plan["references"].values()):
        sources.setdefault(entry["name"], []).append(entry["id"])
    return sources


def _needs(
    declarations: Declarations, plan: Mapping[str, Any], optional: set[str]
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """(exhibit -> the metrics files it is made from, exhibit -> why its data are not here), pending ones in neither.

    A target set that nobody has said anything about is left out; the pretraining set, or one at a place that the
    user gave, is missing instead, which stops the workflow before anything runs.
    """
    needs: dict[str, list[str]] = {}
    left_out: dict[str, str] = {}
    without = optional | {measure.dataset for measure in declarations.measures.values()} - set(plan["datasets"])
    for name in declarations.computable():
        pairs = [(source, declarations.measures[measure]) for source, measure in declarations.exhibits[name].needs()]
        gaps = sorted({measure.dataset for _, measure in pairs} & without)
        if gaps:
            places = (plan["roots"].get(role) or f"site.data.{role}" for role in gaps)
            left_out[name] = f"no data for {', '.join(gaps)}: nothing at {', '.join(places)}"
            continue
        files = [
            plan["metrics"][identity][_record(name, source, measure, plan["metrics"][identity])]
            for source, measure in pairs
            for identity in _ids(name, source, plan["sources"])
        ]
        needs[name] = sorted(set(files))
    return needs, left_out


def _ids(exhibit: str, source: str, sources: Mapping[str, list[str]]) -> list[str]:
    if source not in sources:
        raise BitsError(f"config: exhibit {exhibit} shows {source!r}, which nothing computes at this scale")
    return sources[source]


def _record(exhibit: str, source: str, measure: Any, files: Iterable[str]) -> str:
    record: str = measure.record
    if record not in files:
        raise BitsError(f"config: exhibit {exhibit} needs {measure.id} of {source!r}, which nothing computes")
    return record


def _missing(gaps: Mapping[str, Dataset], roots: Mapping[str, str]) -> list[dict[str, str]]:
    return [
        {"role": role, "dataset": dataset.name, "root": roots[role], "reason": why_missing(roots[role])}
        for role, dataset in gaps.items()
    ]


def _declared(declarations: Declarations, name: str, plan: Mapping[str, Any]) -> str:
    """Digest of all that a rendered exhibit shows besides the metrics files: a change elsewhere leaves it."""
    roles = {declarations.measures[measure].dataset for _, measure in declarations.exhibits[name].needs()}
    titles = {role: plan["datasets"][role]["title"] for role in sorted(roles)}
    return digest([declarations.facts(name), plan["scale"], plan["project"], titles])


def _choices(config_dir: Path, runs: Mapping[str, Any], shared: Mapping[str, Evaluation]) -> list[list[str]]:
    """[key that one overrides, value in force, why] for every declared protocol choice."""
    first: dict[str, Any] = {}
    for run in runs.values():
        first.setdefault(run["name"], run)
    rows = []
    for entry in _yaml(config_dir / "choices.yaml"):
        run = first.get(entry.get("run", REFERENCE_RUN))
        if run is None:
            continue  # a fine-tuning on a role that the targets in force do not have
        value: Any = {**run["recipe"], "evaluation": shared[run["role"]].model_dump(mode="json")}
        for part in entry["key"].split("."):
            value = value.get(part, _ABSENT) if isinstance(value, dict) else _ABSENT
        if value is _ABSENT:
            continue  # of a section that is null
        key = entry.get("override") or entry["key"]
        key = f"{key} ({entry['run']})" if "run" in entry else key
        rows.append([key, json.dumps(value), entry["why"]])
    return rows


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text())
