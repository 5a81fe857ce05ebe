"""Digests of the code that determines what each kind of job makes: of all that its command imports.

Kinds that declare themselves (terms of an objective, ...) are not imported by name: a job's digest covers those that
it uses, so that another kind's file makes nothing stale.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from bits.config.kinds import files
from bits.records.code import ROOT, code_digest, imported_files

# Whose changes show in what a job is given (plan, digests, frozen files), or that name and check what others compute.
ELSEWHERE = (
    *("bits/__init__.py", "bits/errors.py", "bits/commands/__init__.py", "bits/commands/guard.py"),
    *("bits/records/", "bits/config/", "bits/plan/"),
)
STARTS = {"train": "bits/runs/train.py", "evaluate": "bits/commands/evaluate.py", "report": "bits/commands/render.py"}
DRAWING = "bits/reporting/figures.py"


@cache  # asked once a rule, and there is a rule an exhibit
def code_state_of(part: str, kinds: tuple[Path, ...] = ()) -> str:
    """code:<part>:<digest> of the code that determines a rule's output; comments and docstrings do not count.

    part: train, evaluate, report, or figures, which is report and how figures are drawn. kinds: files of the kinds
    that the job uses.
    """
    start, without = STARTS.get(part, STARTS["report"]), () if part == "figures" else (DRAWING,)
    outside = ELSEWHERE if part in ("figures", "report") else (*ELSEWHERE, "bits/exhibits/")
    covered = imported_files([ROOT / start, *kinds], (*outside, *without))
    return f"code:{part}:{code_digest(covered)[:16]}"


def files_of_terms(names: Iterable[str]) -> tuple[Path, ...]:
    """The files of the terms of an objective, by their names."""
    return files("bits.objectives", "TERM", names)
