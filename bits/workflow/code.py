"""Digests of the code that determines what each kind of job makes: of all that its command imports."""

from __future__ import annotations

from functools import cache

from bits.records.code import ROOT, code_digest, imported_files

# Whose changes show in what a job is given (plan, digests, frozen files), or that name and check what others compute.
ELSEWHERE = (
    *("bits/__init__.py", "bits/errors.py", "bits/commands/__init__.py", "bits/commands/guard.py"),
    *("bits/records/", "bits/config/", "bits/plan/"),
)
STARTS = {"train": "bits/runs/train.py", "evaluate": "bits/commands/evaluate.py", "report": "bits/commands/render.py"}
DRAWING = "bits/reporting/figures.py"


@cache  # asked once a rule, and there is a rule an exhibit
def code_state_of(part: str) -> str:
    """code:<part>:<digest> of the code that determines a rule's output; comments and docstrings do not count.

    part: train, evaluate, report, or figures, which is report and how figures are drawn.
    """
    start, without = STARTS.get(part, STARTS["report"]), () if part == "figures" else (DRAWING,)
    outside = ELSEWHERE if part in ("figures", "report") else (*ELSEWHERE, "bits/exhibits/")
    files = imported_files([ROOT / start], (*outside, *without))
    return f"code:{part}:{code_digest(files)[:16]}"
