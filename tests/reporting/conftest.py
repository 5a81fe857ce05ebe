"""A fake scale with planted numbers: plan, outcomes, logs and metrics, as a finished demo leaves them."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

import pytest
import yaml

from bits.commands.render import main
from bits.config.compose import Composer
from bits.config.composed import Composed
from bits.config.recipe import Dataset, Recipe
from bits.exhibits import Declarations, load_declarations
from bits.plan import PRETRAINING_ROLE, Plan, Run, read_plan
from bits.plan.model import TRAINING, Choice, Paper, Project, Reference, Scale
from bits.records.digests import digest
from bits.records.seal import SEAL, write_record
from bits.reporting.cells import Table
from bits.reporting.curves import Chart
from bits.reporting.renderers.base import Collected, renderer_of
from bits.reporting.results import Results

CONFIG = Path(__file__).resolve().parents[2] / "config"
STAMP = "DEMO SCALE - a small network on rendered scenes; these numbers are not a reproduction of the paper"
# source: mAP, k-NN, linear last, linear best, d_eff, r_eff (fractions; dimensions)
PLANTED = {
    "dino": (0.1432, 0.2215, 0.3041, 0.3067, 11.24, 18.07),
    "simdino": (0.1687, 0.2630, 0.3312, 0.3359, 7.91, 13.66),
    "bits-fixed": (0.1791, 0.2745, 0.3458, 0.3458, 12.02, 21.39),
    "bits-reset": (0.20125, 0.2870, 0.3397, 0.3520, 17.85, 27.93),
    "chance": (0.0501, 0.0500, 0.0500, 0.0560, 118.2, 123.0),
    "pixels": (0.0904, 0.2170, 0.1813, 0.1820, 4.13, 9.58),
    "random-init": (0.0811, 0.1850, 0.2105, 0.2151, 3.02, 6.11),
}
EPOCHS = [0, 20, 40, 60, 80, 100]
DIMENSION = 48
PICTURES = ("figure-2", "figure-3", "figure-8", "figure-9", "figure-10")
# A planted state of affairs, so that what the project can compute today is no matter here.
COMPUTED = ("table-1", "table-2", "figure-1", "figure-4")
REFERENCES = ("chance", "pixels", "random-init")


@dataclass
class FakeScale:
    """A folder with a plan and everything it names, declarations included; change a file, then render."""

    root: Path
    plan: Plan
    stamp: str = STAMP
    planted: ClassVar[dict[str, tuple[float, ...]]] = PLANTED

    @property
    def config(self) -> Path:
        """The scale's own copy of the declarations."""
        return self.root / "config"

    def pending(self, names: Sequence[str]) -> None:
        """Say that these exhibits, and no others, cannot be computed yet."""
        lines = "".join(f"{name}: the reader of {name} & its splits\n" for name in names)
        (self.config / "pending.yaml").write_text(lines or "{}\n")

    def without_pending(self) -> None:
        """Every grid and every curve can be computed."""
        self.pending(PICTURES)

    def change_exhibits(self, file: str, old: str, new: str) -> None:
        """Exchange text in the copy of config/exhibits/<file>."""
        path = self.config / "exhibits" / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))

    def id(self, source: str, seed: int = 0) -> str:
        """The id of a seed of a source; seed counts the expected ones."""
        return self.plan.sources[source][seed]

    def run(self, source: str, seed: int = 0) -> Run:
        """The plan's entry of a run."""
        return self.plan.runs[self.id(source, seed)]

    def change(self, **fields: Any) -> None:
        """Put other values in the place of the plan's."""
        self.plan = self.plan.model_copy(update=fields)
        self.save()

    def unmake(self, source: str, seed: int = 0) -> None:
        """Take a run's outcome away: it has not run."""
        (self.root / self.run(source, seed).outcome).unlink()

    def fail(self, source: str, detail: str, seed: int = 0) -> None:
        """Put a failed attempt in the place of a run's outcome."""
        run = self.run(source, seed)
        (self.root / run.outcome).unlink(missing_ok=True)
        write_record(
            self.root / run.failure,
            {"run": run.id, "outcome": "failed", "detail": detail, "step": 120, "epochs": 3},
        )

    def show(self, run: str, exhibit: str, label: str) -> None:
        """Add a row to an exhibit, as `shown` of a run's line does."""
        self.plan.shown.setdefault(run, {})[exhibit] = label
        self.save()

    @property
    def plan_path(self) -> Path:
        return self.root / "results/demo/plan.json"

    def save(self) -> None:
        self.plan.write(self.plan_path)

    def metrics_path(self, source: str, record: str = "imagenet1k", seed: int = 0) -> Path:
        return self.root / self.plan.metrics[self.id(source, seed)][record]

    def change_metrics(self, source: str, record: str = "imagenet1k", seed: int = 0, **values: Any) -> None:
        """Put values (evaluator -> metrics) in the place of those of a metrics file."""
        path = self.metrics_path(source, record, seed)
        content = json.loads(path.read_text())
        content["values"] |= values
        write_record(path, {key: value for key, value in content.items() if key != SEAL})

    def plant(self, source: str, record: str = "imagenet1k", seed: int = 0, **values: Any) -> None:
        """Finish a run, and write a metrics file of it with these values (evaluator -> metrics)."""
        identity = self.id(source, seed)
        role = source.rpartition("-on-")[2] if record == "training" and "-on-" in source else record
        facts = {"source": source, "id": identity, "dataset": role.replace("training", "imagenet1k")}
        write_record(self.metrics_path(source, record, seed), {**facts, "values": values, "provenance": _provenance()})
        if identity in self.plan.runs:
            self.end(source, "finished", seed=seed)

    def end(self, source: str, outcome: str, detail: str = "", seed: int = 0, channel: str | None = "live") -> None:
        path = self.root / self.run(source, seed).outcome
        facts = {"outcome": outcome, "detail": detail, "step": 200, "epochs": 100, "channel": channel}
        write_record(path, {"run": self.id(source, seed), **facts})

    def table(self, name: str) -> Table:
        """A grid, collected."""
        collected = self.collected(name)
        assert isinstance(collected, Table)
        return collected

    def declared(self) -> Declarations:
        """What is declared, with the rows that were added."""
        return load_declarations(self.config, shown=self.plan.shown)

    def collected(self, name: str) -> Collected:
        declared = self.declared()
        exhibit = declared.exhibit(name)
        return renderer_of(exhibit).collect(exhibit, declared, self.results())

    def chart(self, name: str) -> Chart:
        """Lines, collected."""
        collected = self.collected(name)
        assert isinstance(collected, Chart)
        return collected

    def results(self) -> Results:
        return Results(read_plan(self.plan_path), self.root)

    def render(self, command: str, *arguments: str) -> int:
        """The command line, from the root (paths relative to it)."""
        plan = ("--plan", str(self.plan_path), "--config", str(self.config)) if command != "front" else ()
        return main([command, *plan, "--root", str(self.root), *arguments])

    def render_exhibit(self, name: str, *more: str) -> Path:
        folder = self.root / "reports/demo/exhibits"
        assert self.render("exhibit", "--exhibit", name, "--out-dir", str(folder), *more) == 0
        return folder

    def render_report(self) -> Path:
        """Everything computable (figures as empty files), the report, the front page; the reports folder."""
        empty = dict.fromkeys(("png", "pdf", "svg"), b"")
        with patch("bits.reporting.figures.chart_files", lambda chart: empty):
            return self._render_report()

    def _render_report(self) -> Path:
        for name in self.declared().computable():
            if name not in self.plan.left_out:
                self.render_exhibit(name)
        reports = self.root / "reports"
        out = ("--out", str(reports / "demo/index.html"))
        assert self.render("report", "--exhibits-dir", str(reports / "demo/exhibits"), *out) == 0
        assert self.render("front", "--reports", str(reports), "--out", str(reports / "index.html")) == 0
        return reports


