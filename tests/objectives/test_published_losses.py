"""SimDINO and DINO losses, compared with values from the public implementations (tests/fixtures)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from bits.objectives.objective import Objective
from tests.objectives.terms import objective_of

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"


def oracle(name: str) -> dict[str, torch.Tensor]:
    with np.load(FIXTURES / name, allow_pickle=False) as arrays:
        return {key: torch.from_numpy(np.asarray(arrays[key])) for key in arrays}


@pytest.mark.parametrize(("key", "rate_rows"), [("expa0", "student"), ("expa1", "mean")])
def test_simdino_loss_terms_and_gradient(key: str, rate_rows: str) -> None:
    o = oracle("simdino_loss.npz")
    student = o["student"].requires_grad_()
    rate = {"weight": 1.0, "eps": 0.05, "rows": rate_rows, "normalise": False}
    loss, terms = objective_of(32, cosine={}, coding_rate=rate)(student.view(6, 16, 32), o["teacher"].view(2, 16, 32))
    (gradient,) = torch.autograd.grad(loss, student)
    torch.testing.assert_close(loss, o[f"loss_{key}"], rtol=0, atol=1e-10)
    torch.testing.assert_close(-terms["cosine"], o[f"similarity_{key}"], rtol=0, atol=1e-10)
    torch.testing.assert_close(-terms["coding_rate"], o[f"rate_{key}"], rtol=0, atol=1e-10)
    torch.testing.assert_close(gradient, o[f"grad_{key}"], rtol=0, atol=1e-10)


def dino_objective(o: dict[str, torch.Tensor]) -> Objective:
    settings = {
        "student_temperature": float(o["student_temp"]),
        "teacher_temperature": float(o["teacher_temp_schedule"][int(o["epoch"])]),
        "centre_momentum": float(o["center_momentum"]),
    }
    objective = objective_of(64, cross_entropy=settings).double()
    objective.cross_entropy.centre.copy_(o["center_before"][0])
    return objective


def test_dino_loss_gradient_and_centre() -> None:
    o = oracle("dino_loss.npz")
    objective, student = dino_objective(o), o["student"].requires_grad_()
    loss, terms = objective(student.view(6, 16, 64), o["teacher"].view(2, 16, 64))
    (gradient,) = torch.autograd.grad(loss, student)
    torch.testing.assert_close(loss, o["loss"], rtol=0, atol=1e-10)
    torch.testing.assert_close(gradient, o["grad"], rtol=0, atol=1e-10)
    torch.testing.assert_close(objective.cross_entropy.centre, o["center_after"][0], rtol=0, atol=1e-12)
    assert set(terms) == {"cross_entropy"}


def test_centre_stays_in_evaluation_mode_and_only_dino_has_one() -> None:
    o = oracle("dino_loss.npz")
    objective = dino_objective(o).eval()
    objective(o["student"].view(6, 16, 64), o["teacher"].view(2, 16, 64))
    assert torch.equal(objective.cross_entropy.centre, o["center_before"][0])
    assert list(objective.state_dict()) == ["cross_entropy.centre"]
    assert not objective_of(64, bce={}, coding_rate={}).state_dict()


def test_dino_is_finite_at_huge_logits() -> None:
    objective = objective_of(8, cross_entropy={})
    student = (1e4 * torch.randn(4, 3, 8)).requires_grad_()
    loss, _ = objective(student, 1e4 * torch.randn(2, 3, 8))
    loss.backward()
    assert loss.isfinite() and student.grad is not None and student.grad.isfinite().all()
