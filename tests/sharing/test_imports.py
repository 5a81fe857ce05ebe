"""What is shared, archived and checked of a backbone that was trained elsewhere: weights and where they are from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rocrate.rocrate import ROCrate

from bits.archive.check import refuse_changed
from bits.archive.contents import contents
from bits.archive.errors import ArchiveError
from bits.archive.imports import import_actions
from bits.config.imports import ImportLine, import_recipe
from bits.costs.graph import Graph
from bits.costs.sizes import Sizes
from bits.doctor.weights import weights
from bits.plan import Plan, Request, write_plan
from bits.plan.imports import missing_weights, planned_import
from bits.plan.sources import Import
from bits.records.digests import file_digest
from bits.records.seal import write_record
from bits.sharing import SharingError
from bits.sharing.files import for_dvc, outputs
from bits.sharing.pulling import ids_of

from .plans import composed, evaluation, plan_of, planned_run

LINE = ImportLine(weights="theirs.pth", backbone="vit-convstem-nano")


def imported(weights: str | None) -> tuple[Plan, Import]:
    """A plan of a run and an import, which is measured."""
    recipe = import_recipe(LINE, composed(), weights, Request().config_dir)
    one = planned_import("theirs", LINE, recipe, Path("results/demo"))
    run, asked = planned_run("demo", "dino", "dino-12345678"), evaluation("imagenet1k-1", composed().recipe.dataset)
    plan = plan_of(
        "demo",
        run,
        imports={one.id: one},
        sources={"dino": [run.id], "theirs": [one.id]},
        metrics={run.id: {}, one.id: {"imagenet1k": Path(f"results/demo/metrics/{one.id}/imagenet1k-1.json")}},
        evaluations={asked.name: asked},
        roots={"imagenet1k": "data/scenes"},
        missing_weights=missing_weights([one]),
    )
    return plan, one


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Plan, Import]:
    """The same in a working directory in which it was imported."""
    monkeypatch.chdir(tmp_path)
    plan, one = imported("0" * 64)
    one.weights.parent.mkdir(parents=True)
    one.weights.write_bytes(b"backbone")
    write_record(one.provenance, {"id": one.id, "weights": {"backbone": file_digest(one.weights)}})
    plan, one = imported("0" * 64)
    write_plan(plan)
    return plan, one


def test_dvc_keeps_the_weights_git_the_provenance_and_the_archive_both(made: Any, tmp_path: Path) -> None:
    plan, one = made
    assert {str(one.weights), str(one.provenance)} <= set(outputs(plan))
    assert str(one.weights) in for_dvc(plan) and str(one.provenance) not in for_dvc(plan)
    assert ids_of(plan, "theirs") == ids_of(plan, one.id) == [one.id]
    with pytest.raises(SharingError, match="theirs"):
        ids_of(plan, "their")
    for kept in (True, False):
        items, missing = contents(plan, tmp_path, tmp_path, weights=kept)
        there = {item.name for item in items if one.id in item.name}
        files = [one.config, one.provenance, *([one.weights] if kept else [])]
        assert there == set(map(str, files)) and not [name for name in missing if one.id in name]


def test_the_archive_says_which_file_it_was(made: Any) -> None:
    plan, one = made
    facts = {
        "file": "/home/her/theirs.pth",
        "sha256": "f" * 64,
        "bytes": 7,
        "started": "2026-11-01",
        "finished": "2026-11-02",
    }
    record = {"id": one.id, **facts, "code": {"commit": None, "dirty": None}, "versions": {"torch": "2.15.0"}}
    write_record(one.provenance, {**record, "weights": {}})
    crate = ROCrate()
    crate.root_dataset["publisher"] = "somebody"
    (action,) = import_actions(crate, plan, set())
    assert (action["name"], action["startTime"]) == ("Import and evaluate theirs", "2026-11-01")
    (file,) = (each for each in action["object"] if each)
    assert file["identifier"] == f"sha256:{'f' * 64}" and file["name"] == "theirs.pth"
    one.provenance.write_text("{}")
    with pytest.raises(ArchiveError, match=str(one.provenance)):
        import_actions(ROCrate(), plan, set())


def test_what_was_changed_is_not_archived(made: Any) -> None:
    plan, one = made
    refuse_changed(plan)
    one.config.write_text(one.config.read_text().replace("theirs.pth", "ours.pth"))
    with pytest.raises(ArchiveError, match=str(one.config)):
        refuse_changed(plan)
    write_plan(plan)
    write_record(one.provenance, {"id": "another", "weights": {}})
    with pytest.raises(ArchiveError, match=str(one.provenance)):
        refuse_changed(plan)


def test_importing_is_a_job_before_its_evaluation_and_keeps_the_backbone(made: Any) -> None:
    plan, one = made
    works = Graph(plan).works
    assert works[f"import/{one.id}"].done and f"train/{one.id}" not in works
    one.provenance.unlink()
    work = Graph(plan).works[f"import/{one.id}"]
    (evaluating,) = (work for work in Graph(plan).works.values() if work.kind == "evaluation")
    assert not work.done and evaluating.needs[0] == work.id and evaluating.sources == ("theirs",)

    class Counted:
        parameters = 1000

        def backbone(self, *_: Any) -> Counted:
            return self

    assert Sizes(plan, Counted(), {}).footprint(work).kept == 4000


def test_the_doctor_says_which_file_is_missing(made: Any) -> None:
    plan, one = made
    (found,) = weights(plan)
    assert found.status == "ok" and "theirs: imported from theirs.pth" in found.found
    one.provenance.unlink()
    (found,) = weights(imported(None)[0])
    assert (found.status, found.found) == ("error", "theirs: weights = theirs.pth: there is no such file")
    Path("theirs.pth").write_bytes(b"weights")
    (found,) = weights(imported("a" * 64)[0])
    assert found.status == "ok" and "7 B" in found.found and "a" * 64 in found.found
