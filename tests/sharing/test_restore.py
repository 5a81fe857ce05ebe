"""What restore dates and notes: files of the plan that are what was recorded, and no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bits.sharing import restore
from bits.sharing.made import Made, read_made, write_made
from bits.sharing.metadata import Notes

from .conftest import CONFIG, STUDY, TABLE, WEIGHTS, overwrite, recorded, with_outputs


def date(name: str) -> float:
    return Path(name).stat().st_mtime


def test_files_that_are_as_recorded_get_their_dates_and_notes(plan, made):
    found = restore(plan)
    assert found.same == (TABLE, WEIGHTS)
    assert found.other == found.absent == ()
    assert (date(WEIGHTS), date(TABLE)) == (made.dates[WEIGHTS], made.dates[TABLE])
    assert date(CONFIG) > made.dates[TABLE]  # an input alone keeps its date; its digest is in the note
    notes = Notes()
    assert notes.used(WEIGHTS) == {CONFIG: made.digests[CONFIG]}
    assert notes.jobs([WEIGHTS, TABLE]) == made.jobs
    assert restore(plan) == found


@pytest.mark.parametrize("backdated", [False, True])
def test_another_content_keeps_its_date_but_gets_a_note(plan, made, backdated):
    if backdated:
        restore(plan)
        kept = overwrite(WEIGHTS, "other")
    else:
        Path(WEIGHTS).write_text("other")
        kept = date(WEIGHTS)
    assert restore(plan).other == (WEIGHTS,)
    assert date(WEIGHTS) == kept
    assert Notes().known(WEIGHTS)


def test_the_note_of_what_was_made_here_is_kept(plan, made):
    mine = made.jobs[0].model_copy(update={"params": ["'code:2'"]})
    Notes().write(WEIGHTS, recorded(mine))
    Path(WEIGHTS).write_text("made here by other code")
    restore(plan)
    assert Notes().jobs([WEIGHTS]) == [mine]


def test_absent_files_are_noted_so_that_what_was_made_from_them_stands(plan, made):
    Path(WEIGHTS).unlink()
    assert restore(plan).absent == (WEIGHTS,)
    assert Notes().known(WEIGHTS)


def test_paths_outside_the_plan_are_never_touched(plan, made, tmp_path):
    outside = tmp_path.parent / "outside.txt"
    outside.write_text("mine")
    before = date(str(outside))
    outside_it = with_outputs(made.recorded[0], "../outside.txt", str(outside), CONFIG)
    write_made(Made((outside_it,)), STUDY)
    assert read_made(STUDY).jobs[0].outputs == outside_it.job.outputs
    found = restore(plan)
    assert found.same == found.other == found.absent == ()
    assert date(str(outside)) == before


def test_notes_hold_nothing_of_a_machine(plan, made):
    restore(plan)
    for path in Path(".snakemake/metadata").rglob("*"):
        if path.is_file():
            note = json.loads(path.read_text())
            assert note["shellcmd"] is None
            assert str(Path.cwd()) not in path.read_text()


def test_what_was_made_from_other_weights_than_are_here_is_noted_so(plan, made):
    """As after a merge of two people's results: the table of one, the weights of the other."""
    training, _ = made.recorded
    Path(WEIGHTS).write_text("of somebody else")
    theirs = recorded(training.job, 1_700_000_090.0)
    write_made(Made((theirs, made.by_output[TABLE])), STUDY)
    assert set(restore(plan).same) == {TABLE, WEIGHTS}
    assert Notes().used(TABLE) == {WEIGHTS: made.digests[WEIGHTS]}
    assert made.digests[WEIGHTS] != theirs.digests[WEIGHTS]