@cache
def composed() -> Composed:
    """A run that stands for all: only names, ids and seeds matter here."""
    with Composer("smoke") as composer:
        return composer.compose("bits-fixed")[0]


def own_recipe(name: str, seed: int) -> Recipe:
    """A recipe that no other run has."""
    recipe = composed().recipe
    rate = 1e-3 + int(digest(name)[:6], 16) * 1e-12
    changed = recipe.optimizer.model_copy(update={"learning_rate": rate})
    return recipe.model_copy(update={"optimizer": changed, "seed": seed})


def empty_plan() -> Plan:
    """A plan of nothing, with its scale, data set and choices."""
    return Plan(
        study="demo",
        scale=Scale(name="demo", title="rendered scenes on a CPU, minutes", reproduction=False, stamp=STAMP),
        project=Project(
            name="bits-reproduction",
            version="0.1.0",
            paper=Paper(title="Self-Supervised Learning as Discrete Communication", arxiv="2602.09764"),
        ),
        overrides=(),
        changed=(),
        roots={},
        elsewhere=(),
        site=composed().site,
        datasets={"imagenet1k": Dataset(name="scenes", title="procedural scenes, 20 classes", kind="scenes")},
        runs={},
        references={},
        sources={},
        evaluations={},
        metrics={},
        reference_jobs=(),
        needs={},
        left_out={},
        missing=(),
        formats={},
        pending={},
        shown={},
        choices=(
            Choice(
                key="objective.coding_rate.eps",
                value="0.05",
                why="plays the role of eps^2 in Eq. 9, as in the public code",
            ),
            Choice(key="schedule.batch_size", value="64", why="the literal text is 256; 512 = 2 x 256 is the variant"),
        ),
    )


