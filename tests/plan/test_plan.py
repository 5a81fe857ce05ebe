"""The plan: made once, never stale; provenance digests."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bits.config.evaluation import EVALUATORS, Evaluation
from bits.config.recipe import Recipe
from bits.data.errors import DatasetError
from bits.errors import BitsError
from bits.plan import Request, current_plan, make_plan, manifest_path
from bits.records.code import ROOT, code_digest
from bits.records.digests import digest
from bits.records.files import write_json
from bits.sharing.manifests import write_manifests
from bits.workflow.build_plan import load_plan
from bits.workflow.messages import elsewhere_message, missing_data_message
from bits.workflow.options import request


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> dict:
    return make_plan(Request("smoke"))


def run_of(plan: dict, name: str) -> dict:
    (identity,) = plan["sources"][name]
    return plan["runs"][identity]


def names(plan: dict, **facts: object) -> list[str]:
    return [run["name"] for run in plan["runs"].values() if all(run[key] == value for key, value in facts.items())]


def test_counts_of_the_paper(plan):
    assert len(set(names(plan, kind="pretraining"))) == len(names(plan, kind="pretraining")) == 25
    assert len(set(names(plan, kind="finetuning"))) == len(names(plan, kind="finetuning")) == 16
    recipes = [digest(run["recipe"]) for run in plan["runs"].values()]
    assert len(set(recipes)) == 41, "two runs train the same"
    exhibits = [*plan["needs"], *plan["pending"]]
    assert sum(name.startswith("table-") for name in exhibits) == 14
    assert sum(name.startswith("figure-") for name in exhibits) == 10
    assert len(exhibits) == len(set(exhibits)) == 26


def test_fine_tunings_are_what_table_8_says(plan):
    for run in plan["runs"].values():
        recipe = run["recipe"]
        if run["kind"] == "pretraining":
            assert recipe["start"] is None
            assert not recipe["head_reset"]["at_start"]
            continue
        source = plan["runs"][run["start"]]
        assert run["name"] == f"{source['name']}-on-{run['role']}"
        assert recipe["start"] == {"run": source["name"], "digest": Recipe.model_validate(source["recipe"]).digest()}
        assert recipe["head_reset"]["at_start"] == (source["name"] == "bits-reset")
        assert recipe["head_reset"]["every_epochs"] is None
        assert recipe["dataset"]["name"] == plan["datasets"][run["role"]]["name"]
        assert recipe["objective"] == source["recipe"]["objective"]
        assert set(plan["metrics"][run["id"]]) == {run["role"], "training"}
    paper = run_of(make_plan(Request("paper")), "dino-on-birds525")  # smoke has fewer epochs
    assert paper["recipe"]["schedule"]["epochs"] == 10
    assert paper["recipe"]["head"]["freeze_prototypes_epochs"] == 0


def test_what_the_paper_leaves_open_of_fine_tunings_is_one_override_away(plan):
    words = ("finetuning.reset=false", "finetuning.freeze_prototypes_epochs=1", "finetuning.min_learning_rate=0.0")
    other = make_plan(Request("smoke", (*words, "schedule.horizon_epochs=40")))
    for name in ("bits-reset", "dino"):
        before, after = (run_of(made, f"{name}-on-birds525")["recipe"] for made in (plan, other))
        assert before["head_reset"]["at_start"] == (name == "bits-reset")
        assert (
            before["optimizer"]["min_learning_rate"] == run_of(plan, name)["recipe"]["optimizer"]["min_learning_rate"]
        )
        assert not after["head_reset"]["at_start"]
        assert after["optimizer"]["min_learning_rate"] == 0
        assert (before["head"]["freeze_prototypes_epochs"], after["head"]["freeze_prototypes_epochs"]) == (0, 1)
        assert run_of(other, name)["recipe"]["schedule"]["horizon_epochs"] == 40
        assert after["schedule"]["horizon_epochs"] is None, "a fine-tuning is not the beginning of anything"


def measured(plan: dict, name: str, role: str = "imagenet1k") -> set[str]:
    """The evaluators that a source gets on a data set."""
    (identity,) = plan["sources"][name]
    settings = plan["evaluations"][Path(plan["metrics"][identity][role]).stem]["evaluation"]
    return {name for name in EVALUATORS if settings[name] is not None}


def test_a_run_is_measured_by_what_exhibits_show_of_it_and_by_no_more(plan):
    assert measured(plan, "bits-clip-2") == measured(plan, "simdino-reset") == {"retrieval"}
    assert measured(plan, "dino") == measured(plan, "chance") == set(EVALUATORS)
    assert measured(plan, "dino", "birds525") == {"knn", "linear", "retrieval"}
    clip, fixed = (Path(plan["metrics"][plan["sources"][name][0]]["imagenet1k"]) for name in ("bits-clip-2", "dino"))
    assert clip.name != fixed.name
    assert {Path(path).name for path in plan["needs"]["table-12"]} == {clip.name}
    paper = make_plan(Request("paper"))
    spec = paper["evaluations"][Path(paper["metrics"][paper["sources"]["bits-clip-2"][0]]["imagenet1k"]).stem]
    settings = Evaluation.model_validate(spec["evaluation"])
    assert (settings.blocks, settings.sees_training_images()) == (1, False), "1.28 million images for nothing"


def test_a_pending_or_missing_data_set_does_not_change_what_is_measured(plan):
    """Else data that come later would measure anew what is there."""
    paper = make_plan(Request("paper"))
    assert "table-14" in paper["left_out"]
    assert measured(paper, "dino", "birds525") == measured(plan, "dino", "birds525")


def test_an_evaluators_value_changes_the_files_of_what_it_measures(plan):
    other = make_plan(Request("smoke", ("evaluation.knn.temperature=0.1",)))
    changed = {
        (run["name"], role)
        for run in plan["runs"].values()
        for role, path in plan["metrics"][run["id"]].items()
        if path not in other["metrics"][run["id"]].values()
    }
    assert ("dino", "imagenet1k") in changed
    assert ("bits-clip-2", "imagenet1k") not in changed
    assert len(changed) == 4 + 16 + 16


def test_an_evaluator_that_is_shown_cannot_be_left_out():
    with pytest.raises(BitsError, match=r"the evaluator knn is null, but exhibits show it of bits-fixed"):
        make_plan(Request("smoke", ("evaluation.knn=null",)))


def test_a_rows_own_value_wins_over_one_for_all_runs(plan):
    """Else all rows of Table 4 would be one run under four names."""
    words = (
        "objective.coding_rate.weight=0.5",
        "schedule={epochs: 3}",
        "optimizer.warmup_epochs=1",
        "optimizer.clip_norm=9",
    )
    changed = make_plan(Request("smoke", words))
    recipes = {name: run_of(changed, name)["recipe"] for name in names(changed, kind="pretraining")}
    for weight in (0.05, 0.1, 0.2, 0.5):
        assert recipes[f"bits-beta-{weight}"]["objective"]["coding_rate"]["weight"] == weight
        assert recipes[f"bits-beta-{weight}"]["schedule"]["epochs"] == 10
    assert recipes["bits-fixed"]["schedule"]["epochs"] == 3
    assert recipes["bits-fixed"]["optimizer"]["clip_norm"] == 9
    assert recipes["bits-clip-2"]["optimizer"]["clip_norm"] == 2


def test_all_runs_go_without_a_term_but_those_whose_line_sets_it(plan):
    without = make_plan(Request("smoke", ("objective.coding_rate=null",)))
    terms = {name: list(run_of(without, name)["recipe"]["objective"]) for name in names(without, kind="pretraining")}
    assert {name for name, found in terms.items() if "coding_rate" in found} == {
        f"bits-beta-{weight}" for weight in ("0.05", "0.1", "0.2", "0.5")
    }
    assert not [key for key, _, _ in without["choices"] if key.startswith("objective.coding_rate")]
    assert without["sources"]["dino"] == plan["sources"]["dino"]


def test_a_changed_set_up_says_so_on_every_page_and_is_no_reproduction():
    same = make_plan(Request("paper", ("site.threads=3", "seeds=[0,1]", "seed=4", "site.data.imagenet1k='/x'")))
    assert same["scale"] == make_plan(Request("paper"))["scale"]
    assert same["scale"]["reproduction"]
    changed = make_plan(Request("paper", ("schedule.epochs=20", "site.threads=3", "++backbone.options.depth=2")))
    assert not changed["scale"]["reproduction"]
    stamp = changed["scale"]["stamp"]
    assert stamp.startswith("CHANGED SET-UP (schedule.epochs=20, ++backbone.options.depth=2)")
    assert "not a reproduction" in stamp
    assert "DEMO" in make_plan(Request("demo", ("crops.n_local=2",)))["scale"]["stamp"]


def test_another_pretraining_makes_another_fine_tuning(plan):
    other = make_plan(Request("smoke", ("objective.coding_rate.eps=0.1",)))
    for name, ids in plan["sources"].items():
        if name == "dino" or name.startswith("dino-on-"):
            assert other["sources"][name] == ids, "it has no coding rate"
        elif name not in ("chance", "pixels", "random-init"):
            assert not set(ids) & set(other["sources"][name])
    longer = make_plan(Request("smoke", ("finetuning.epochs=6",)))
    for name, ids in plan["sources"].items():
        assert (longer["sources"][name] == ids) == ("-on-" not in name)


def test_seeds_of_all_runs_and_of_one(plan, tmp_path):
    three = make_plan(Request("smoke", ("seeds=[0,1,2]",)))
    assert len(three["runs"]) == 3 * 41
    assert {len(ids) for ids in three["sources"].values()} == {3}
    for name, ids in three["sources"].items():
        assert ids[0] == plan["sources"][name][0], "seed 0 stays the run that it was"
        entries = [three["runs"].get(identity) or three["references"][identity] for identity in ids]
        assert [entry["seed"] for entry in entries] == [0, 1, 2]
    tuned = three["runs"][three["sources"]["dino-on-food101"][2]]
    assert three["runs"][tuned["start"]]["seed"] == tuned["recipe"]["seed"] == 2
    assert len(three["needs"]["table-3"]) == 6
    config = shutil.copytree(ROOT / "config", tmp_path / "config")
    lines = (config / "runs.yaml").read_text()
    (config / "runs.yaml").write_text(lines.replace("dino: {method: dino}", "dino: {method: dino, seeds: [3, 4]}", 1))
    own = make_plan(Request("smoke", ("seeds=[0,1]",), config))
    assert [own["runs"][identity]["seed"] for identity in own["sources"]["dino"]] == [3, 4]
    assert [own["runs"][identity]["seed"] for identity in own["sources"]["dino-on-food101"]] == [3, 4]
    assert len(own["sources"]["bits-fixed"]) == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{method: dino, seeds: 3}", "seeds = 3: expected a list"),
        ("{method: dino, seeds: [1, 1]}", "each seed once"),
        ("{method: dino, seeds: [-1]}", "seeds = \\[-1\\]"),
        ("{method: dino, shown: table-9}", "shown = 'table-9': expected"),
        ("{method: dino, sedes: [1]}", "did you mean seeds"),
        ("{method: dino, evaluation.linear.blocks: 1}", "the same for all runs"),
        ("{method: dino, finetuning.epochs: 1}", "the same for all runs"),
        ("{method: dino, site.threads: 1}", "the same for all runs"),
        ("{method: dino, start.run: simdino}", "no part of a run's recipe"),
        ("{method: dino, dataset.settings.train: 9}", "the same for all runs"),
        ("{method: dino, seed: 1, seed: 2}", "'seed' is given twice"),
    ],
)
def test_lines_of_runs_that_cannot_be_right(tmp_path, line, message):
    config = shutil.copytree(ROOT / "config", tmp_path / "config")
    lines = (config / "runs.yaml").read_text()
    (config / "runs.yaml").write_text(lines.replace("dino: {method: dino}", f"dino: {line}", 1))
    with pytest.raises(BitsError, match=message):
        make_plan(Request("smoke", (), config))


def test_what_a_line_says_is_no_option_for_all_runs():
    for word in ("method=dino", "run=dino", "scale=paper"):
        with pytest.raises(BitsError, match=word):
            request({"scale": "smoke", "set": f"seed=1 {word}"})


def test_seeds_as_snakemake_hands_them_over():
    for given in ("0,1,2", "[0, 1, 2]", [0, 1, 2]):
        assert "seeds=[0,1,2]" in request({"scale": "smoke", "seeds": given}).overrides
    assert "seeds=[7]" in request({"scale": "smoke", "seeds": 7}).overrides
    with pytest.raises(BitsError, match="expected numbers"):
        request({"seeds": "all"})
    with pytest.raises(BitsError, match="each once"):
        make_plan(request({"scale": "smoke", "seeds": "1,1"}))


def test_a_target_set_that_is_not_here_is_left_out_and_a_wrong_path_is_missing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = make_plan(Request("paper"))
    assert "table-14" in plan["left_out"]
    assert "data/birds525" in plan["left_out"]["figure-7"]
    assert "table-14" not in plan["needs"]
    assert [gap["role"] for gap in plan["missing"]] == ["imagenet1k"]
    wrong = make_plan(Request("paper", ("site.data.birds525=/nowhere/birds",)))
    assert {gap["role"] for gap in wrong["missing"]} == {"imagenet1k", "birds525"}
    assert "/nowhere/birds" in missing_data_message(wrong)
    for role in ("birds525", "food101", "inat2019", "plantnet300k"):
        (tmp_path / f"data/{role}/train/a").mkdir(parents=True)
        (tmp_path / f"data/{role}/train/a/1.jpg").write_bytes(b"x")
    there = make_plan(Request("paper"))
    assert "table-14" in there["needs"]
    assert not there["left_out"]


def test_exhibits_need_files_that_a_run_or_a_reference_makes(plan):
    made = {path for files in plan["metrics"].values() for path in files.values()}
    for files in plan["needs"].values():
        assert files
        assert set(files) <= made


def test_choices_in_force_have_their_values(plan):
    choices = {key: value for key, value, _ in plan["choices"]}
    assert choices["objective.bce.reduction"] == '"mean"'
    assert choices["evaluation.retrieval.queries_per_class"] == "5"


def test_the_plan_is_read_again_until_something_it_is_made_from_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = current_plan(Request("smoke"))
    path = tmp_path / "results/smoke/plan.json"
    made = path.stat().st_mtime_ns
    config = tmp_path / run_of(first, "dino")["config"]
    frozen = config.stat().st_mtime_ns
    assert current_plan(Request("smoke")) == first
    assert path.stat().st_mtime_ns == made
    other = current_plan(Request("smoke", ("objective.coding_rate.eps=0.1",)))
    assert other["sources"]["bits-fixed"] != first["sources"]["bits-fixed"]
    assert config.stat().st_mtime_ns == frozen, "a frozen configuration was written again"
    path.write_text("{half")
    assert current_plan(Request("smoke")) == first


def test_an_override_of_one_part_changes_just_what_it_can_change(plan):
    other = make_plan(Request("smoke", ("evaluation.knn.temperature=0.1",)))
    assert list(other["runs"]) == list(plan["runs"])
    dino = plan["sources"]["dino"][0]
    assert other["metrics"][dino]["imagenet1k"] != plan["metrics"][dino]["imagenet1k"]
    assert other["metrics"][dino]["training"] == plan["metrics"][dino]["training"]
    quicker = make_plan(Request("smoke", ("site.workers=3",)))
    assert quicker["metrics"] == plan["metrics"]


def test_missing_data_are_named_with_the_remedy():
    plan = make_plan(Request("paper"))
    message = missing_data_message(plan)
    for part in ("imagenet1k", "data/imagenet1k", "train/<class>/<image>", "data=PATH", "config/site/local.yaml"):
        assert part in message


def test_a_path_with_blanks_and_quotes_arrives_whole(tmp_path):
    root = tmp_path / "my 'own' images"
    plan = make_plan(request({"scale": "small", "data": str(root)}))
    assert plan["roots"]["imagenet1k"] == str(root)


def test_what_is_of_a_machine_leaves_the_report_alone(plan):
    words = ("site.threads=3", "site.scratch=/scratch", "site.data.birds525=data/nowhere")
    elsewhere, other = (
        make_plan(Request("smoke", words)),
        make_plan(Request("smoke", ("evaluation.knn.temperature=0.1",))),
    )
    assert elsewhere["digest"] != plan["digest"]
    assert elsewhere["report_digest"] == plan["report_digest"] != other["report_digest"]


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


def test_code_digest_is_the_same_in_other_versions_of_python():
    code = "from pathlib import Path; from bits.provenance import code_digest; print(code_digest([Path('bits')]))"
    found = {version: shutil.which(f"python3.{version}") for version in range(11, 20)}
    others = [path for path in found.values() if path]
    said = {subprocess.run([path, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout for path in others}
    assert {one.strip() for one in said if one} <= {code_digest([ROOT / "bits"])}


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

    shown = call("scale=smoke", "--list")
    assert "pretraining bits-reset seed 0: " in shown.stdout
    assert "finetuning bits-reset-on-birds525 seed 0: " in shown.stdout
    assert "exhibit table-1 " in shown.stdout
    assert "not yet implemented" in shown.stdout
    refused = call("scale=smok")
    assert refused.returncode == 2
    assert "smoke" in refused.stderr
    assert Path(tmp_path / "results/smoke/plan.json").is_file()


def test_a_clone_without_the_images_knows_them_from_the_manifest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for split in ("train", "val"):
        (tmp_path / f"images/{split}/cat").mkdir(parents=True)
        (tmp_path / f"images/{split}/cat/1.png").write_bytes(b"")
    words = ("site.data.images=images",)
    plan = current_plan(Request("small", words))
    assert (plan["missing"], plan["elsewhere"]) == ([], [])
    write_manifests(plan)
    shutil.rmtree(tmp_path / "images")
    clone = current_plan(Request("small", words))
    assert (clone["missing"], clone["elsewhere"]) == ([], ["imagenet1k"])
    assert clone["metrics"] == plan["metrics"]
    assert clone["report_digest"] == plan["report_digest"]
    assert "imagenet1k" in elsewhere_message(clone) and "site.data.images" in elsewhere_message(clone)
    manifest = manifest_path(Path("results/small"), "imagenet1k")
    manifest.write_text("{}")
    with pytest.raises(DatasetError, match=r"imagenet1k\.json: no manifest"):
        make_plan(Request("small", words))
    manifest.unlink()
    assert [gap["role"] for gap in make_plan(Request("small", words))["missing"]] == ["imagenet1k"]


def test_a_title_changes_no_run_and_no_number(plan, tmp_path):
    config = shutil.copytree(ROOT / "config", tmp_path / "config")
    path = config / "dataset/scenes.yaml"
    path.write_text(path.read_text().replace("title: procedural scenes", "title: other scenes"))
    other = make_plan(Request("smoke", (), config))
    assert other["sources"] == plan["sources"]
    assert other["metrics"] == plan["metrics"]
    assert other["declared"]["table-1"] != plan["declared"]["table-1"]


def test_code_that_makes_plans_makes_them_anew(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = Request("smoke").key()
    monkeypatch.setattr("bits.plan.request._code", lambda: "another")
    assert Request("smoke").key() != first


def test_images_for_a_scale_that_renders_its_own_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="scale smoke renders its own images"):
        load_plan({"scale": "smoke", "data": "/nowhere"})
