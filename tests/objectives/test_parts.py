"""A batch in parts: agreements add up, and the rate's gradient reaches every part through its rows."""

from __future__ import annotations

import pytest
import torch

from bits.objectives.objective import Objective, ObjectiveSettings

SLICES = (slice(0, 3), slice(3, 8), slice(8, 12))


@pytest.mark.parametrize("agreement", ["bce", "code-cosine", "cosine", "cross-entropy"])
@pytest.mark.parametrize("rate_rows", ["student", "mean"])
@pytest.mark.parametrize("virtual_ranks", [1, 4])
def test_parts_have_the_loss_and_gradient_of_the_whole(agreement: str, rate_rows: str, virtual_ranks: int) -> None:
    generator = torch.Generator().manual_seed(0)
    student = torch.randn(4, 12, 5, generator=generator, dtype=torch.float64).requires_grad_()
    teacher = torch.randn(2, 12, 5, generator=generator, dtype=torch.float64)
    settings = ObjectiveSettings(
        agreement=agreement, agreement_weight=2.0, rate_weight=0.3, rate_rows=rate_rows, virtual_ranks=virtual_ranks
    )
    objective = Objective(settings, 5).double().eval()
    whole, terms = objective(student, teacher)
    (expected,) = torch.autograd.grad(whole, student)

    leaf = torch.cat([objective.rate_rows(student[:2, s], teacher[:, s]) for s in SLICES], dim=1).detach()
    rate = objective.rate(leaf.requires_grad_())
    (pull,) = torch.autograd.grad(rate, leaf)
    total = torch.zeros((), dtype=torch.float64)
    for part in SLICES:
        share = (part.stop - part.start) / 12
        found = share * objective.agreement(student[:, part], teacher[:, part])
        rows = objective.rate_rows(student[:2, part], teacher[:, part])
        (2 * found - 0.3 * (rows * pull[:, part]).sum()).backward()
        total += found.detach()
    torch.testing.assert_close(total, terms["agreement"], rtol=0, atol=1e-12)
    torch.testing.assert_close(rate.detach(), terms["rate"], rtol=0, atol=1e-12)
    torch.testing.assert_close(student.grad, expected, rtol=0, atol=1e-12)


def test_the_centre_moves_by_the_mean_that_it_is_told() -> None:
    settings = ObjectiveSettings(agreement="cross-entropy", rate_weight=0.0, centre_momentum=0.75)
    by_batch, by_mean = Objective(settings, 3), Objective(settings, 3)
    teacher = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0))
    by_batch(torch.zeros(4, 6, 3), teacher)
    by_mean.move_centre(teacher.sum((0, 1)) / 12)
    torch.testing.assert_close(by_mean.centre, by_batch.centre)
    assert by_mean.has_centre and not by_mean.has_rate
