"""made/: a file a job, the same text for the same content, merged by git, and what is damaged is refused."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from bits.records.code import ROOT
from bits.sharing.errors import SharingError
from bits.sharing.made import Made, is_recorded, read_made, write_made

from .conftest import STUDY, TABLE, WEIGHTS, recorded, with_outputs

FORMER = STUDY / "made.json"


def path_of(made: Made, output: str) -> Path:
    return STUDY / "made" / made.by_output[output].file


def git(*words: str, may_fail: bool = False) -> str:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *who, *words], capture_output=True, text=True)
    assert may_fail or done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_it_is_read_as_written_and_written_once(made):
    assert {one.file: one for one in read_made(STUDY).recorded} == {one.file: one for one in made.recorded}
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (STUDY / "made").iterdir()}
    assert len(before) == 2 and all(content.count(b"\n") == 1 for content, _ in before.values())
    write_made(Made(made.recorded[::-1]), STUDY)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (STUDY / "made").iterdir()} == before


def test_a_job_that_ran_again_has_the_same_file(made):
    again = recorded(made.by_output[TABLE].job.model_copy(update={"params": ["'code:2'"]}), 1_800_000_000.0)
    assert again.file == made.by_output[TABLE].file


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"format": 2', '"format": 3', "format"),
        ('"rule": "table-1"', '"ruler": "table-1"', r"job\.rule"),
        ('"command": "render"', '"command": "render", "shell": "rm"', "shell"),
        ("1700000060.5", "-1", "dates"),
        ("1700000060.5", "1e300", "dates"),
        (f'"dates": {{"{TABLE}"', '"dates": {"x"', f"no digest or date of {TABLE}"),
        ("{", "", "JSON"),
    ],
)
def test_what_is_damaged_is_refused_with_what_to_do(made, old, new, expected):
    path = path_of(made, TABLE)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(SharingError, match=rf"{path}: .*{expected}.*\n?.*git checkout HEAD -- {path}"):
        read_made(STUDY)


def test_a_study_that_nobody_shared_is_named(plan):
    with pytest.raises(SharingError, match=r"results/tiny/made: no records .*git pull"):
        read_made(STUDY)


def former(made: Made) -> str:
    """The same in the one file that held everything before."""
    jobs = [job.model_dump() for job in made.jobs]
    digests = {name: digest for one in made.recorded for name, digest in one.digests.items()}
    return json.dumps({"format": 1, "metadata_format": 6, "jobs": jobs, "digests": digests, "dates": made.dates})


def test_the_former_file_is_read_until_the_next_recording(made):
    expected = {one.file: one.job for one in made.recorded}
    FORMER.write_text(former(made))
    path_of(made, TABLE).unlink()
    found = read_made(STUDY)
    assert {one.file: one.job for one in found.recorded} == expected
    write_made(found, STUDY)
    assert not FORMER.exists() and is_recorded(STUDY)
    assert {one.file: one.job for one in read_made(STUDY).recorded} == expected


def test_the_former_file_gives_way_to_what_was_recorded_since(made):
    newer = recorded(made.by_output[WEIGHTS].job.model_copy(update={"params": ["'code:2'"]}))
    FORMER.write_text(former(made))
    write = STUDY / "made" / newer.file
    write.write_text(newer.model_dump_json())
    assert read_made(STUDY).by_output[WEIGHTS] == newer
    FORMER.write_text("{")
    with pytest.raises(SharingError, match=rf"git checkout HEAD -- {FORMER}"):
        read_made(STUDY)


@pytest.fixture
def merging(made) -> tuple[Made, Made]:
    """A repository whose branches main and other both ran the table again, each with a run of its own beside it."""
    git("init", "-q")
    Path(".gitattributes").write_text((ROOT / ".gitattributes").read_text())
    Path("results/.gitignore").write_text("/*\n!/tiny/\n")
    git("add", ".")
    git("commit", "-qm", "base")
    git("branch", "other")
    sides = []
    for date, name in ((1_800_000_000.0, "main"), (1_900_000_000.0, "other")):
        git("checkout", "-q", name)
        own = with_outputs(made.recorded[0], f"results/tiny/runs/{name}-1/teacher.safetensors")
        table = recorded(made.by_output[TABLE].job, date)
        sides.append(Made((made.recorded[0], own, table)))
        write_made(sides[-1], STUDY)
        with Path("results/.gitignore").open("a") as file:
            file.write(f"!/{name}/\n")
        git("add", ".")
        git("commit", "-qm", name)
    git("checkout", "-q", "main")
    return sides[0], sides[1]


def test_a_merge_that_prefers_one_side_keeps_the_jobs_of_the_other(merging):
    ours, theirs = merging
    git("merge", "-q", "-X", "ours", "other", "-m", "both")
    found = {one.file: one for one in read_made(STUDY).recorded}
    assert set(found) == {one.file for one in (*ours.recorded, *theirs.recorded)}
    assert len(found) == 4
    assert found[ours.by_output[TABLE].file] == ours.by_output[TABLE]
    assert set(Path("results/.gitignore").read_text().split()) == {"/*", "!/tiny/", "!/main/", "!/other/"}


def test_the_remedy_works_while_a_merge_waits(merging):
    ours, theirs = merging
    assert "CONFLICT" in git("merge", "other", may_fail=True)
    with pytest.raises(SharingError) as stopped:
        read_made(STUDY)
    git(*str(stopped.value).rpartition("Restore it: git ")[2].split())
    found = {one.file: one for one in read_made(STUDY).recorded}
    assert set(found) == {one.file for one in (*ours.recorded, *theirs.recorded)}
    assert "<<<" not in Path("results/.gitignore").read_text()
