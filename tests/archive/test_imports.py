"""What is archived of a backbone that was trained elsewhere, and how it is described."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rocrate.rocrate import ROCrate

from bits.archive.check import refuse_changed
from bits.archive.contents import contents
from bits.archive.errors import ArchiveError
from bits.archive.imports import import_actions
from bits.plan import Plan, write_plan
from bits.plan.sources import Import
from bits.records.seal import write_record
from tests.sharing.plans import imported


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Plan, Import]:
    monkeypatch.chdir(tmp_path)
    return imported()


@pytest.mark.parametrize("weights", [True, False])
def test_its_records_go_in_and_its_weights_where_they_are_wanted(made: Any, tmp_path: Path, weights: bool) -> None:
    plan, one = made
    items, missing = contents(plan, tmp_path, tmp_path, weights=weights)
    there = {item.name for item in items if one.id in item.name}
    assert there == set(map(str, [one.config, one.provenance, *([one.weights] if weights else [])]))
    assert not [name for name in missing if "imports" in name]


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
