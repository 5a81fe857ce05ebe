"""A plan of one run in an empty folder, which is entered, with files as its jobs left them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bits.plan import Plan
from bits.records.digests import file_digest
from bits.sharing.made import JobRecord, Made, digests_of, write_made
from bits.sharing.metadata import FORMAT

from .plans import plan_of, planned_run

CONFIG = "results/tiny/runs/a-1/config.yaml"
WEIGHTS = "results/tiny/runs/a-1/teacher.safetensors"
TABLE = "reports/tiny/exhibits/table-1.csv"


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.chdir(tmp_path)
    return plan_of("tiny", planned_run("tiny", "a", "a-1"), needs={"table-1": []}, formats={"table-1": ("csv",)})


@pytest.fixture
def made(plan: Plan) -> Made:
    """made.json of a training and of a table that was made later; all files are there, with new dates."""
    for name in (CONFIG, WEIGHTS, TABLE):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)
    jobs = [
        JobRecord(rule="table-1", command="render", params=[], inputs=[WEIGHTS], outputs=[TABLE]),
        JobRecord(rule="pretrain", command="train {input}", params=["'code:1'"], inputs=[CONFIG], outputs=[WEIGHTS]),
    ]
    dates = {WEIGHTS: 1_700_000_000.25, TABLE: 1_700_000_060.5}
    content = Made(metadata_format=FORMAT, jobs=jobs, digests=digests_of((CONFIG, WEIGHTS, TABLE)), dates=dates)
    write_made(content, Path("results/tiny/made.json"))
    return content


def overwrite(name: str, text: str) -> float:
    """Change a file without changing its date, which is returned."""
    path = Path(name)
    date, before = path.stat().st_mtime, file_digest(path)
    path.write_text(text)
    os.utime(path, (date, date))
    assert file_digest(path) != before
    return path.stat().st_mtime
