"""Terms declare themselves, can be planned without torch, and do not affect runs that don't use them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from bits.config.kinds import KindError, declarations
from bits.config.objective import TERMS, Objective
from bits.objectives.channel import BITS
from bits.objectives.objective import Objective as Loss
from bits.objectives.term import Term, TermSettings
from bits.records.code import ROOT
from tests.objectives.terms import AGREEMENTS, SETTINGS


def test_the_terms_of_the_paper_are_found() -> None:
    assert {*AGREEMENTS, "coding_rate"} <= set(TERMS)
    assert {name for name in AGREEMENTS if TERMS[name].agreement} == set(AGREEMENTS)
    assert {name for name in SETTINGS if TERMS[name].channel is BITS} == {"bce", "code_cosine"}
    assert {name for name in SETTINGS if TERMS[name].couples} == {"coding_rate"}
    assert {name for name in SETTINGS if TERMS[name].state} == {"cross_entropy"}


def test_finding_terms_and_their_settings_imports_no_torch() -> None:
    program = "import sys, bits.config.recipe; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)


def test_a_term_is_named_after_its_file() -> None:
    for name, found in declarations("bits.objectives", "TERM").items():
        assert found.file.stem == name


def test_a_term_that_is_null_or_weighs_nothing_is_in_no_dump() -> None:
    bits: dict[str, Any] = {"bce": SETTINGS["bce"], "coding_rate": SETTINGS["coding_rate"]}
    whole = Objective(**bits, cosine=None)
    assert whole.model_dump(mode="json") == bits
    assert list(whole.settings()) == ["bce", "coding_rate"]
    assert whole.couples
    alone = Objective(bce=SETTINGS["bce"], coding_rate={**SETTINGS["coding_rate"], "weight": 0.0})
    assert alone == Objective(bce=SETTINGS["bce"])
    assert not alone.couples


def test_an_objective_compares_student_and_teacher() -> None:
    with pytest.raises(ValidationError, match=r"give one of bce, code_cosine, cosine, cross_entropy.* a weight"):
        Objective(coding_rate=SETTINGS["coding_rate"])


def value(*arguments: Any) -> torch.Tensor:
    raise AssertionError("never called")


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Term(name="Big-Term", settings=TermSettings, value=value), "expected lower-case letters"),
        (lambda: Term(name="x", settings=TermSettings, value=value, rows=value), "has rows, but only"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused(make: Callable[[], Term], match: str) -> None:
    with pytest.raises(KindError, match=match):
        make()


def test_the_loss_of_three_terms_is_their_weighted_sum() -> None:
    """Of the terms, two couple samples, and one of these compares student and teacher."""

    def spread(rows_GND: torch.Tensor, settings: Any) -> torch.Tensor:
        return -rows_GND.std(dim=1).mean()

    def both(student_GND: torch.Tensor, teacher_GND: torch.Tensor, settings: Any) -> torch.Tensor:
        return torch.cat([student_GND, teacher_GND])

    def correlation(rows: torch.Tensor, settings: Any) -> torch.Tensor:
        student, teacher = (rows - rows.mean(dim=1, keepdim=True)).chunk(2)
        return -(student * teacher).mean()

    plain = TermSettings(weight=0.5)
    terms = [
        (TERMS["cosine"], TermSettings(weight=2.0)),
        (Term(name="spread", settings=TermSettings, value=spread, couples=True), plain),
        (Term(name="agrees", settings=TermSettings, value=correlation, couples=True, rows=both, agreement=True), plain),
    ]
    generator = torch.Generator().manual_seed(0)
    student = torch.randn(3, 8, 4, generator=generator, dtype=torch.float64)
    teacher = torch.randn(2, 8, 4, generator=generator, dtype=torch.float64)
    loss, values = Loss(terms, 4)(student, teacher)
    cosine, _ = Loss(terms[:1], 4)(student, teacher)
    ours, theirs = student[:2] - student[:2].mean(1, keepdim=True), teacher - teacher.mean(1, keepdim=True)
    expected = cosine - 0.5 * student[:2].std(dim=1).mean() - 0.5 * (ours * theirs).mean()
    torch.testing.assert_close(loss, expected)
    assert list(values) == ["cosine", "spread", "agrees"]
    assert Loss(terms[1:], 4)(student, teacher)[0] < 0, "an agreement may couple samples"
