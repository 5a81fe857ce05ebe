"""A backbone that was trained elsewhere: one line of runs.yaml, a table, and nothing is trained."""

from __future__ import annotations

import pytest
import torch

from bits.models.backbone import create_backbone
from tests.workflow.conftest import Project

LINE = """\
theirs:
  weights: theirs.pth
  backbone: vit-convstem-nano
  shown: {extra-theirs: "theirs"}
  published: {source: "a paper", values: {imagenet1k.knn.top1_k20: 72.8}}
"""
SMOKE = ("--config", "scale=smoke")


@pytest.mark.workflow
def test_weights_are_imported_measured_and_shown_and_their_file_may_go(project: Project) -> None:
    with (project.folder / "config/runs.yaml").open("a", encoding="utf-8") as file:
        file.write(LINE)
    state = create_backbone("vit_convstem_nano", 32, 0.0, {}).state_dict()
    torch.save({"teacher": {f"backbone.{name}": one for name, one in state.items()}}, project.folder / "theirs.pth")
    project.made("extra-theirs", *SMOKE)
    text = (project.folder / "reports/smoke/exhibits/extra-theirs.md").read_text()
    (row,) = (line for line in text.splitlines() if line.startswith("| theirs"))
    assert "weights from theirs.pth" in row and "(72.8)" in row
    plan = project.plan()
    assert [one.provenance.name for one in plan.imports.values()] == ["provenance.json"]
    assert not any((project.folder / run.outcome).exists() for run in plan.runs.values())
    (project.folder / "theirs.pth").unlink()
    assert project.jobs("extra-theirs", "run/theirs", *SMOKE) == {}
    torch.save(state, project.folder / "theirs.pth")
    assert set(project.jobs("extra-theirs", *SMOKE)) == {"import_weights", "evaluate_import", "extra-theirs"}
