"""A Slurm controller that does not answer for a while: Snakemake must not forget its jobs.

When no query of a round is answered, the Slurm plugin (2.8) returns none of the jobs that it was asked about, neither
as running nor as ended, and Snakemake then waits for ever for jobs that nobody asks about again. (While the controller
is away the plugin does not learn MinJobAge either, and asks sacct instead of squeue; where accounting is off, that
never answers.)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Check = Callable[[Any, Sequence[Any]], AsyncIterator[Any]]
REPORTS = ("report_job_success", "report_job_error")


def survive_outages() -> None:
    """Let the Slurm plugin keep jobs of which it learns nothing, and ask about them again in the next round."""
    from snakemake_executor_plugin_slurm import Executor  # type: ignore[import-untyped]

    if not hasattr(Executor.check_active_jobs, "keeps_jobs"):
        Executor.check_active_jobs = keeping(Executor.check_active_jobs)


def keeping(check: Check) -> Check:
    """`check`, an executor's check_active_jobs, which also yields the jobs of which it says nothing at all."""

    async def checked(executor: Any, active_jobs: Sequence[Any]) -> AsyncIterator[Any]:
        told: set[int] = set()
        with _noting(executor, told):
            async for job in check(executor, active_jobs):
                told.add(id(job))
                yield job
        for job in active_jobs:
            if id(job) not in told:
                yield job

    checked.keeps_jobs = True  # type: ignore[attr-defined]
    return checked


@contextmanager
def _noting(executor: Any, told: set[int]) -> Iterator[None]:
    """While inside, the jobs that the executor reports as ended are noted in `told`, by id()."""

    def noted(report: Callable[..., None]) -> Callable[..., None]:
        def reporting(job: Any, *words: Any, **named: Any) -> None:
            told.add(id(job))
            report(job, *words, **named)

        return reporting

    for name in REPORTS:
        setattr(executor, name, noted(getattr(executor, name)))
    try:
        yield
    finally:
        for name in REPORTS:
            delattr(executor, name)
