"""How runs end, seen from the tables: planted collapses, divergences and failures in the real workflow."""

from __future__ import annotations

import json

import pytest
from safetensors.torch import load_file

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("outcomes")]
SMOKE = ("--config", "scale=smoke")
SOFT = "bits-soft-1: {method: bits, objective.bce.target: soft, objective.bce.target_temperature: 1.0}"
RESET = "simdino-reset: {method: simdino, head_reset.every_epochs: 10}"
CLIP = "bits-clip-2: {method: bits, optimizer.clip_norm: 2.0, optimizer.min_learning_rate: 1.0e-6}"


def test_collapse_and_divergence_are_results_that_tables_show_as_the_paper_does(built):
    # Images without contrast have the same features, all of them; a rate of 1e30 overflows at once.
    collapsing = SOFT.replace("}", ", augmentation.std: [1.0e+12, 1.0e+12, 1.0e+12]}")
    diverging = RESET.replace("}", ", optimizer.learning_rate: 1.0e+30}")
    with (
        built.edited("config/runs.yaml", SOFT, collapsing),
        built.edited("config/runs.yaml", RESET, diverging),
    ):
        done = built.made("table-10", "text-5.3", "run/simdino-reset", *SMOKE)
        runs = {name: built.run(name) for name in ("bits-soft-1", "simdino-reset")}
        outcomes = {name: json.loads((built.folder / run.outcome).read_text()) for name, run in runs.items()}
        folder = built.folder / "reports/smoke/exhibits"
        table, text = ((folder / f"{name}.md").read_text() for name in ("table-10", "text-5.3"))
    assert outcomes["bits-soft-1"]["outcome"] == "collapsed", done.stdout
    assert "effective rank" in outcomes["bits-soft-1"]["detail"]
    assert outcomes["simdino-reset"]["outcome"] == "diverged"
    assert "step" in outcomes["simdino-reset"]["detail"]
    assert "*collapse*" in next(line for line in table.splitlines() if line.startswith("| soft tau=1 |"))
    assert "*diverges*" in next(line for line in text.splitlines() if line.startswith("| SimDINO"))
    assert outcomes["bits-soft-1"]["detail"].split()[0] in table  # the criterion is told
    for part in ("teacher", "student", "heads"):
        weights = load_file(built.folder / runs["simdino-reset"].weights(part))
        assert all(bool(tensor.isfinite().all()) for tensor in weights.values())
    built.made(*SMOKE)  # as it was


def test_a_failure_stops_what_depends_on_it_and_nothing_else(built):
    broken = CLIP.replace("}", ", backbone.name: vit_nowhere}")
    caption = "Largest gradient norm"
    with (
        built.edited("config/runs.yaml", CLIP, broken),
        built.edited("config/exhibits/tables.yaml", "The learning rate at which", "The rate at which"),
        built.edited("config/exhibits/tables.yaml", caption, "Largest norm"),
    ):
        done = built.snakemake("--keep-going", "table-12", "table-13", *SMOKE)
        folder = built.folder / "reports/smoke/exhibits"
        assert done.returncode != 0
        assert "vit_nowhere" in done.stdout + done.stderr
        assert "The rate at which" in (folder / "table-13.md").read_text()
        assert caption in (folder / "table-12.md").read_text(), "rendered without one of its runs"
        failure = json.loads((built.folder / built.run("bits-clip-2").failure).read_text())
        assert failure["outcome"] == "failed"
        assert "vit_nowhere" in failure["detail"]
        said = built.call("bits.commands.explain", "table-12", *SMOKE).stdout
        assert "its last attempt failed" in said
        words = ("exhibit", "--plan", "results/smoke/plan.json", "--exhibit", "table-12", "--out-dir", "shown")
        assert built.call("bits.commands.render", *words).returncode == 0
        assert "*failed*" in (built.folder / "shown/table-12.md").read_text()
    built.made(*SMOKE)
    assert built.jobs(*SMOKE) == {}


def test_two_processes_are_configuration_and_make_nothing_stale(project):
    words = ("run/bits-reset", "--config", "scale=smoke")
    project.made(*words, "set=site.processes=2")
    run = project.run("bits-reset")
    outcome = json.loads((project.folder / run.outcome).read_text())
    assert outcome["outcome"] == "finished"
    assert json.loads((project.folder / run.provenance).read_text())["processes"] == 2
    assert project.jobs(*words) == {}
