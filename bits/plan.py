"""The plan: which runs, measures and exhibits exist at a scale, and the files that hold them.

Composing all runs takes seconds, so the plan is made once, kept in results/<scale>/plan.json under a key of
everything it was made from, and made anew when that key changes: it can be old, never stale. Beside it lie the
frozen configurations that jobs read, named by their digests. Never imports torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bits.compose import CONFIG_DIR, Composer, run_lines
from bits.data.errors import DatasetError
from bits.data.fingerprint import fingerprint
from bits.data.scene_split import GENERATOR_VERSION
from bits.errors import BitsError
from bits.exhibits import Declarations, load_declarations
from bits.provenance import digest, tree_digest, write_json, write_text
from bits.recipe import Composed, Dataset, Recipe

PLAN_FORMAT = 1
VERSION = "0.1.0"
PAPER = {"title": "Self-Supervised Learning as Discrete Communication", "arxiv": "2602.09764"}
PRETRAINING_ROLE = "imagenet1k"
FORMATS = {"grid": ["html", "tex", "md", "csv"], "lines": ["html", "png", "pdf", "svg", "csv"]}
SHORT = 8  # hex digits of a digest in a name


@dataclass(frozen=True)
class Request:
    """What the user asks for: a scale, Hydra overrides for every run, and where the data are."""

    scale: str = "demo"
    overrides: tuple[str, ...] = ()
    config_dir: Path = CONFIG_DIR

    def key(self) -> str:
        """Changes with anything the plan is made from, except the data themselves."""
        config = tree_digest(self.config_dir, ["*.yaml", "*.csv", "*/*.yaml"])
        return digest([PLAN_FORMAT, self.scale, list(self.overrides), config])


def current_plan(request: Request, results: Path = Path("results")) -> dict[str, Any]:
    """The plan for `request`, from its file when that is up to date, else made and written (some seconds)."""
    path = results / request.scale / "plan.json"
    if path.is_file():
        try:
            plan: dict[str, Any] = json.loads(path.read_text())
        except ValueError:
            plan = {}
        if plan.get("key") == request.key() and plan["fingerprints"] == _fingerprints(plan["roots"]):
            return plan
    plan = make_plan(request)
    write_plan(plan, path)
    return plan


def make_plan(request: Request) -> dict[str, Any]:
    """Compose every run and lay out every file; raises BitsError for a declaration that does not hold."""
    lines = run_lines(request.config_dir)
    declarations = load_declarations(request.config_dir, runs=set(lines))
    composed: dict[str, Composed] = {}
    with Composer(request.scale, request.overrides, request.config_dir) as composer:
        for name in lines:
            composed[name], scale = composer.compose(name)
    first = next(iter(composed.values()))
    roots = {first.recipe.dataset.name: data_root(first.recipe.dataset, first.site.data)}
    prints = _fingerprints(roots)
    folder = Path(first.site.results) / scale["name"]
    runs = {}
    for name, run in composed.items():
        runs[name] = _run_entry(name, fingerprinted(run.recipe, prints), folder)
    evaluation = first.evaluation.model_dump(mode="json")
    dataset = fingerprinted(first.recipe, prints).dataset.model_dump(mode="json")
    evaluations = {PRETRAINING_ROLE: {"role": PRETRAINING_ROLE, "dataset": dataset, "evaluation": evaluation}}
    plan = {
        "key": request.key(),
        "scale": scale,
        "project": {"name": "bits-reproduction", "version": VERSION, "paper": PAPER},
        "overrides": list(request.overrides),
        "roots": roots,
        "fingerprints": prints,
        "missing": _missing(roots, prints),
        "site": first.site.model_dump(mode="json"),
        "runs": runs,
        "references": _references(request.config_dir, runs["bits-fixed"]),
        "datasets": {PRETRAINING_ROLE: dataset},
        "evaluations": {role: {"id": digest(spec)[:SHORT], **spec} for role, spec in evaluations.items()},
        "choices": _choices(request.config_dir, runs, evaluation),
        # References stand beside a run whose backbone gives their random start.
        "reference_run": runs["bits-fixed"],
        "features_model": evaluation["features"]["model"],
    }
    plan["metrics"] = _metrics(plan, folder)
    plan["needs"] = _needs(declarations, plan)
    plan["formats"] = {name: FORMATS[declarations.exhibits[name].kind] for name in plan["needs"]}
    plan["pending"] = dict(declarations.pending)
    return plan


def fingerprinted(recipe: Recipe, prints: Mapping[str, str | None]) -> Recipe:
    """The recipe with the identity of its data filled in, so that other data make another digest."""
    dataset = recipe.dataset.model_copy(update={"fingerprint": prints[recipe.dataset.name]})
    return recipe.model_copy(update={"dataset": dataset})


def run_id(name: str, recipe: Recipe) -> str:
    """`name-` and eight digits of the recipe's digest: another value that can change a weight, another name."""
    return f"{name}-{digest(recipe.model_dump(mode='json'))[:SHORT]}"


