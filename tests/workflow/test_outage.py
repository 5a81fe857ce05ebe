"""The Slurm plugin keeps its jobs while the controller does not answer. Slurm's programs are planted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake_executor_plugin_slurm import Executor

from bits.workflow.outage import keeping, survive_outages

SETTINGS = {"init_seconds_before_status_checks": 10, "status_attempts": 2, "status_command": "squeue"}
CHECK = Executor.check_active_jobs


class Planted(Executor):
    """What check_active_jobs needs of an executor, without a workflow. ended: (id of the job, how)."""

    def __init__(self) -> None:
        self.workflow = SimpleNamespace(
            executor_settings=SimpleNamespace(**SETTINGS, keep_successful_logs=True, requeue=True),
            remote_execution_settings=SimpleNamespace(seconds_between_status_checks=10),
        )
        self.logger, self.run_uuid, self._preemption_warning = logging.getLogger("test"), "this", False
        self.status_rate_limiter = _Unlimited()
        self._status_query_calls = self._status_query_failures = 0
        self._status_query_total_seconds = self._status_query_max_seconds = 0.0
        self._status_query_min_seconds, self._status_query_cycle_rows = None, []
        self._failed_nodes: set[str] = set()
        self._next_seconds_between_status_checks = None
        self.ended: list[tuple[str, str]] = []

    def report_job_success(self, job: Any) -> None:
        self.ended.append((job.external_jobid, "success"))

    def report_job_error(self, job: Any, msg: str | None = None, **others: Any) -> None:
        self.ended.append((job.external_jobid, "error"))


class _Unlimited(nullcontext[None]):
    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *error: object) -> None:
        return None


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """slurm(rows): squeue and scontrol answer; slurm(None): the controller is away, and accounting is off anyway."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    def plant(rows: str | None) -> None:
        away = "echo 'Unable to contact slurm controller' >&2; exit 1"
        answers = {
            "squeue": away if rows is None else f"printf '{rows}'",
            "scontrol": away if rows is None else "echo 'MinJobAge = 300 sec'",
            "sacct": "echo 'Slurm accounting storage is disabled' >&2; exit 1",
        }
        for name, answer in answers.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{answer}\n")
            (tmp_path / name).chmod(0o755)

    return plant


def still_active(check: Callable[..., Any], executor: Planted, jobs: list[Any]) -> list[str]:
    async def ask() -> list[str]:
        return [job.external_jobid async for job in check(executor, jobs)]

    return asyncio.run(ask())


def job(identity: str) -> Any:
    return SimpleNamespace(external_jobid=identity, aux={"slurm_logfile": None})


def test_the_plugin_forgets_jobs_that_it_learns_nothing_of(slurm):
    """When this fails, the plugin was put right: remove bits/workflow/outage.py."""
    slurm(None)
    assert still_active(CHECK, Planted(), [job("1")]) == []


def test_the_plugin_is_told_once(monkeypatch):
    monkeypatch.setattr(Executor, "check_active_jobs", CHECK)
    survive_outages()
    kept = Executor.check_active_jobs
    assert kept is not CHECK
    survive_outages()
    assert Executor.check_active_jobs is kept


def test_jobs_are_kept_through_an_outage_and_end_after_it(slurm):
    check, executor, jobs = keeping(CHECK), Planted(), [job("1"), job("2"), job("3")]
    slurm("1|RUNNING\\n2|RUNNING\\n3|RUNNING\\n")
    assert still_active(check, executor, jobs) == ["1", "2", "3"]
    slurm(None)
    assert still_active(check, executor, jobs) == ["1", "2", "3"]
    assert executor.ended == []
    slurm("1|RUNNING\\n2|COMPLETED\\n3|FAILED\\n")
    assert still_active(check, executor, jobs) == ["1"]
    assert executor.ended == [("2", "success"), ("3", "error")]
