"""The mean over pairs of a teacher view and a different student view.

Every agreement here (log-likelihood, cosine, cross-entropy) is linear in the teacher's message. So the mean over the
teacher views that a student view is paired with equals the agreement with their mean message, and each student view
is scored once instead of once per teacher view.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    PerViewAgreement = Callable[[Tensor, Tensor], Tensor]


def pair_mean(agreement: PerViewAgreement, student_VND: Tensor, message_GND: Tensor) -> Tensor:
    """Mean of `agreement` over all pairs (teacher view i, student view v != i), a scalar or a tensor [...].

    student_VND: V student views, the G global ones first, in the teacher's order. message_GND: the teacher's message
    for each global view. agreement(student [v, N, D], message [v, N, D] or [1, N, D]) returns [v], each view's mean
    over samples, or [v, ...], and must be linear in the message.
    """
    views, teachers = len(student_VND), len(message_GND)
    pairs = pair_count(views, teachers)
    total = student_VND.new_zeros(())
    if teachers > 1:
        from_others = agreement(student_VND[:teachers], mean_of_others(message_GND))
        total = total + (teachers - 1) * from_others.sum(0)
    if views > teachers:
        from_all = agreement(student_VND[teachers:], message_GND.mean(dim=0, keepdim=True))
        total = total + teachers * from_all.sum(0)
    return total / pairs


def pair_count(views: int, teachers: int) -> int:
    """The number of pairs of a teacher view and a different student view: G (V - 1).

    Raises ValueError if there are none, or fewer student than teacher views.
    """
    if not 1 <= teachers <= views or views < 2:
        raise ValueError(f"{views} student and {teachers} teacher views give no pair of different views")
    return teachers * (views - 1)


def mean_of_others(message_GND: Tensor) -> Tensor:
    """[G, N, D]: entry v is the mean of all messages but the v-th. For G = 2, the two are swapped."""
    teachers = len(message_GND)
    if teachers == 2:
        return message_GND.flip(0)
    # Subtracting from the total would leave rounding errors, even negative probabilities.
    rolled = [message_GND.roll(-shift, dims=0) for shift in range(1, teachers)]
    return sum(rolled[1:], start=rolled[0]) / (teachers - 1)
