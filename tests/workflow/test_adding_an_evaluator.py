"""A new evaluator: one file, its lines of YAML, and an exhibit that shows its number; nothing else is touched."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import cosine_similarity

from bits.config import evaluation as configured
from bits.config.composed import Composed
from bits.config.evaluation import EvaluationSettings
from bits.config.section import Section
from bits.data.images import collate
from bits.evaluation import declaration
from bits.evaluation.declaration import Cost, Evaluator, Tokens
from bits.evaluation.subject import Subject
from bits.exhibits.metrics import Metric
from bits.runs import evaluate
from bits.runs.evaluate import DataSetEvaluation, FrozenEvaluation
from tests.runs.smoke_run import SmokeRun
from tests.workflow.conftest import Project

SMOKE = ("--config", "scale=smoke")
EVALUATOR = '''"""Classification by the nearest class mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bits.config.section import Section
from bits.evaluation.declaration import Cost, Evaluator, Tokens, Workload
from bits.exhibits.metrics import Metric

if TYPE_CHECKING:
    from bits.evaluation.subject import Subject


class Prototype(Section):
    """Which means an image is compared with."""

    normalised: bool  # of L2-normalised features


def measure(subject: Subject, settings: Prototype) -> dict[str, float]:
    import torch
    from torch.nn.functional import normalize

    train, val = (subject.features(split) for split in ("train", "val"))
    if settings.normalised:
        train, val = normalize(train, dim=1), normalize(val, dim=1)
    classes = range(len(subject.train.class_names))
    means = torch.stack([train[subject.train.labels == label].mean(0) for label in classes])
    nearest = torch.cdist(val, means).argmin(1)
    return {"accuracy": float((nearest == subject.val.labels).double().mean())}


def cost(load: Workload, settings: Prototype) -> Cost:
    return Cost(flops={"ranking": 2.0 * load.width * load.classes * load.val})


