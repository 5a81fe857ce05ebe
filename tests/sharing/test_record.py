"""What record writes down, keeps and refuses; DVC aside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bits.records.digests import file_digest
from bits.records.seal import write_record
from bits.sharing import SharingError, record, restore
from bits.sharing.made import read_made, write_made
from bits.sharing.metadata import Notes

from .conftest import CONFIG, TABLE, WEIGHTS, overwrite

PATH = Path("results/tiny/made.json")


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


def test_nothing_finished_is_an_error(plan, added):
    with pytest.raises(SharingError, match="nothing is finished"):
        record(plan)


def test_recording_what_was_restored_changes_nothing(plan, made, added):
    restore(plan)
    text = PATH.read_text()
    assert record(plan) == read_made(PATH)
    assert PATH.read_text() == text
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
    job = made.jobs[1].model_copy(update={"outputs": [WEIGHTS, provenance]})
    digests = made.digests | {provenance: made.digests[TABLE]}
    dates = made.dates | {provenance: 1.0}
    write_made(made.model_copy(update={"jobs": [made.jobs[0], job], "digests": digests, "dates": dates}), PATH)
    restore(plan)
    with pytest.raises(SharingError, match=WEIGHTS):
        record(plan)


def test_a_record_that_is_no_json_any_more_is_refused(plan, made, added):
    outcome = str(plan.runs["a-1"].outcome)
    write_record(Path(outcome), {"outcome": "finished"})
    job = made.jobs[1].model_copy(update={"outputs": [WEIGHTS, outcome]})
    digests, dates = made.digests | {outcome: file_digest(Path(outcome))}, made.dates | {outcome: 1.0}
    write_made(made.model_copy(update={"jobs": [made.jobs[0], job], "digests": digests, "dates": dates}), PATH)
    restore(plan)
    Path(outcome).write_text("{")
    with pytest.raises(SharingError, match=rf"{outcome}\. Nothing was recorded"):
        record(plan)


def test_jobs_of_other_plans_stay_while_their_files_do(plan, made, added):
    restore(plan)
    other = "results/tiny/metrics/b-2/x-1.json"
    job = made.jobs[1].model_copy(update={"outputs": [other]})
    more = {"jobs": [*made.jobs, job], "digests": made.digests | {other: "0" * 64}, "dates": made.dates | {other: 5.0}}
    write_made(made.model_copy(update=more), PATH)
    Path(other).parent.mkdir(parents=True)
    Path(other).write_text("{}")
    assert job in record(plan).jobs
    Path(other).unlink()
    assert job not in record(plan).jobs


def test_what_was_not_restored_stays_recorded(plan, made, added):
    Notes().write(TABLE, made.jobs[0], made)
    os.utime(TABLE, (made.dates[TABLE], made.dates[TABLE]))
    assert sorted(record(plan).jobs, key=lambda job: job.rule) == sorted(made.jobs, key=lambda job: job.rule)


def test_what_was_not_pulled_stays_recorded(plan, made, added):
    Path(WEIGHTS).unlink()
    restore(plan)
    assert record(plan) == made
    assert added == []


def test_data_outside_the_project_are_refused(plan, made, added):
    job = made.jobs[1].model_copy(update={"inputs": ["/data/scenes.safetensors"]})
    digests = made.digests | {"/data/scenes.safetensors": made.digests[TABLE]}
    write_made(made.model_copy(update={"jobs": [job], "digests": digests}), PATH)
    restore(plan)
    with pytest.raises(SharingError, match="outside the project"):
        record(plan)


def test_only_a_checkout_can_share(plan, made):
    with pytest.raises(SharingError, match="git clone"):
        record(plan)
