"""The plan's types: one form on disk, where files lie, and what is said of a file that holds no plan."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bits.plan import Plan, read_plan
from bits.plan.model import TRAINING, PlanError

from .conftest import made, run_of


@pytest.mark.parametrize(
    "words", [("paper",), ("smoke", "seeds=[0,1]", "site.scratch=/x", "++backbone.options.a=true")]
)
def test_what_is_written_is_read_back_as_the_same_plan(words, tmp_path):
    plan = made(*words).model_copy(update={"key": "a key"})
    plan.write(tmp_path / "plan.json")
    again = read_plan(tmp_path / "plan.json")
    assert again == plan
    assert again.model_dump_json() == plan.model_dump_json()
    for name in ("folder", "reports", "file", "site_file"):
        assert getattr(again, name) == getattr(plan, name)
    for identity, run in plan.runs.items():
        other = again.runs[identity]
        assert other.recipe.digest() == run.recipe.digest()
        for name in ("kind", "config", "outcome", "failure", "provenance", "curve", "log"):
            assert getattr(other, name) == getattr(run, name)


def test_where_the_files_of_a_plan_lie(plan):
    assert (plan.folder, plan.reports) == (Path("results/smoke"), Path("reports/smoke"))
    assert plan.file == Path(f"results/smoke/plans/{plan.digest[:8]}.json")
    assert plan.site_file.parent == Path("results/smoke/sites")
    assert made("smoke", "site.workers=3").site_file != plan.site_file
    assert plan.evaluation_file("birds525-0") == Path("results/smoke/evaluations/birds525-0.yaml")


def test_where_the_files_of_a_run_lie(plan):
    run = run_of(plan, "dino")
    folder = Path("results/smoke/runs") / run.id
    assert (run.folder, run.resume) == (folder, folder / "resume")
    assert run.weights("teacher") == folder / "teacher.safetensors"
    assert [run.config.name, run.outcome.name, run.failure.name] == ["config.yaml", "outcome.json", "failure.json"]
    assert [run.provenance.name, run.curve.name, run.log.name] == ["provenance.json", "curve.json", "log.jsonl"]
    scratch = run_of(made("smoke", "site.scratch=/scratch"), "dino")
    assert scratch.folder == folder
    assert re.fullmatch(rf"/scratch/{run.id}-[0-9a-f]{{8}}", str(scratch.resume))


def test_metrics_files_lead_to_what_they_are_made_by(plan):
    run, (chance,) = run_of(plan, "dino-on-food101"), plan.sources["chance"]
    assert plan.metrics[run.id][TRAINING] == run.curve
    assert set(plan.evaluation_files(run.id)) == {"food101"}
    assert (plan.source(run.id), plan.source(chance)) == (run, plan.references[chance])
    for identity in (run.id, chance):
        for role, path in plan.evaluation_files(identity).items():
            assert path.parent == Path("results/smoke/metrics") / identity
            assert plan.of_metrics(path).role == role
            assert plan.of_metrics(path).name == f"{role}-{plan.of_metrics(path).id}"


def without(plan: Plan, key: str) -> dict:
    return {name: value for name, value in json.loads(plan.model_dump_json()).items() if name != key}


def test_a_file_that_holds_no_plan_is_named_with_what_is_wrong_and_what_to_do(plan, tmp_path):
    path = tmp_path / "plan.json"

    def said() -> str:
        with pytest.raises(PlanError) as error:
            read_plan(path)
        message = str(error.value)
        assert message.startswith(f"{path}: ")
        assert message.endswith("bits plan")
        return message

    assert "No such file" in said()
    path.write_text('{"scale": {')
    assert "not a plan: Expecting property name" in said()
    path.write_bytes(b"\xff\xfe")
    assert "not a plan: Expecting value" in said()
    path.write_text("null")
    assert "not a plan: 'NoneType'" in said()
    path.write_text("[]")
    assert "not a plan of this version" in said()
    path.write_text(json.dumps(without(plan, "sources")))
    assert "not a plan of this version: sources: Field required" in said()
    path.write_text(json.dumps({**without(plan, ""), "speed": 1}))
    assert "not a plan of this version: speed: " in said()
    old = without(plan, "")
    run = next(iter(old["runs"]))
    old["runs"][run]["recipe"]["optimizer"]["clip_by"] = "row"
    path.write_text(json.dumps(old))
    assert f"not a plan of this version: runs.{run}.recipe.optimizer.clip_by: " in said()
    path.unlink()
    path.mkdir()
    assert "Is a directory" in said()