def data_root(dataset: Dataset, data: Mapping[str, str | None]) -> str:
    """Where a data set lies (or, for scenes, will be made); '' when the user has not said."""
    given = data.get(dataset.name)
    if dataset.kind == "scenes" and given is None:
        return f"data/scenes-{digest([GENERATOR_VERSION, dataset.settings])[:SHORT]}.safetensors"
    return given or ""


def dataset_fingerprint(dataset: Dataset, root: str) -> str | None:
    """The identity of a data set's content, None when it is missing; scenes are their settings."""
    return _fingerprints({dataset.name: root})[dataset.name]


def write_plan(plan: Mapping[str, Any], path: Path) -> None:
    """Write the plan and the frozen configurations beside it; what is there already stays untouched."""
    for run in plan["runs"].values():
        freeze(Path(run["config"]), {"name": run["name"], "recipe": run["recipe"]})
    for role, spec in plan["evaluations"].items():
        freeze(path.parent / "evaluations" / f"{role}-{spec['id']}.yaml", dict(spec))
    write_text(path.parent / "site.yaml", yaml.safe_dump(plan["site"], sort_keys=False))
    write_json(path, plan)


def freeze(path: Path, value: Any) -> None:
    """Write what jobs will read; a file that says the same already keeps its date."""
    text = yaml.safe_dump(value, sort_keys=False)
    if not path.is_file() or path.read_text() != text:
        write_text(path, text)


def _run_entry(name: str, recipe: Recipe, folder: Path) -> dict[str, Any]:
    identity = run_id(name, recipe)
    run = folder / "runs" / identity
    return {
        "name": name,
        "id": identity,
        "seed": recipe.seed,
        "folder": str(run),
        "config": str(run / "config.yaml"),
        "teacher": str(run / "teacher.safetensors"),
        "outcome": str(run / "outcome.json"),
        "provenance": str(run / "provenance.json"),
        "curve": str(run / "curve.json"),
        "log": str(run / "log.jsonl"),
        "recipe": recipe.model_dump(mode="json"),
    }


def _references(config_dir: Path, run: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    # What they depend on besides the data and the evaluation, whose digest is in the name of the metrics file.
    basis = [run["recipe"][part] for part in ("backbone", "augmentation", "seed")]
    declared = _yaml(config_dir / "references.yaml")
    return {
        name: {"id": f"{name}-{digest(basis)[:SHORT]}", "label": (entry or {}).get("label", name)}
        for name, entry in declared.items()
    }


def _metrics(plan: Mapping[str, Any], folder: Path) -> dict[str, dict[str, str]]:
    sources = {name: run["id"] for name, run in plan["runs"].items()}
    sources |= {name: reference["id"] for name, reference in plan["references"].items()}
    metrics: dict[str, dict[str, str]] = {}
    for name, identity in sources.items():
        metrics[name] = {
            role: str(folder / "metrics" / identity / f"{role}-{spec['id']}.json")
            for role, spec in plan["evaluations"].items()
        }
        if name in plan["runs"]:
            metrics[name]["training"] = plan["runs"][name]["curve"]
    return metrics


def _needs(declarations: Declarations, plan: Mapping[str, Any]) -> dict[str, list[str]]:
    """Exhibit -> the metrics files it is made from; only of exhibits that can be computed."""
    needs: dict[str, list[str]] = {}
    for name, exhibit in declarations.exhibits.items():
        if name in declarations.pending:
            continue
        files = []
        for source, measure_id in exhibit.needs():
            measure = declarations.measures[measure_id]
            key = "training" if measure.evaluator == "training" else measure.dataset
            try:
                files.append(plan["metrics"][source][key])
            except KeyError:
                raise BitsError(
                    f"config: exhibit {name} needs {measure_id} of {source!r}, which nothing computes at this scale"
                ) from None
        needs[name] = sorted(set(files))
    return needs


def _choices(config_dir: Path, runs: Mapping[str, Any], evaluation: Mapping[str, Any]) -> list[list[str]]:
    """[key, value in force, why] for every declared protocol choice."""
    rows = []
    for entry in _yaml(config_dir / "choices.yaml"):
        value: Any = {**runs[entry.get("run", "bits-fixed")]["recipe"], "evaluation": evaluation}
        for part in entry["key"].split("."):
            value = value[part]
        rows.append([entry["key"], json.dumps(value), entry["why"]])
    return rows


def _fingerprints(roots: Mapping[str, str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name, root in roots.items():
        if name == "scenes":
            found[name] = Path(root).stem
            continue
        try:
            found[name] = fingerprint(Path(root)) if root else None
        except DatasetError:
            found[name] = None
    return found


def _missing(roots: Mapping[str, str], prints: Mapping[str, str | None]) -> list[dict[str, str]]:
    missing = []
    for name, root in roots.items():
        if prints[name] is None:
            try:
                reason = str(fingerprint(Path(root))) if root else "no path is given"
            except DatasetError as error:
                reason = str(error)
            missing.append({"dataset": name, "root": root, "reason": reason})
    return missing


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text())
