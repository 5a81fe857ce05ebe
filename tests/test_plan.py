"""The plan: made once, never stale; provenance digests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bits.plan import Request, current_plan, make_plan
from bits.provenance import ROOT, code_digest, digest, write_json
from bits.workflow import missing_data_message, request


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> dict:
    return make_plan(Request("smoke"))


def test_counts_of_the_paper(plan):
    assert len(plan["runs"]) == 25
    assert len({run["id"] for run in plan["runs"].values()}) == 25
    exhibits = [*plan["needs"], *plan["pending"]]
    assert sum(name.startswith("table-") for name in exhibits) == 14
    assert sum(name.startswith("figure-") for name in exhibits) == 10
    assert len(exhibits) == len(set(exhibits)) == 26


def test_exhibits_need_files_that_a_run_or_a_reference_makes(plan):
    made = {path for files in plan["metrics"].values() for path in files.values()}
    for files in plan["needs"].values():
        assert files
        assert set(files) <= made


def test_choices_in_force_have_their_values(plan):
    choices = {key: value for key, value, _ in plan["choices"]}
    assert choices["objective.reduction"] == '"mean"'
    assert choices["evaluation.retrieval.queries_per_class"] == "5"


def test_the_plan_is_read_again_until_something_it_is_made_from_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = current_plan(Request("smoke"))
    path = tmp_path / "results/smoke/plan.json"
    made = path.stat().st_mtime_ns
    config = tmp_path / first["runs"]["dino"]["config"]
    frozen = config.stat().st_mtime_ns
    assert current_plan(Request("smoke")) == first
    assert path.stat().st_mtime_ns == made
    other = current_plan(Request("smoke", ("objective.rate_eps=0.1",)))
    assert other["runs"]["bits-fixed"]["id"] != first["runs"]["bits-fixed"]["id"]
    assert config.stat().st_mtime_ns == frozen, "a frozen configuration was written again"
    path.write_text("{half")
    assert current_plan(Request("smoke")) == first


def test_an_override_of_one_part_changes_just_what_it_can_change(plan):
    other = make_plan(Request("smoke", ("evaluation.knn.temperature=0.1",)))
    assert {name: run["id"] for name, run in other["runs"].items()} == {
        name: run["id"] for name, run in plan["runs"].items()
    }
    assert other["metrics"]["dino"]["imagenet1k"] != plan["metrics"]["dino"]["imagenet1k"]
    assert other["metrics"]["dino"]["training"] == plan["metrics"]["dino"]["training"]
    quicker = make_plan(Request("smoke", ("site.workers=3",)))
    assert quicker["metrics"] == plan["metrics"]


def test_missing_data_are_named_with_the_remedy():
    plan = make_plan(Request("paper"))
    message = missing_data_message(plan)
    for part in ("imagenet1k", "data/imagenet1k", "train/<class>/<image>", "data=PATH", "site=local"):
        assert part in message


def test_a_path_with_blanks_and_quotes_arrives_whole(tmp_path):
    root = tmp_path / "my 'own' images"
    plan = make_plan(request({"scale": "small", "data": str(root)}))
    assert plan["roots"] == {"images": str(root)}


def test_digest_ignores_key_order_and_kind_of_number():
    assert digest({"a": 1, "b": [1.0, 2]}) == digest({"b": [1, 2.0], "a": 1.0})
    assert digest({"a": 1}) != digest({"a": 1.5})
    with pytest.raises(ValueError):
        digest({"a": float("nan")})


def test_code_digest_ignores_comments_docstrings_and_layout(tmp_path):
    path = tmp_path / "x.py"
    path.write_text('"""Doc."""\ndef f(x):\n    """Doc."""\n    return x + 1\n')
    first = code_digest([path])
    path.write_text('"""Other."""\n# why\ndef f(\n    x,\n):\n    return x + 1  # because\n')
    assert code_digest([path]) == first
    path.write_text("def f(x):\n    return x + 2\n")
    assert code_digest([path]) != first


def test_json_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError):
        write_json(path, {"a": float("inf")})
    assert json.loads(path.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_planning_starts_without_torch(tmp_path):
    program = "import sys; import bits.workflow, bits.commands.plan; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT, timeout=60)


def test_the_plan_command_lists_what_there_is(tmp_path):
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bits.commands.plan", *words]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)

    shown = call("scale=smoke")
    assert "run bits-reset " in shown.stdout
    assert "exhibit table-1 " in shown.stdout
    assert "not yet implemented" in shown.stdout
    refused = call("scale=smok")
    assert refused.returncode == 2
    assert "smoke" in refused.stderr
    assert Path(tmp_path / "results/smoke/plan.json").is_file()
