"""What runs again after a change, and nothing else: every edit that the documentation promises something about."""

from __future__ import annotations

from pathlib import Path

import pytest

from bits.exhibits.kinds.base import RECORD

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("reruns")]
SMOKE = ("--config", "scale=smoke")
N_50 = 'bits-reset-50: {method: bits, head_reset.every_epochs: 50, shown: {table-9: "50"}}\n'
EPS = 'bits-eps-0.1: {method: bits, objective.coding_rate.eps: 0.1, shown: {extra-rate-eps: "0.1"}}\n'
SIMDINO_RESET = "simdino-reset: {method: simdino, head_reset.every_epochs: 10}\n"


def dates(folder: Path) -> dict[Path, int]:
    """When each result and exhibit was written; logs aside."""
    files = [*(folder / "results/smoke/runs").rglob("*.*"), *(folder / "results/smoke/metrics").rglob("*.json")]
    files += (folder / "reports/smoke/exhibits").iterdir()
    return {path.relative_to(folder): path.stat().st_mtime_ns for path in files if path.is_file()}


def explained(project, *words: str) -> str:
    done = project.call("bits.commands.explain", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_line_of_yaml_makes_its_run_and_nothing_else(built):
    before = dates(built.folder)
    with built.edited("config/runs.yaml", SIMDINO_RESET, SIMDINO_RESET + N_50 + EPS):
        expected = {"pretrain": 2, "evaluate": 2, "table-9": 1, "extra-rate-eps": 1, "report": 1, "front_page": 1}
        assert built.jobs(*SMOKE) == expected
        assert "bits-reset-50" in (said := explained(built, *SMOKE))
        assert "was never trained here" in said
        assert "table-9" in said
        built.made(*SMOKE)
        assert built.jobs(*SMOKE) == {}
        after = dates(built.folder)
        changed = {path for path, date in before.items() if after[path] != date}
        endings = ("html", "md", "tex", "csv", RECORD)
        assert changed == {Path(f"reports/smoke/exhibits/table-9.{ending}") for ending in endings}
        new = {path.parts[3].rpartition("-")[0] for path in set(after) - set(before) if path.parts[0] == "results"}
        assert new == {"bits-reset-50", "bits-eps-0.1"}
        table = (built.folder / "reports/smoke/exhibits/table-9.md").read_text()
        assert any(line.startswith("|") and "50" in line.split("|")[1] for line in table.splitlines())
        assert "0.1" in (built.folder / "reports/smoke/exhibits/extra-rate-eps.md").read_text()
        assert "Rate eps" in (built.folder / "reports/smoke/index.html").read_text()
    built.made(*SMOKE)  # without the lines: table 9 and the report as they were, nothing trained
    assert {path for path, date in before.items() if dates(built.folder)[path] != date} == changed
    assert built.jobs(*SMOKE) == {}


def test_a_methods_default_reruns_exactly_the_runs_that_it_changed(built):
    before = built.plan()
    with built.edited("config/method/simdino.yaml", "weight: 1.0             # of gamma R", "weight: 0.7"):
        ids = built.trained(*SMOKE)
        after = built.plan()
        changed = set(after.runs) - set(before.runs)
        assert ids == changed
        names = {after.runs[identity].name for identity in changed}
        targets = ("birds525", "food101", "inat2019", "plantnet300k")
        assert names == {"simdino", "simdino-reset", *(f"simdino-on-{target}" for target in targets)}
        said = explained(built, *SMOKE)
        assert "objective.coding_rate.weight 1.0 -> 0.7" in said
        assert f"{before.sources['simdino'][0]}, which is kept" in said
    assert built.jobs(*SMOKE) == {}


def test_a_scales_value_that_one_run_overrides_leaves_that_run_alone(built):
    with built.edited("config/method/bits.yaml", "weight: 0.1 ", "weight: 0.11 "):
        plan_names = {identity.rpartition("-")[0] for identity in built.trained(*SMOKE)}
    assert {name for name in plan_names if name.startswith("bits-beta")} == set()
    assert {"bits-fixed", "bits-reset", "bits-clip-2", "bits-fixed-on-food101"} <= plan_names
    assert not {"dino", "simdino"} & plan_names


def test_comments_rerun_nothing(built):
    files = [*(built.folder / "config").rglob("*.yaml"), *(built.folder / "bits").rglob("*.py")]
    kept = {path: path.read_text() for path in files}
    try:
        for path, text in kept.items():
            path.write_text(text + "\n# a thought\n")
        assert built.jobs(*SMOKE) == {}
    finally:
        for path, text in kept.items():
            path.write_text(text)


def test_a_caption_renders_its_exhibit_alone(built):
    caption = "Capacity of the channel."
    with built.edited("config/exhibits/tables.yaml", caption, "How many bits."):
        assert built.jobs(*SMOKE) == {"table-11": 1, "report": 1, "front_page": 1}
        assert "table-11: what is declared of it changed" in explained(built, *SMOKE)


def test_a_published_value_renders_its_exhibit_alone(built):
    with built.edited(
        "config/published.csv", "table-12,BITS-fixed,clip_grad=0.3,mAP,42", "table-12,BITS-fixed,clip_grad=0.3,mAP,41"
    ):
        assert built.jobs(*SMOKE) == {"table-12": 1, "report": 1, "front_page": 1}


def test_a_data_sets_title_renders_what_shows_it(built):
    with built.edited("config/dataset/scenes.yaml", "title: procedural scenes", "title: rendered scenes"):
        counts = built.jobs(*SMOKE)
    assert not {"pretrain", "finetune", "evaluate"} & set(counts)
    assert counts["table-1"] == 1


def test_an_evaluators_value_trains_nothing(built):
    words = ("--config", "scale=smoke", "set=evaluation.knn.temperature=0.1")
    counts = built.jobs(*words)
    assert "pretrain" not in counts
    assert "finetune" not in counts
    assert counts["evaluate"] == 4 + 16 + 16, "what k-NN is shown of, and no ablation"
    assert built.jobs(*SMOKE) == {}


def test_code_reruns_what_it_computes(built):
    with built.edited("bits/reporting/latex.py", "needs", "asks for"):
        counts = built.jobs(*SMOKE)
        assert not {"pretrain", "finetune", "evaluate"} & set(counts)
        assert counts["table-1"] == counts["table-14"] == 1
        assert "figure-1" not in counts, "figures are not written in LaTeX"
        assert "the code of reporting changed" in explained(built, *SMOKE)
    with built.edited("bits/reporting/seeds.py", 'f"{label}, seed', 'f"{label}, of seed'):
        counts = built.jobs(*SMOKE)
        assert counts["table-1"] == counts["figure-1"] == 1
    with built.edited("bits/objectives/channel.py", "LEAST_EFFECTIVE_RANK = 2.0", "LEAST_EFFECTIVE_RANK = 2.5"):
        assert built.jobs(*SMOKE)["pretrain"] == 25
        said = explained(built, *SMOKE)
        assert "the code of training changed" in said
        assert "--rerun-triggers input mtime" in said
        assert built.jobs("--rerun-triggers", "input", "mtime", *SMOKE) == {}
    assert built.jobs(*SMOKE) == {}


def test_more_seeds_keep_the_first(built):
    words = ("table-3", "--config", "scale=smoke", "seeds=0,1")
    counts = built.jobs(*words)
    references = [counts.pop(rule) for rule in list(counts) if rule.startswith("evaluate_references_imagenet1k_")]
    assert references == [1], "those of the new seed"
    assert counts == {"pretrain": 2, "evaluate": 2, "table-3": 1}
    assert "-on-" not in explained(built, *words)
    assert built.jobs(*SMOKE) == {}


def test_references_are_not_measured_again_when_only_training_changes(built):
    words = ("--config", "scale=smoke", "set=optimizer.weight_decay=0.03 schedule.epochs=15")
    counts = built.jobs(*words)
    assert counts["pretrain"] > 20
    assert [rule for rule in counts if rule.startswith("evaluate_references")] == []
    other = built.jobs("--config", "scale=smoke", "set=augmentation.mean=[0.5,0.5,0.5]")
    assert sum(count for rule, count in other.items() if rule.startswith("evaluate_references")) == 9
    assert built.jobs(*SMOKE) == {}


def test_a_run_that_nobody_shows_is_refused_with_what_to_write(built):
    lost = "bits-lost: {method: bits, seed: 7}\n"
    with built.edited("config/runs.yaml", SIMDINO_RESET, SIMDINO_RESET + lost):
        refused = built.snakemake("-n", *SMOKE)
    assert refused.returncode != 0
    assert "bits-lost" in refused.stderr
    assert "shown:" in refused.stderr
