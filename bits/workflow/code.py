"""Digests of the code that determines what each kind of job makes: of all that its command imports.

Kinds that declare themselves (terms of an objective, ...) are not imported by name: a job's digest covers those that
it uses, so that another kind's file makes nothing stale.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from bits.config.kinds import files as kind_files
from bits.records.code import ROOT, code_digest, imported_files
from bits.reporting.files import ReportError
from bits.reporting.renderers.base import files_of

# Whose changes show in what a job is given (plan, digests, frozen files), or that name and check what others compute.
ELSEWHERE = (
    *("bits/__init__.py", "bits/errors.py", "bits/commands/__init__.py", "bits/commands/guard.py"),
    *("bits/records/", "bits/config/", "bits/plan/"),
)
STARTS = {"train": "bits/runs/train.py", "evaluate": "bits/commands/evaluate.py", "report": "bits/commands/render.py"}


@cache  # asked once a rule, and there is a rule an exhibit
def code_state_of(part: str, files: tuple[Path, ...] = ()) -> str:
    """code:<part>:<digest> of the code that determines a rule's output; comments and docstrings do not count.

    part: train, evaluate or report. files: of the kinds that the job uses, which nothing imports by name, as those of
    an exhibit's kind; with all that they import.
    """
    outside = ELSEWHERE if part == "report" else (*ELSEWHERE, "bits/exhibits/")
    code = [file for file in files if file.suffix == ".py"]
    found = imported_files([ROOT / STARTS[part], *code], outside)
    return f"code:{part}:{code_digest([*found, *(file for file in files if file not in code)])[:16]}"


def code_of_exhibit(exhibit: str, kind: str) -> str:
    """code_state_of what renders an exhibit; exits with the message alone for a kind that nothing renders."""
    try:
        return code_state_of("report", files_of(kind, exhibit))
    except ReportError as error:
        raise SystemExit(f"{type(error).__name__}: {error}") from None


def files_of_terms(names: Iterable[str]) -> tuple[Path, ...]:
    """The files of the terms of an objective, by their names."""
    return kind_files("bits.objectives", "TERM", names)