EVALUATOR = Evaluator(
    name="prototype",
    settings=Prototype,
    needs=("features",),
    metrics={"accuracy": Metric(label="nearest class mean", unit="%", direction="higher", decimals=1)},
    measure=measure,
    tokens=lambda settings, backbone: Tokens(train=True),
    cost=cost,
    labels=("classes",),
)
'''
EXHIBIT = """\
exhibits:
  extra-prototype:
    kind: grid
    title: Nearest class means
    section: Beyond the paper
    caption: Accuracy of the nearest class mean.
    rows: [{label: BITS-fixed, run: bits-fixed}]
    columns: [{label: prototype, measure: imagenet1k.prototype.accuracy, extra: true}]
"""
DIGESTS = """\
import json
from bits.plan import Request, make_plan
from bits.workflow.code import code_of_evaluation, code_of_exhibit, code_state_of
plan = make_plan(Request.of_scale("smoke"))
print(json.dumps({
    "plan": plan.digest,
    "runs": sorted(plan.runs),
    "metrics": {name: {role: str(file) for role, file in files.items()} for name, files in plan.metrics.items()},
    "evaluations": {name: code_of_evaluation(one) for name, one in plan.evaluations.items()},
    "exhibits": {name: [plan.declared[name], code_of_exhibit(name, kind)] for name, kind in plan.kinds.items()},
    "code": [code_state_of(part) for part in ("train", "evaluate", "report")],
}))
"""


def declare_the_evaluator(folder: Path) -> None:
    (folder / "bits/evaluation/prototype.py").write_text(EVALUATOR)
    for name, lines in {"paper": "  normalised: true", "fine-grained": "  normalised: false"}.items():
        with (folder / f"config/evaluator/{name}.yaml").open("a") as file:
            file.write(f"prototype:\n{lines}\n")


def show_it(folder: Path) -> None:
    measures = folder / "config/measures.yaml"
    text = measures.read_text()
    assert "  imagenet1k: [" in text
    measures.write_text(text.replace("  imagenet1k: [", "  imagenet1k: [prototype.accuracy, "))
    (folder / "config/exhibits/mine.yaml").write_text(EXHIBIT)


@pytest.mark.workflow
def test_an_evaluator_is_added_and_nothing_that_does_not_show_it_changes(project: Project) -> None:
    before = project.says(DIGESTS)
    declare_the_evaluator(project.folder)
    assert project.says(DIGESTS) == before
    show_it(project.folder)
    after = project.says(DIGESTS)
    assert after.pop("plan") != before.pop("plan")
    (run,) = (name for name in after["runs"] if name.startswith("bits-fixed-") and "-on-" not in name)
    assert after["metrics"][run].pop("imagenet1k") != before["metrics"][run].pop("imagenet1k")
    assert set(after["exhibits"]) - set(before["exhibits"]) == {"extra-prototype"}
    del after["exhibits"]["extra-prototype"]
    changed = {name for found in (before, after) for name in found["evaluations"]} - (
        set(before["evaluations"]) & set(after["evaluations"])
    )
    assert len(changed) in (1, 2), "that of bits-fixed, anew, and the old one where nobody else has it"
    assert {name for name in before["evaluations"] if name not in changed} <= set(after["evaluations"])
    for found in (before, after):
        found["evaluations"] = {name: code for name, code in found["evaluations"].items() if name not in changed}
    assert after == before


@pytest.mark.workflow
def test_its_number_is_costed_measured_and_shown_with_its_unit(project: Project) -> None:
    declare_the_evaluator(project.folder)
    show_it(project.folder)
    cheap = core_hours(project)
    with project.edited("bits/evaluation/prototype.py", "2.0 * load.width", "2e9 * load.width"):
        assert core_hours(project) > 10 * cheap
    doctor = project.call("bits", "doctor", "scale=smoke", "--no-slurm")
    assert "evaluations hold at most" in doctor.stdout, doctor.stdout + doctor.stderr
    assert "Traceback" not in doctor.stderr
    project.made("extra-prototype", *SMOKE)
    (line,) = csv.DictReader((project.folder / "reports/smoke/exhibits/extra-prototype.csv").read_text().splitlines())
    metrics = json.loads((project.folder / line["origin"]).read_text())
    assert set(metrics["values"]) == {"codes", "knn", "linear", "retrieval", "variance", "prototype"}
    value = 100 * metrics["values"]["prototype"]["accuracy"]
    assert 0 < value < 100
    assert (line["measure"], line["unit"]) == ("imagenet1k.prototype.accuracy", "%")
    assert float(line["measured"]) == pytest.approx(value)
    page = (project.folder / "reports/smoke/exhibits/extra-prototype.html").read_text()
    assert f"{value:.1f}" in page
    assert "nearest class mean" in page
    assert project.jobs("extra-prototype", *SMOKE) == {}


def core_hours(project: Project) -> float:
    """Of its exhibit, made alone."""
    planned = project.call("bits", "plan", "scale=smoke", "--json")
    assert planned.returncode == 0, planned.stderr
    costs = {one["exhibit"]: one["alone"] for one in json.loads(planned.stdout)["exhibits"]}
    return float(costs["extra-prototype"]["device_hours"])


@pytest.mark.workflow
@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "config/evaluator/paper.yaml",
            "  normalised: true",
            "  normalized: true",
            "unknown configuration key 'evaluation.prototype.normalized'; "
            "did you mean 'evaluation.prototype.normalised'",
        ),
        (
            "config/evaluator/fine-grained.yaml",
            "prototype:",
            "protoype:",
            "unknown configuration key 'target_evaluation.protoype'; did you mean 'target_evaluation.prototype'",
        ),
        (
            "config/measures.yaml",
            "prototype.accuracy",
            "prototype.acuracy",
            "measures.imagenet1k: no metric 'prototype.acuracy'; did you mean 'prototype.accuracy'",
        ),
    ],
)
def test_a_typo_in_its_yaml_is_refused_by_name(project: Project, file: str, old: str, new: str, message: str) -> None:
    declare_the_evaluator(project.folder)
    show_it(project.folder)
    with project.edited(file, old, new):
        refused = project.call("bits", "plan", "--list", "scale=smoke")
    assert refused.returncode != 0
    assert message in refused.stderr
    assert "Traceback" not in refused.stderr


class Planted(Section):
    """Of an evaluator that is declared here."""

    size: int


class WithPlanted(EvaluationSettings):  # type: ignore[misc, valid-type]
    planted: Planted | None = None


def brightness(subject: Subject, settings: Planted) -> float:
    return float(subject.val.batch([0, 1, 2]).pixels.float().mean())


def steadiness(subject: Subject, settings: Planted) -> float:
    """Mean cosine of a video's patches and those of the frame before, over videos."""
    videos = subject.videos()
    found = []
    for index in range(len(videos)):
        tokens = subject.patches_of(collate(list(videos.frames_of(index))), settings.size, settings.size)
        found.append(cosine_similarity(tokens[1:], tokens[:-1], dim=1).mean())
    return float(torch.stack(found).mean())


@pytest.mark.parametrize(
    ("need", "number", "low", "high"),
    [
        ("features", lambda subject, settings: float(subject.features("val").norm(dim=1).mean()), 1, 1000),
        ("images", brightness, 1, 254),
        ("codes", lambda subject, settings: float((subject.codes("val") > 0).float().mean()), 0.01, 0.99),
        ("patches", lambda subject, settings: len(torch.cat(list(subject.patches("val", settings.size)))), 200, 200),
        ("video", steadiness, 0.1, 1),
    ],
)
def test_whatever_an_evaluator_needs_it_is_given(
    tmp_path: Path,
    scenes: Path,
    composed: Callable[..., Composed],
    monkeypatch: pytest.MonkeyPatch,
    need: Any,
    number: Callable[[Subject, Planted], float],
    low: float,
    high: float,
) -> None:
    run = SmokeRun(tmp_path / "runs/bits-fixed", scenes, composed)
    planted = Evaluator(
        name="planted",
        settings=Planted,
        needs=(need,),
        metrics={"number": Metric(label="a number", unit="none", direction="higher")},
        measure=lambda subject, settings: {"number": number(subject, settings)},
        tokens=lambda settings, backbone: Tokens(),
        cost=lambda load, settings: Cost(),
    )
    known = {**declaration.evaluators(), "planted": planted}
    for module in (declaration, evaluate):
        monkeypatch.setattr(module, "evaluators", lambda: known)
    monkeypatch.setattr(configured, "EVALUATORS", tuple(known))
    settings = WithPlanted(**{**run.settings.only([]).model_dump(), "planted": {"size": 24}})
    frozen = FrozenEvaluation("0", "imagenet1k", run.dataset, settings)
    output = tmp_path / "metrics/bits-fixed/imagenet1k-0.json"
    DataSetEvaluation(run.folder, run.recipe, frozen, run.site).run([("bits-fixed", output)])
    values = json.loads(output.read_text())["values"]
    assert set(values) == {"planted"}
    assert low <= values["planted"]["number"] <= high
