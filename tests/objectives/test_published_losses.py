"""SimDINO and DINO losses against numbers of the public implementations (tests/fixtures)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from bits.objectives.objective import Objective, ObjectiveSettings

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"


def oracle(name: str) -> dict[str, torch.Tensor]:
    with np.load(FIXTURES / name, allow_pickle=False) as arrays:
        return {key: torch.from_numpy(np.asarray(arrays[key])) for key in arrays}


@pytest.mark.parametrize(("key", "rate_rows"), [("expa0", "student"), ("expa1", "mean")])
def test_simdino_loss_terms_and_gradient(key: str, rate_rows: str) -> None:
    o = oracle("simdino_loss.npz")
    student = o["student"].requires_grad_()
    settings = ObjectiveSettings(agreement="cosine", rate_weight=1.0, rate_eps=0.05, rate_rows=rate_rows)
    loss, terms = Objective(settings, 32)(student.view(6, 16, 32), o["teacher"].view(2, 16, 32))
    (gradient,) = torch.autograd.grad(loss, student)
    torch.testing.assert_close(loss, o[f"loss_{key}"], rtol=0, atol=1e-10)
    torch.testing.assert_close(-terms["agreement"], o[f"similarity_{key}"], rtol=0, atol=1e-10)
    torch.testing.assert_close(terms["rate"], o[f"rate_{key}"], rtol=0, atol=1e-10)
    torch.testing.assert_close(gradient, o[f"grad_{key}"], rtol=0, atol=1e-10)


def dino_objective(o: dict[str, torch.Tensor]) -> Objective:
    settings = ObjectiveSettings(
        agreement="cross-entropy",
        rate_weight=0.0,
        student_temperature=float(o["student_temp"]),
        teacher_temperature=float(o["teacher_temp_schedule"][int(o["epoch"])]),
        centre_momentum=float(o["center_momentum"]),
    )
    objective = Objective(settings, 64).double()
    objective.centre.copy_(o["center_before"][0])
    return objective


def test_dino_loss_gradient_and_centre() -> None:
    o = oracle("dino_loss.npz")
    objective, student = dino_objective(o), o["student"].requires_grad_()
    loss, terms = objective(student.view(6, 16, 64), o["teacher"].view(2, 16, 64))
    (gradient,) = torch.autograd.grad(loss, student)
    torch.testing.assert_close(loss, o["loss"], rtol=0, atol=1e-10)
    torch.testing.assert_close(gradient, o["grad"], rtol=0, atol=1e-10)
    torch.testing.assert_close(objective.centre, o["center_after"][0], rtol=0, atol=1e-12)
    assert set(terms) == {"agreement"}


def test_centre_stays_in_evaluation_mode_and_only_dino_has_one() -> None:
    o = oracle("dino_loss.npz")
    objective = dino_objective(o).eval()
    objective(o["student"].view(6, 16, 64), o["teacher"].view(2, 16, 64))
    assert torch.equal(objective.centre, o["center_before"][0])
    assert list(objective.state_dict()) == ["centre"]
    assert not Objective(ObjectiveSettings(agreement="bce", rate_weight=0.1), 64).state_dict()


def test_dino_is_finite_at_huge_logits() -> None:
    objective = Objective(ObjectiveSettings(agreement="cross-entropy", rate_weight=0.0), 8)
    student = (1e4 * torch.randn(4, 3, 8)).requires_grad_()
    loss, _ = objective(student, 1e4 * torch.randn(2, 3, 8))
    loss.backward()
    assert loss.isfinite() and student.grad is not None and student.grad.isfinite().all()
