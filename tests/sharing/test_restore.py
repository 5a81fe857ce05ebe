"""What restore dates and notes: files of the plan that are what was recorded, and no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bits.records.digests import file_digest
from bits.sharing import restore
from bits.sharing.made import read_made, write_made
from bits.sharing.metadata import Notes

from .conftest import CONFIG, TABLE, WEIGHTS, overwrite

PATH = Path("results/tiny/made.json")


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
    assert notes.jobs([TABLE, WEIGHTS]) == made.jobs
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
    mine = made.jobs[1].model_copy(update={"params": ["'code:2'"]})
    Notes().write(WEIGHTS, mine, made)
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
    job = made.jobs[1].model_copy(update={"outputs": ["../outside.txt", str(outside), CONFIG]})
    more = dict.fromkeys(job.outputs, made.digests[WEIGHTS])
    more |= {name: file_digest(outside) for name in job.outputs[:2]}
    write_made(
        made.model_copy(
            update={"jobs": [job], "digests": {**made.digests, **more}, "dates": dict.fromkeys(job.outputs, 1.0)}
        ),
        PATH,
    )
    assert read_made(PATH).jobs[0].outputs == job.outputs
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
