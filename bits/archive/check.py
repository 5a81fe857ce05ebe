"""Whether what would be archived is what the pipeline made of the plan: the check that recording uses, and more.

Recording has rules' inputs and outputs to compare. An archive also holds what no rule reads or writes: the frozen
configurations, whose content follows from the plan, and the training logs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from bits.archive.errors import ArchiveError
from bits.data.layout import some
from bits.plan.files import frozen_evaluation
from bits.plan.imports import frozen_import
from bits.plan.model import TRAINING, Plan, Run
from bits.plan.runs import frozen_run
from bits.records.seal import RecordError, owner, read_record
from bits.sharing.changed import changed_files
from bits.sharing.files import outputs
from bits.sharing.made import Made, digests_of, is_recorded, read_made
from bits.sharing.metadata import Notes

MOST_SHOWN = 8  # files that an error names


def refuse_changed(plan: Plan) -> None:
    """Raise ArchiveError for files that are not what the plan's jobs made; those that are not there are fine."""
    wrong = sorted({*_outputs(plan), *map(str, _records(plan)), *map(str, _frozen(plan)), *map(str, _logs(plan))})
    if wrong:
        raise ArchiveError(
            f"not what the pipeline made of this set-up, or changed since: {some(wrong, MOST_SHOWN)}. "
            "Nothing was archived. Delete these files, then run snakemake, or restore them (git checkout HEAD -- FILE; "
            "what DVC keeps: dvc checkout FILE)."
        )


def _outputs(plan: Plan) -> Iterator[str]:
    """Outputs of jobs, and inputs that have changed since."""
    notes = Notes()
    jobs = notes.jobs(outputs(plan))
    before = read_made(plan.folder) if is_recorded(plan.folder) else Made()
    digests = digests_of(sorted({name for job in jobs for name in job.files}))
    yield from changed_files(digests, jobs, before, notes)


def _records(plan: Plan) -> Iterator[Path]:
    """Records that were changed, and those of another run or reference than their folder."""
    for identity, files in plan.metrics.items():
        records = [path for role, path in files.items() if role != TRAINING]
        if identity in plan.runs:
            run = plan.runs[identity]
            records += [run.outcome, run.curve, run.provenance, run.failure]
        if identity in plan.imports:
            records.append(plan.imports[identity].provenance)
        for path in filter(Path.is_file, records):
            try:
                if owner(read_record(path, "a record of the pipeline")) != identity:
                    yield path
            except RecordError:
                yield path


def _frozen(plan: Plan) -> Iterator[Path]:
    """Frozen configurations of runs, imports and evaluations that say something else than the plan."""
    expected: dict[Path, Any] = {run.config: frozen_run(run.name, run.role, run.recipe) for run in plan.runs.values()}
    expected |= {one.config: frozen_import(one) for one in plan.imports.values()}
    expected |= {plan.evaluation_file(name): frozen_evaluation(one) for name, one in plan.evaluations.items()}
    for path, content in expected.items():
        if path.is_file() and _yaml(path) != content:
            yield path


def _yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (ValueError, yaml.YAMLError):
        return None


def _logs(plan: Plan) -> Iterator[Path]:
    """Training logs that were written to after their run had ended, and that are not what DVC keeps of them."""
    for run in plan.runs.values():
        if run.log.is_file() and run.outcome.is_file() and not (_is_kept(run.log) or _ended_before(run)):
            yield run.log


def _ended_before(run: Run) -> bool:
    """Whether the log was written before the outcome, the last file of a training."""
    return run.log.stat().st_mtime <= run.outcome.stat().st_mtime


def _is_kept(path: Path) -> bool:
    """Whether a file is the one that its .dvc file stands for."""
    pointer = path.with_name(f"{path.name}.dvc")
    if not pointer.is_file():
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest() in pointer.read_text(encoding="utf-8")