def build_fake_scale(root: Path, seeds: int = 1) -> FakeScale:
    """All 25 runs and 16 fine-tunings in the plan; the four methods and the references have run, with PLANTED numbers.

    Of three seeds the second is 0.4 points above the planted mean, the third 0.4 points below.
    """
    shutil.copytree(CONFIG, root / "config")
    declared = load_declarations(CONFIG)
    pretrainings = list(yaml.safe_load((CONFIG / "runs.yaml").read_text()))
    finetunings = [f"{run}-on-{role}" for run, role in declared.finetunings()]
    plan = empty_plan()
    for index, name in enumerate((*pretrainings, *finetunings, *REFERENCES)):
        for seed in range(seeds):
            _declare(plan, name, f"{name}-{0x3FA9C1D2 + index + 0x1000 * seed:08x}", seed)
    for source, measure in dict.fromkeys(need for exhibit in declared.exhibits.values() for need in exhibit.needs()):
        role = declared.measures[measure].dataset
        for identity in plan.sources[source]:
            plan.metrics[identity][role] = Path(f"results/demo/metrics/{identity}/{role}-1a2b3c4d.json")
    fake = FakeScale(root, plan)
    fake.pending([name for name in declared.exhibits if name not in COMPUTED])
    fake.save()
    for index, name in enumerate(PLANTED):
        for seed in range(seeds):
            _plant(fake, name, index, seed)
    return fake


def _declare(plan: Plan, name: str, identity: str, seed: int) -> None:
    plan.sources.setdefault(name, []).append(identity)
    plan.metrics[identity] = {}
    if name in REFERENCES:
        beside = plan.sources["bits-fixed"][seed]
        plan.references[identity] = Reference(name=name, id=identity, seed=seed, label=name, run=beside)
        return
    pretraining, mark, role = name.rpartition("-on-")
    folder = Path(f"results/demo/runs/{identity}")
    plan.runs[identity] = Run(
        name=name,
        id=identity,
        seed=seed,
        role=role if mark else PRETRAINING_ROLE,
        start=plan.sources[pretraining][seed] if mark else None,
        folder=folder,
        resume=folder / "resume",
        recipe=own_recipe(name, seed),
    )
    plan.metrics[identity][TRAINING] = plan.runs[identity].curve


def _plant(fake: FakeScale, name: str, index: int, seed: int) -> None:
    offset = (0.0, 0.004, -0.004)[seed]
    mean_ap, knn, last, best = (value + offset for value in PLANTED[name][:4])
    d_eff, r_eff = (value * (1 + offset) for value in PLANTED[name][4:])
    fake.plant(
        name,
        seed=seed,
        knn={"top1_k20": knn},
        retrieval={
            "map": mean_ap,
            "map_at_1000": mean_ap + 0.01,
            "map_at_1000_standard": mean_ap / 2,
            "queries_without_relevant": 0,
        },
        linear={"last": last, "best": best},
        variance={"d_eff": d_eff, "r_eff": r_eff, "cumulative": spectrum(d_eff)},
    )
    if name in REFERENCES:
        return
    gain = [mean_ap * (1 - 0.9 * math.exp(-epoch / (22 + 6 * index))) for epoch in EPOCHS]
    fake.plant(name, "training", seed, training={"map": {"x": EPOCHS, "y": gain}})
    run = fake.run(name, seed)
    write_record(
        fake.root / run.provenance,
        {"started": "2026-03-01T10:00:00+00:00", "finished": "2026-03-01T10:01:23+00:00"},
    )
    (fake.root / run.config).write_text(f"name: {name}\n")
    lines = [{"step": step, "loss": 0.7 - step / 1000, "images_per_s": 180.0 + step} for step in (10, 20, 30)]
    (fake.root / run.log).write_text("".join(json.dumps(line) + "\n" for line in lines))


def _provenance() -> dict[str, Any]:
    return {
        "code": {"commit": "5d1c0ffee5d1c0ffee5d1c0ffee5d1c0ffee0001", "dirty": True},
        "versions": {"python": "3.11.9", "torch": "2.9.0", "numpy": "2.4.0"},
        "hardware": {"cpu": "Some CPU", "cores": 2, "memory_gib": 7.8, "device": "cpu"},
        "started": "2026-03-01T10:02:00+00:00",
        "finished": "2026-03-01T10:02:41+00:00",
    }


def spectrum(d_eff: float) -> list[float]:
    """A cumulative variance curve of DIMENSION + 1 points that rises faster for a smaller d_eff."""
    variances = [math.exp(-i / d_eff) for i in range(DIMENSION)]
    return [sum(variances[:i]) / sum(variances) for i in range(DIMENSION + 1)]


@pytest.fixture
def fake(tmp_path: Path) -> FakeScale:
    return build_fake_scale(tmp_path)


@pytest.fixture
def thrice(tmp_path: Path) -> FakeScale:
    """The scale with three seeds of everything."""
    return build_fake_scale(tmp_path, seeds=3)
