"""A batch in parts: means add up, and the gradient of terms that couple samples reaches every part's rows."""

from __future__ import annotations

import pytest
import torch

from tests.objectives.terms import AGREEMENTS, objective_of

SLICES = (slice(0, 3), slice(3, 8), slice(8, 12))


@pytest.mark.parametrize("agreement", AGREEMENTS)
@pytest.mark.parametrize("rate_rows", ["student", "mean"])
@pytest.mark.parametrize("virtual_ranks", [1, 4])
def test_parts_have_the_loss_and_gradient_of_the_whole(agreement: str, rate_rows: str, virtual_ranks: int) -> None:
    generator = torch.Generator().manual_seed(0)
    student = torch.randn(4, 12, 5, generator=generator, dtype=torch.float64).requires_grad_()
    teacher = torch.randn(2, 12, 5, generator=generator, dtype=torch.float64)
    coding_rate = {"weight": 0.3, "rows": rate_rows, "virtual_ranks": virtual_ranks, "normalise": agreement != "cosine"}
    objective = objective_of(5, **{agreement: {"weight": 2.0}}, coding_rate=coding_rate).double().eval()
    whole, terms = objective(student, teacher)
    (expected,) = torch.autograd.grad(whole, student)

    parts = [objective.rows(student[:2, s], teacher[:, s])["coding_rate"] for s in SLICES]
    leaf = torch.cat(parts, dim=1).detach().requires_grad_()
    rate = objective.coupled({"coding_rate": leaf})["coding_rate"]
    (slope,) = torch.autograd.grad(rate, leaf)
    total = torch.zeros((), dtype=torch.float64)
    for part in SLICES:
        share = (part.stop - part.start) / 12
        found = share * objective.means(student[:, part], teacher[:, part])[agreement]
        rows = objective.rows(student[:2, part], teacher[:, part])["coding_rate"]
        (2 * found + 0.3 * (rows * slope[:, part]).sum()).backward()
        total += found.detach()
    torch.testing.assert_close(total, terms[agreement], rtol=0, atol=1e-12)
    torch.testing.assert_close(rate.detach(), terms["coding_rate"], rtol=0, atol=1e-12)
    torch.testing.assert_close(student.grad, expected, rtol=0, atol=1e-12)


def test_the_centre_moves_by_the_mean_that_it_is_told() -> None:
    by_batch, by_mean = (objective_of(3, cross_entropy={"centre_momentum": 0.75}) for _ in range(2))
    teacher = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0))
    by_batch(torch.zeros(4, 6, 3), teacher)
    by_mean.move({"cross_entropy": teacher.sum((0, 1)) / 12})
    torch.testing.assert_close(by_mean.cross_entropy.centre, by_batch.cross_entropy.centre)
    assert float(by_mean.cross_entropy.centre.abs().min()) > 0
    assert not by_mean.couples


def test_statistics_of_parts_add_up() -> None:
    objective = objective_of(3, cross_entropy={})
    teacher = torch.randn(2, 12, 3, generator=torch.Generator().manual_seed(0))
    parts = [objective.statistics(teacher[:, part])["cross_entropy"] for part in SLICES]
    torch.testing.assert_close(torch.stack(parts).sum(0) / 12, teacher.mean((0, 1)))
