"""Digests of the code that determines what each kind of job makes: all that it imports, and the kinds that it uses."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from bits.config.kinds import files as declared_in
from bits.config.recipe import Recipe
from bits.data.kind import kind_files
from bits.evaluation.declaration import evaluator_files
from bits.plan.model import Evaluation
from bits.records.code import ROOT, code_digest, imported_files
from bits.reporting.files import ReportError
from bits.reporting.renderers.base import files_of

# Whose changes show in what a job is given (plan, digests, frozen files), or that name and check what others compute.
ELSEWHERE = (
    *("bits/__init__.py", "bits/errors.py", "bits/commands/__init__.py", "bits/commands/guard.py"),
    *("bits/records/", "bits/config/", "bits/plan/"),
    # What is said of data, which changes no number.
    *(f"bits/data/{name}.py" for name in ("file_checks", "image_checks", "inspection", "manifest", "obtain")),
)
STARTS = {"train": "bits/runs/train.py", "evaluate": "bits/runs/evaluate.py", "report": "bits/commands/render.py"}


@cache  # asked once a rule, and there is a rule an exhibit
def code_state_of(part: str, files: tuple[Path, ...] = ()) -> str:
    """code:<part>:<digest> of the code that determines a rule's output; comments and docstrings do not count.

    part: train, evaluate or report. files: of the kinds that the job uses, which nothing imports by name, as an
    exhibit's kind, an evaluator, a kind of data set; with all that they import.
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


def code_of_training(recipe: Recipe) -> str:
    """code_state_of the terms of its objective, on its kind of data set; others may change."""
    terms = declared_in("bits.objectives", "TERM", recipe.objective.model_dump())
    return code_state_of("train", (*terms, *kind_files([recipe.dataset.kind])))


def code_of_evaluation(evaluation: Evaluation) -> str:
    """code_state_of the evaluators that it uses, on its kind of data set; others may change."""
    kinds = kind_files([evaluation.dataset.kind])
    return code_state_of("evaluate", (*evaluator_files(evaluation.settings.evaluators()), *kinds))
