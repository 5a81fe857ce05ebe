"""A plan of one run in an empty folder, which is entered, with files as its jobs left them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bits.plan import Plan
from bits.records.digests import file_digest
from bits.sharing.made import JobRecord, Made, Recorded, digests_of, write_made
from bits.sharing.metadata import FORMAT

from .plans import plan_of, planned_run

CONFIG = "results/tiny/runs/a-1/config.yaml"
WEIGHTS = "results/tiny/runs/a-1/teacher.safetensors"
STUDY = Path("results/tiny")
TABLE = "reports/tiny/exhibits/table-1.csv"


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.chdir(tmp_path)
    return plan_of("tiny", planned_run("tiny", "a", "a-1"), needs={"table-1": []}, formats={"table-1": ("csv",)})


@pytest.fixture
def made(plan: Plan) -> Made:
    """The records of a training and of a table that was made later; all files are there, with new dates."""
    for name in (CONFIG, WEIGHTS, TABLE):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)
    table = JobRecord(rule="table-1", command="render", params=[], inputs=[WEIGHTS], outputs=[TABLE])
    training = JobRecord(
        rule="pretrain", command="train {input}", params=["'code:1'"], inputs=[CONFIG], outputs=[WEIGHTS]
    )
    content = Made((recorded(training, 1_700_000_000.25), recorded(table, 1_700_000_060.5)))
    write_made(content, STUDY)
    return content


def recorded(job: JobRecord, date: float = 1.0, **digests: str) -> Recorded:
    """A job that ended at this date and whose files, unless digests say otherwise, are those that are here."""
    found = {**dict.fromkeys(job.files, "0" * 64), **digests_of(job.files), **digests}
    dates = dict.fromkeys(job.outputs, date)
    return Recorded(metadata_format=FORMAT, job=job, digests=found, dates=dates)


def with_outputs(one: Recorded, *outputs: str, date: float = 1.0) -> Recorded:
    """The same job with other outputs."""
    return recorded(one.job.model_copy(update={"outputs": list(outputs)}), date)


def overwrite(name: str, text: str) -> float:
    """Change a file without changing its date, which is returned."""
    path = Path(name)
    date, before = path.stat().st_mtime, file_digest(path)
    path.write_text(text)
    os.utime(path, (date, date))
    assert file_digest(path) != before
    return path.stat().st_mtime
