"""made.json: the same text for the same content, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bits.sharing.errors import SharingError
from bits.sharing.made import Made, read_made, write_made

PATH = Path("results/tiny/made.json")


def test_it_is_read_as_written_and_written_once(made):
    assert read_made(PATH) == made
    text, date = PATH.read_text(), PATH.stat().st_mtime_ns
    shuffled = Made(**{**made.model_dump(), "jobs": made.jobs[::-1], "digests": dict(reversed(made.digests.items()))})
    write_made(shuffled, PATH)
    assert (PATH.read_text(), PATH.stat().st_mtime_ns) == (text, date)
    assert json.loads(text)["format"] == 1
    assert sum("reports/tiny/exhibits/table-1.csv" in line for line in text.splitlines()) == 3  # job, digest, date


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"format": 1', '"format": 2', "format"),
        ('"rule": "pretrain", ', "", r"jobs\.1\.rule"),
        ('"train {input}"', '"train", "shell": "rm"', "shell"),
        ("1700000060.5", "-1", "dates"),
        ("1700000060.5", "1e300", "dates"),
        ('"reports/tiny/exhibits/table-1.csv": 17', '"x": 17', "no digest or date"),
        ("{", "", "JSON"),
    ],
)
def test_what_is_damaged_is_refused_with_what_to_do(made, old, new, expected):
    text = PATH.read_text()
    assert old in text
    PATH.write_text(text.replace(old, new, 1))
    with pytest.raises(SharingError, match=rf"results/tiny/made\.json: .*{expected}.*\n?.*git checkout"):
        read_made(PATH)


def test_a_scale_that_nobody_shared_is_named(plan):
    with pytest.raises(SharingError, match=r"results/tiny/made\.json: cannot be read .*git pull"):
        read_made(PATH)
