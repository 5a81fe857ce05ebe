"""What record writes down, keeps and refuses; DVC aside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bits.records.seal import write_record
from bits.sharing import SharingError, record, restore
from bits.sharing.made import Made, Recorded, read_made, write_made
from bits.sharing.metadata import Notes

from .conftest import CONFIG, STUDY, TABLE, WEIGHTS, overwrite, recorded, with_outputs


@pytest.fixture
def added(plan, monkeypatch) -> list[str]:
    """What would be put under DVC; the folders are those of a checkout."""
    for folder in (".git", ".dvc", "results", "reports"):
        Path(folder).mkdir(exist_ok=True)
    for folder in ("results", "reports"):
        Path(folder, ".gitignore").write_text("/*\n")
    calls: list[str] = []
    monkeypatch.setattr("bits.sharing.recording.add", calls.extend)
    return calls


def files_of(made: Made) -> dict[str, Recorded]:
    """The jobs by the files that they are written to."""
    return {one.file: one for one in made.recorded}


def test_nothing_finished_is_an_error(plan, added):
    with pytest.raises(SharingError, match="nothing is finished"):
        record(plan)


def test_recording_what_was_restored_changes_nothing(plan, made, added):
    restore(plan)
    before = {path: (path.read_text(), path.stat().st_mtime_ns) for path in (STUDY / "made").iterdir()}
    assert files_of(record(plan)) == files_of(read_made(STUDY))
    assert {path: (path.read_text(), path.stat().st_mtime_ns) for path in (STUDY / "made").iterdir()} == before
    assert added == [WEIGHTS]
    assert Path("results/.gitignore").read_text() == "/*\n!/tiny/\n"
    assert Path("reports/.gitignore").read_text() == "/*\n!/tiny/\n!/index.html\n"


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_an_input_that_is_not_what_was_used_is_refused(plan, made, added, name):
    restore(plan)
    overwrite(name, "other")
    with pytest.raises(SharingError, match=rf"changed after .*{name}.*Nothing was recorded"):
        record(plan)
    assert added == []


def test_an_output_that_nothing_was_made_from_is_refused_once_changed(plan, made, added):
    restore(plan)
    Path(TABLE).write_text("edited")
    with pytest.raises(SharingError, match=TABLE):
        record(plan)
    overwrite(TABLE, "edited with its old date")
    restore(plan)
    with pytest.raises(SharingError, match=TABLE):
        record(plan)


def test_weights_must_be_those_of_their_provenance(plan, made, added):
    provenance = str(plan.runs["a-1"].provenance)
    write_record(Path(provenance), {"weights": {"teacher": "0" * 64}})
    training, table = made.recorded
    write_made(Made((with_outputs(training, WEIGHTS, provenance), table)), STUDY)
    restore(plan)
    with pytest.raises(SharingError, match=WEIGHTS):
        record(plan)


def test_a_record_that_is_no_json_any_more_is_refused(plan, made, added):
    outcome = str(plan.runs["a-1"].outcome)
    write_record(Path(outcome), {"outcome": "finished"})
    training, table = made.recorded
    write_made(Made((with_outputs(training, WEIGHTS, outcome), table)), STUDY)
    restore(plan)
    Path(outcome).write_text("{")
    with pytest.raises(SharingError, match=rf"{outcome}\. Nothing was recorded"):
        record(plan)


def test_jobs_of_other_plans_stay_while_their_files_do(plan, made, added):
    restore(plan)
    other = "results/tiny/metrics/b-2/x-1.json"
    theirs = with_outputs(made.recorded[0], other)
    write_made(Made((*made.recorded, theirs)), STUDY)
    Path(other).parent.mkdir(parents=True)
    Path(other).write_text("{}")
    assert theirs in record(plan).recorded
    Path(other).unlink()
    assert theirs not in record(plan).recorded
    assert not (STUDY / "made" / theirs.file).exists()


def test_what_was_not_restored_stays_recorded(plan, made, added):
    Notes().write(TABLE, made.by_output[TABLE])
    os.utime(TABLE, (made.dates[TABLE], made.dates[TABLE]))
    assert set(files_of(record(plan))) == set(files_of(made))


def test_what_was_not_pulled_stays_recorded(plan, made, added):
    Path(WEIGHTS).unlink()
    restore(plan)
    assert files_of(record(plan)) == files_of(made)
    assert added == []


def test_data_outside_the_project_are_refused(plan, made, added):
    job = made.jobs[0].model_copy(update={"inputs": ["/data/scenes.safetensors"]})
    write_made(Made((recorded(job),)), STUDY)
    restore(plan)
    with pytest.raises(SharingError, match="outside the project"):
        record(plan)


def test_only_a_checkout_can_share(plan, made):
    with pytest.raises(SharingError, match="git clone"):
        record(plan)


def test_a_record_of_another_run_is_refused(plan, made, added):
    outcome = plan.runs["a-1"].outcome
    write_record(outcome, {"outcome": "finished", "run": "b-2"})
    training, table = made.recorded
    write_made(Made((with_outputs(training, WEIGHTS, str(outcome)), table)), STUDY)
    restore(plan)
    with pytest.raises(SharingError, match=rf"{outcome}\. Nothing was recorded"):
        record(plan)
    write_record(outcome, {"outcome": "finished", "run": "a-1"})
    write_made(Made((with_outputs(training, WEIGHTS, str(outcome)), table)), STUDY)
    restore(plan)
    record(plan)
