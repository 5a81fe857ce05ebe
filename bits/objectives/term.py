"""What a term of an objective declares: one file each, found by its `TERM = Term(...)`. Never imports torch.

The loss is L = sum over terms of weight * value. A term that is to be maximised returns minus it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from bits.config.kinds import KindError
from bits.config.section import Section

if TYPE_CHECKING:
    from torch import Tensor

NAME = re.compile(r"[a-z][a-z0-9_]*")  # a key of the configuration, and part of the names of saved tensors


class TermSettings(Section):
    """Base of the settings of a term. Defaults live in config/, not here."""

    weight: float = Field(ge=0)  # of the term in the loss; 0 leaves the term out, as null does


@dataclass(frozen=True)
class State:
    """Tensors that a term carries from step to step, such as DINO's centre. They move once a step, after the loss.

    start(dimension) -> the tensors by name, float32, for outputs of that dimension.
    statistic(teacher_GND, settings) -> a sum over samples, any shape: it is added up over the global batch.
    moved(mean, settings, **state) -> the tensors of the next step. mean: the statistic divided by the samples of the
    global batch.
    """

    start: Callable[[int], dict[str, Tensor]]
    statistic: Callable[[Tensor, Any], Tensor]
    moved: Callable[..., dict[str, Tensor]]


def student_rows(student_GND: Tensor, teacher_GND: Tensor, settings: Any) -> Tensor:
    """The student's outputs for the global views, as they are."""
    return student_GND


@dataclass(frozen=True, kw_only=True)
class Term:
    """A term of an objective, named as its section below `objective` in the configuration.

    V views of N samples go to the student, the first G of them, the global ones, also to the teacher. All tensors
    that a function is given are float32 or wider and outside of autocast; the teacher's have no gradient. `settings`
    is the value of the configuration, and a `state` is passed to `value` by name.

    couples: whether the value of a batch is other than the mean of its samples' values.
    value: a scalar. Of a term that does not couple samples, value(student_VND, teacher_GND, settings), a mean over
        samples. Of one that does, value(rows_GND, settings), taken once of the rows of the global batch, in sample
        order, whatever the batch is divided into.
    rows: of a term that couples samples, rows(student_GND, teacher_GND, settings) -> [g, N, d]: what of each sample
        goes into the value, for the global views; each row from its own sample alone.
    agreement: whether the term compares student and teacher. Every objective has one that does.
    sends_code: whether the teacher's message is a code of bits, so that a constant code is worth a warning.
    """

    name: str
    settings: type[TermSettings]
    value: Callable[..., Tensor]
    couples: bool = False
    rows: Callable[[Tensor, Tensor, Any], Tensor] = student_rows
    agreement: bool = False
    sends_code: bool = False
    state: State | None = None

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise KindError(f"TERM {self.name!r}: expected a name of small letters, digits and underscores, as in bce.")
        if self.rows is not student_rows and not self.couples:
            raise KindError(f"TERM {self.name!r} has rows, which only a term that couples samples is taken of.")
