"""The BITS objective, compared with loops over (teacher view, student view, sample, bit)."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch import Tensor

from bits.config.objective import TERMS
from bits.objectives.coding_rate import coding_rate
from bits.objectives.objective import Objective
from tests.objectives.terms import AGREEMENTS, SETTINGS, objective_of, with_target

Pairing = Callable[[Tensor, Tensor], Tensor]


def logits(views: int, samples: int, bits: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(views, samples, bits, generator=generator, dtype=torch.float64)


def loop_over_pairs(student: Tensor, teacher: Tensor, score: Pairing) -> Tensor:
    """Mean of score(student row, teacher row) over samples and pairs of different views."""
    scores = []
    for i in range(len(teacher)):
        for v in range(len(student)):
            if v == i:
                continue
            scores += [score(student[v, n], teacher[i, n]) for n in range(student.shape[1])]
    return torch.stack(scores).mean()


def bce_row(reduction: str, temperature: float | None) -> Pairing:
    def score(a: Tensor, b: Tensor) -> Tensor:
        total = torch.zeros((), dtype=a.dtype)
        for k in range(len(a)):
            p, q = torch.sigmoid(a[k]), torch.sigmoid(b[k].detach())
            z = float(q > 0.5) if temperature is None else torch.sigmoid(b[k].detach() / temperature)
            total = total - z * torch.log(p) - (1 - z) * torch.log(1 - p)
        return total / len(a) if reduction == "mean" else total

    return score


def code_cosine_row(a: Tensor, b: Tensor) -> Tensor:
    signs = torch.where(b.detach() > 0, 1.0, -1.0).to(a.dtype)
    return 1 - (a * signs).sum() / (a.norm() * signs.norm())


def assert_same(student: Tensor, teacher: Tensor, objective: Objective, expected: Tensor) -> None:
    loss, _ = objective(student, teacher)
    torch.testing.assert_close(loss, expected, rtol=0, atol=1e-10)
    got, want = torch.autograd.grad(loss, student)[0], torch.autograd.grad(expected, student)[0]
    torch.testing.assert_close(got, want, rtol=0, atol=1e-10)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("temperature", [None, 1.0, 0.1])
@pytest.mark.parametrize(("views", "teachers"), [(5, 2), (2, 2), (3, 1), (4, 3), (3, 3)])
def test_bce_equals_the_loop(reduction: str, temperature: float | None, views: int, teachers: int) -> None:
    student, teacher = logits(views, 3, 4).requires_grad_(), logits(teachers, 3, 4, seed=1)
    expected = loop_over_pairs(student, teacher, bce_row(reduction, temperature))
    target = "hard" if temperature is None else "soft"
    settings = {"reduction": reduction, "target": target, "target_temperature": temperature or 1.0}
    assert_same(student, teacher, objective_of(4, bce=settings), expected)


def test_code_cosine_equals_the_loop() -> None:
    student, teacher = logits(5, 3, 4).requires_grad_(), logits(2, 3, 4, seed=1)
    expected = loop_over_pairs(student, teacher, code_cosine_row)
    assert_same(student, teacher, objective_of(4, code_cosine={}), expected)


@pytest.mark.parametrize("agreement", ["bce", "code_cosine"])
@pytest.mark.parametrize("rate_rows", ["student", "mean"])
@pytest.mark.parametrize("centred", [False, True])
def test_whole_loss_is_agreement_minus_weighted_rate(agreement: str, rate_rows: str, centred: bool) -> None:
    student, teacher = logits(4, 6, 5).requires_grad_(), logits(2, 6, 5, seed=1)
    row = bce_row("mean", None) if agreement == "bce" else code_cosine_row
    rates = []
    for view in range(2):
        z = student[view] / student[view].norm(dim=1, keepdim=True)
        if rate_rows == "mean":
            z = (z + teacher[view] / teacher[view].norm(dim=1, keepdim=True)) / 2
        rates.append((5 + 6) / (5 * 6) * coding_rate(z, 0.07, centred))
    expected = 3.0 * loop_over_pairs(student, teacher, row) - 0.1 * (rates[0] + rates[1]) / 2
    rate = {"weight": 0.1, "eps": 0.07, "rows": rate_rows, "centred": centred}
    objective = objective_of(5, **{agreement: {"weight": 3.0}}, coding_rate=rate)
    assert_same(student, teacher, objective, expected)


def test_virtual_ranks_take_each_share_alone_but_divide_by_the_whole_batch() -> None:
    student, teacher = logits(2, 8, 4), logits(2, 8, 4, seed=1)
    objective = objective_of(4, bce={}, coding_rate={"weight": 1.0, "virtual_ranks": 4})
    _, terms = objective(student, teacher)
    unit = torch.nn.functional.normalize(student, dim=-1)
    shares = [coding_rate(unit[v, 2 * r : 2 * r + 2], 0.05, count=8) for v in range(2) for r in range(4)]
    torch.testing.assert_close(-terms["coding_rate"], (4 + 8) / (4 * 8) * torch.stack(shares).mean())
    with pytest.raises(ValueError, match=r"7 rows .* 4 virtual ranks"):
        objective(student[:, :7], teacher[:, :7])


def test_without_gamma_the_rate_stands_alone() -> None:
    student, teacher = logits(4, 6, 5), logits(2, 6, 5, seed=1)
    _, terms = objective_of(5, bce={}, coding_rate={"gamma": False})(student, teacher)
    rates = [coding_rate(torch.nn.functional.normalize(view, dim=-1), 0.05) for view in student[:2]]
    torch.testing.assert_close(-terms["coding_rate"], torch.stack(rates).mean())
    _, scaled = objective_of(5, bce={}, coding_rate={})(student, teacher)
    torch.testing.assert_close(scaled["coding_rate"], (5 + 6) / (5 * 6) * terms["coding_rate"])


@pytest.mark.parametrize(("bits", "ratio"), [(128, 1.5), (256, 2), (512, 3)])
def test_the_literal_equations_are_this_loss_at_a_smaller_beta(bits: int, ratio: float) -> None:
    """Eq. 8-10 for 256 rows: 0.05 instead of 0.1 for 256 bits, but for a common factor (protocol)."""
    student, teacher = logits(3, 256, bits).requires_grad_(), logits(2, 256, bits, seed=1)
    literal, _ = objective_of(bits, bce={"reduction": "sum"}, coding_rate={"weight": 0.1, "gamma": False})(
        student, teacher
    )
    assert_same(student, teacher, objective_of(bits, bce={}, coding_rate={"weight": 0.1 / ratio}), literal / bits)


@pytest.mark.parametrize("agreement", AGREEMENTS)
@pytest.mark.parametrize("rate_rows", ["student", "mean"])
def test_no_gradient_reaches_the_teacher_and_terms_are_detached(agreement: str, rate_rows: str) -> None:
    student, teacher = logits(4, 6, 5).requires_grad_(), logits(2, 6, 5, seed=1).requires_grad_()
    objective = objective_of(5, **{agreement: with_target(agreement, target="soft")}, coding_rate={"rows": rate_rows})
    loss, terms = objective(student, teacher)
    loss.backward()
    assert teacher.grad is None and student.grad is not None
    assert set(terms) == {agreement, "coding_rate"}
    assert not any(term.requires_grad for term in terms.values())
    torch.testing.assert_close(loss.detach(), terms[agreement] + 0.1 * terms["coding_rate"])


@pytest.mark.parametrize("agreement", ["bce", "code_cosine"])
@pytest.mark.parametrize("target", ["hard", "soft"])
def test_finite_where_the_sigmoid_is_saturated_or_logits_are_zero(agreement: str, target: str) -> None:
    objective = objective_of(5, **{agreement: {"target": target, "target_temperature": 0.01}}, coding_rate={})
    for scale in (1e4, -1e4, 0.0):
        student = (scale * torch.ones(4, 6, 5)).requires_grad_()
        loss, _ = objective(student, -scale * torch.ones(2, 6, 5))
        loss.backward()
        assert loss.isfinite() and student.grad is not None and student.grad.isfinite().all()


def test_half_precision_under_autocast_gives_a_float32_loss() -> None:
    student, teacher = logits(4, 6, 5).bfloat16(), logits(2, 6, 5, seed=1).bfloat16()
    objective = objective_of(5, bce={}, coding_rate={})
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, _ = objective(student, teacher)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(objective(student.double(), teacher.double())[0].item(), rel=1e-6)


@hypothesis_settings(max_examples=25, deadline=None)
@given(views=st.integers(2, 5), samples=st.integers(1, 4), bits=st.integers(1, 6), seed=st.integers(0, 99))
def test_bce_at_zero_logits_is_log_2_and_perfect_codes_cost_nothing(
    views: int, samples: int, bits: int, seed: int
) -> None:
    objective = objective_of(bits, bce={})
    teacher = logits(2, samples, bits, seed)
    loss, _ = objective(torch.zeros(views, samples, bits, dtype=torch.float64), teacher)
    assert loss.item() == pytest.approx(math.log(2))
    agreed = teacher[:1].expand(2, -1, -1)
    loss, _ = objective(1e6 * agreed[:1].sign().expand(views, -1, -1), agreed)
    assert loss.item() == 0


def test_refuses_shapes_and_settings_that_make_no_loss() -> None:
    objective = objective_of(4, bce={}, coding_rate={})
    for student, teacher, match in (
        (logits(1, 3, 4), logits(1, 3, 4), "no pair"),
        (logits(2, 3, 4), logits(3, 3, 4), "no pair"),
        (logits(4, 3, 4), logits(2, 2, 4), "expected student"),
        (logits(4, 3, 5), logits(2, 3, 5), "dimension 4"),
        (logits(4, 0, 4), logits(2, 0, 4), "at least one sample"),
    ):
        with pytest.raises(ValueError, match=match):
            objective(student, teacher)
    with pytest.raises(ValueError, match="compares student and teacher"):
        objective_of(4, coding_rate={})
    for name, key, bad in (
        ("bce", "target", "mean"),
        ("bce", "target_temperature", 0.0),
        ("coding_rate", "eps", 0.0),
        ("coding_rate", "virtual_ranks", 0),
        ("coding_rate", "weight", -1.0),
        ("cross_entropy", "teacher_temperature", 0.0),
        ("cross_entropy", "centre_momentum", 1.5),
    ):
        with pytest.raises(ValueError, match=rf"1 validation error for \w+\n{key}\n"):
            TERMS[name].settings(**{**SETTINGS[name], key: bad})
