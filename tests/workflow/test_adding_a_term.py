"""A new term is a file, and a run that uses it a line: trained in any division, costed, and nothing else made stale."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.workflow.conftest import Project

pytestmark = pytest.mark.workflow
VARIANCE = '''"""Keeps every dimension's standard deviation over the batch above a target (VICReg, Eq. 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from bits.objectives.term import Term, TermSettings

if TYPE_CHECKING:
    from torch import Tensor


class Settings(TermSettings):
    target: float = Field(gt=0)
    eps: float = Field(gt=0)  # added to the variance, for a finite slope at 0


def value(rows_GND: Tensor, settings: Settings) -> Tensor:
    """The mean over views and dimensions of max(0, target - standard deviation)."""
    deviation = (rows_GND.var(dim=1) + settings.eps).sqrt()
    return (settings.target - deviation).relu().mean()


TERM = Term(name="variance", settings=Settings, value=value, couples=True)
'''
COVARIANCE = '''"""Decorrelates the dimensions over the batch (VICReg, Eq. 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bits.objectives.term import Term, TermSettings

if TYPE_CHECKING:
    from torch import Tensor


def value(rows_GND: Tensor, settings: TermSettings) -> Tensor:
    """The squares of the covariance matrix off its diagonal, summed and divided by D; the mean over views."""
    centred = rows_GND - rows_GND.mean(dim=1, keepdim=True)
    covariance = centred.transpose(1, 2) @ centred / (rows_GND.shape[1] - 1)
    diagonal = covariance.diagonal(dim1=1, dim2=2)
    return (covariance.square().sum() - diagonal.square().sum()) / rows_GND.shape[2] / len(rows_GND)


TERM = Term(name="covariance", settings=TermSettings, value=value, couples=True)
'''
RUN = "bits-vicreg"
TERMS = "objective.variance: {weight: 1.0, target: 1.0, eps: 1.0e-4}, objective.covariance: {weight: 0.5}"
LINE = f"{RUN}: {{method: bits, objective.coding_rate: null, {TERMS}, shown: {{extra-vicreg: both terms}}}}\n"
SHORT = ("schedule.epochs=5", "curve.every_epochs=5", "optimizer.warmup_epochs=1", "site.log_every_steps=1")
CODES = """
import json
from pathlib import Path
from bits.plan import read_plan
from bits.workflow.code import code_of_evaluation, code_of_training, code_state_of
plan = read_plan(Path("results/smoke/plan.json"))
print(json.dumps({
    **{run.name: code_of_training(run.recipe) for run in plan.runs.values()},
    **{name: code_of_evaluation(evaluation) for name, evaluation in plan.evaluations.items()},
    "report": code_state_of("report"),
}))
"""
REFUSED = f"""
import json
from bits.config.compose import Composer
from bits.config.validation import ConfigError
said = {{}}
for word in (
    "objective.variance.tarjet=0.5",
    "objective.covarience={{weight: 1}}",
    "objective.variance={{weight: 1, target: 1, eps: 0}}",
):
    try:
        with Composer("smoke", [word]) as composer:
            composer.compose("{RUN}")
    except ConfigError as error:
        said[word] = str(error)
print(json.dumps(said))
"""


def planned(project: Project) -> tuple[dict[str, str], dict[str, str]]:
    """({run: its id with the digest in it}, {run or other job: digest of its code})."""
    done = project.call("bits.commands.plan", "scale=smoke", "--list")
    assert done.returncode == 0, done.stderr
    codes = project.says(CODES)
    plan = json.loads((project.folder / "results/smoke/plan.json").read_text())  # with terms that are not known here
    return {run["name"]: name for name, run in plan["runs"].items()}, codes


def add_terms(project: Project) -> None:
    (project.folder / "bits/objectives/variance.py").write_text(VARIANCE)
    (project.folder / "bits/objectives/covariance.py").write_text(COVARIANCE)
    with (project.folder / "config/runs.yaml").open("a") as stream:
        stream.write(LINE)


def trained(project: Project, kept: Path, command: str, *words: str) -> Path:
    """The folder of the run, moved away so that it can be trained again."""
    done = project.call(command, *words, f"run={RUN}", "scale=smoke", *SHORT, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (project.folder / "results/smoke/runs").glob(f"{RUN}-*")
    shutil.move(folder, kept)
    return kept


def steps(folder: Path) -> list[dict[str, Any]]:
    entries = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return [entry for entry in entries if "loss" in entry]


def test_two_files_and_a_line_make_a_run_that_trains_alike_however_it_is_divided(project: Project, tmp_path: Path):
    add_terms(project)
    whole = trained(project, tmp_path / "whole", "bits.commands.pretrain", "site.micro_batch=0")
    launch = ("bits.commands.launch", "--processes", "2", "--")
    divided = (
        trained(project, tmp_path / "parts", "bits.commands.pretrain", "site.micro_batch=4"),
        trained(project, tmp_path / "both", *launch, "site.micro_batch=4"),
    )
    assert len(steps(whole)) == 5
    for entry in steps(whole):
        assert entry["loss_variance"] > 0 and entry["loss_covariance"] > 0
        expected = entry["loss_bce"] + entry["loss_variance"] + 0.5 * entry["loss_covariance"]
        assert entry["loss"] == pytest.approx(expected, rel=1e-5)
    for folder in divided:
        for ours, theirs in zip(steps(whole), steps(folder), strict=True):
            for key in ("loss", "loss_bce", "loss_variance", "loss_covariance", "gradient_norm"):
                assert theirs[key] == pytest.approx(ours[key], rel=1e-3), key
        for part in ("student", "teacher", "heads"):
            weights = load_file(folder / f"{part}.safetensors")
            for name, tensor in load_file(whole / f"{part}.safetensors").items():
                torch.testing.assert_close(
                    weights[name], tensor, rtol=0, atol=1e-4, msg=lambda text, name=name: f"{name} {text}"
                )


def test_no_other_run_and_no_other_code_changes_and_the_new_run_is_costed(project: Project):
    ids, codes = planned(project)
    add_terms(project)
    more_ids, more_codes = planned(project)
    assert {name: more_ids[name] for name in ids} == ids
    assert {name: more_codes[name] for name in codes} == codes
    assert set(more_ids) - set(ids) == {RUN}
    assert more_codes[RUN] != codes["bits-fixed"]
    with project.edited("bits/objectives/variance.py", ".relu()", ".relu().square()"):
        _, changed = planned(project)
        assert {name for name in changed if changed[name] != more_codes[name]} == {RUN}
    shown = project.call("bits.commands.plan", "scale=smoke", "--json")
    assert shown.returncode == 0, shown.stderr
    costs = json.loads(shown.stdout)
    assert any("extra-vicreg" in json.dumps(one) for one in costs["exhibits"])


def test_a_typo_in_a_new_term_is_refused_by_name(project: Project):
    add_terms(project)
    said = project.says(REFUSED)
    assert "did you mean 'objective.variance.target" in said["objective.variance.tarjet=0.5"]
    assert "did you mean 'objective.covariance" in said["objective.covarience={weight: 1}"]
    assert "objective.variance.eps = 0" in said["objective.variance={weight: 1, target: 1, eps: 0}"]
