"""A fake scale with planted numbers: plan, outcomes, logs and metrics, as a finished demo leaves them."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

import pytest
import yaml

from bits.commands.render import main
from bits.exhibits import load_declarations
from bits.reporting.cells import Chart, Table
from bits.reporting.collect import collect
from bits.reporting.plan_file import read_plan
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


@dataclass
class FakeScale:
    """A folder with a plan and everything it names; change a file, then render."""

    root: Path
    plan: dict[str, Any]
    config: Path = CONFIG
    stamp: str = STAMP
    planted: ClassVar[dict[str, tuple[float, ...]]] = PLANTED

    def without_pending(self) -> None:
        """Use a copy of the declarations in which every grid and every curve can be computed."""
        self.config = self.root / "config"
        shutil.copytree(CONFIG, self.config)
        pictures = ("figure-2", "figure-3", "figure-8", "figure-9", "figure-10")
        (self.config / "pending.yaml").write_text("".join(f"{name}: not yet\n" for name in pictures))

    def change_exhibits(self, file: str, old: str, new: str) -> None:
        """Exchange text in a copy of config/exhibits/<file>."""
        if self.config == CONFIG:
            self.config = self.root / "config"
            shutil.copytree(CONFIG, self.config)
        path = self.config / "exhibits" / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))

    @property
    def plan_path(self) -> Path:
        return self.root / "results/demo/plan.json"

    def save(self) -> None:
        write(self.plan_path, self.plan)

    def metrics_path(self, source: str, record: str = "imagenet1k") -> Path:
        return self.root / str(self.plan["metrics"][source][record])

    def change_metrics(self, source: str, record: str = "imagenet1k", **values: Any) -> None:
        """Put values (evaluator -> metrics) in the place of those of a metrics file."""
        path = self.metrics_path(source, record)
        content = json.loads(path.read_text())
        content["values"] |= values
        write(path, content)

    def end(self, source: str, outcome: str, detail: str = "") -> None:
        path = self.root / str(self.plan["runs"][source]["outcome"])
        write(path, {"outcome": outcome, "detail": detail, "step": 200, "epochs": 100})

    def table(self, name: str) -> Table:
        """A grid, collected."""
        collected = self.collected(name)
        assert isinstance(collected, Table)
        return collected

    def collected(self, name: str) -> Table | Chart:
        declared = load_declarations(self.config)
        return collect(declared.exhibit(name), declared, self.results())

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
        for name in load_declarations(self.config).computable():
            self.render_exhibit(name)
        reports = self.root / "reports"
        out = ("--out", str(reports / "demo/index.html"))
        assert self.render("report", "--exhibits-dir", str(reports / "demo/exhibits"), *out) == 0
        assert self.render("front", "--reports", str(reports), "--out", str(reports / "index.html")) == 0
        return reports


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def build_fake_scale(root: Path) -> FakeScale:
    """All 25 runs in the plan; the four methods and the references have run, with PLANTED numbers."""
    runs = list(yaml.safe_load((CONFIG / "runs.yaml").read_text()))
    identities = {name: f"{name}-{index:08x}" for index, name in enumerate(runs, start=0x3FA9C1D2)}
    scale = {
        "name": "demo",
        "title": "rendered scenes on a CPU, minutes",
        "reproduction": False,
        "stamp": STAMP,
    }
    paper = {"title": "Self-Supervised Learning as Discrete Communication", "arxiv": "2602.09764"}
    plan: dict[str, Any] = {
        "scale": scale,
        "project": {"version": "0.1.0", "paper": paper},
        "runs": {name: _run(name, identity) for name, identity in identities.items()},
        "references": {name: {"id": name, "label": name} for name in ("chance", "pixels", "random-init")},
        "datasets": {"imagenet1k": {"name": "scenes", "title": "procedural scenes, 20 classes"}},
        "choices": [
            ["objective.rate_eps", "0.05", "plays the role of eps^2 in Eq. 9, as in the public code"],
            ["schedule.batch_size", "64", "the literal text is 256; 512 = 2 x 256 is the variant"],
        ],
        "metrics": {},
    }
    for name in [*runs, "chance", "pixels", "random-init"]:
        identity = identities.get(name, f"{name}-0badcafe")
        plan["metrics"][name] = {"imagenet1k": f"results/demo/metrics/{identity}/imagenet1k-1a2b3c4d.json"}
        if name in runs:
            plan["metrics"][name]["training"] = f"results/demo/runs/{identity}/curve.json"
    fake = FakeScale(root, plan)
    fake.save()
    for index, name in enumerate(PLANTED):
        _plant(fake, name, index)
    return fake


def _run(name: str, identity: str) -> dict[str, Any]:
    folder = f"results/demo/runs/{identity}"
    files = {
        "config": "config.yaml",
        "outcome": "outcome.json",
        "log": "log.jsonl",
        "provenance": "provenance.json",
    }
    paths = {word: f"{folder}/{file}" for word, file in files.items()}
    return {"name": name, "id": identity, "folder": folder, "seed": 0, **paths}


def _plant(fake: FakeScale, name: str, index: int) -> None:
    mean_ap, knn, last, best, d_eff, r_eff = PLANTED[name]
    values = {
        "knn": {"top1_k20": knn},
        "retrieval": {"map": mean_ap, "map_at_1000": mean_ap + 0.01},
        "linear": {"last": last, "best": best},
        "variance": {"d_eff": d_eff, "r_eff": r_eff, "cumulative": spectrum(d_eff)},
    }
    run = fake.plan["runs"].get(name)
    identity = run["id"] if run else f"{name}-0badcafe"
    facts = {"source": name, "id": identity, "resolved_dataset": "scenes", "provenance": _provenance()}
    write(fake.metrics_path(name), {**facts, "dataset": "imagenet1k", "values": values})
    if run:
        gain = [mean_ap * (1 - 0.9 * math.exp(-epoch / (22 + 6 * index))) for epoch in EPOCHS]
        training = {"training": {"map": {"x": EPOCHS, "y": gain}}}
        write(fake.metrics_path(name, "training"), {**facts, "dataset": "imagenet1k", "values": training})
        fake.end(name, "finished")
        write(
            fake.root / run["provenance"],
            {"started": "2026-03-01T10:00:00+00:00", "finished": "2026-03-01T10:01:23+00:00"},
        )
        (fake.root / run["config"]).write_text(f"name: {name}\n")
        lines = [{"step": step, "loss": 0.7 - step / 1000, "images_per_s": 180.0 + step} for step in (10, 20, 30)]
        (fake.root / run["log"]).write_text("".join(json.dumps(line) + "\n" for line in lines))


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
