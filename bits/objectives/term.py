"""How a term of an objective is declared: one file each, found by its `TERM = Term(...)`. Never imports torch.

The loss is L = sum over terms of weight * value. A quantity to be maximised is returned with a minus sign.
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

    from bits.objectives.channel import Channel

NAME = re.compile(r"[a-z][a-z0-9_]*")  # used as a configuration key and in the names of saved tensors


class TermSettings(Section):
    """Base of the settings of a term. Defaults are in config/, not here."""

    weight: float = Field(ge=0)  # factor of the term in the loss; 0, like null, leaves the term out


@dataclass(frozen=True)
class State:
    """Tensors that a term carries from step to step, such as DINO's centre; updated once per step, after the loss.

    start(dimension) -> initial tensors by name, float32, for outputs of that dimension.
    statistic(teacher_GND, settings) -> a sum over samples, of any shape; it is summed over the global batch.
    moved(mean, settings, **state) -> the tensors for the next step. mean: the statistic of the global batch, divided by
    its number of samples.
    """

    start: Callable[[int], dict[str, Tensor]]
    statistic: Callable[[Tensor, Any], Tensor]
    moved: Callable[..., dict[str, Tensor]]


def student_rows(student_GND: Tensor, teacher_GND: Tensor, settings: Any) -> Tensor:
    """The student's outputs for the global views, unchanged."""
    return student_GND


@dataclass(frozen=True, kw_only=True)
class Term:
    """A term of an objective.

    The student sees V views of N samples; the teacher sees the first G, the global ones. All tensors passed to the
    functions are float32 or wider, outside autocast; the teacher's have no gradient. `settings` is the term's section
    of the configuration. The tensors of a `state` are passed to `value` by name.

    name: also the name of the section below `objective` in the configuration.
    couples: whether the value for a batch depends on its samples jointly, rather than being a mean over them.
    value: returns a scalar. For a term that does not couple samples, value(student_VND, teacher_GND, settings) is a
        mean over samples. For one that does, value(rows_GND, settings) is computed once, from the rows of the global
        batch in sample order, however the batch is divided.
    rows: for a term that couples samples, rows(student_GND, teacher_GND, settings) -> [g, N, d] are the input of
        `value`, from the global views; each row may depend only on its own sample.
    agreement: whether the term compares student and teacher. Every objective needs such a term.
    channel: how the teacher's message is measured, of a term whose message can carry something or nothing.

    Raises KindError for an invalid name, and for rows of a term that does not couple samples.
    """

    name: str
    settings: type[TermSettings]
    value: Callable[..., Tensor]
    couples: bool = False
    rows: Callable[[Tensor, Tensor, Any], Tensor] = student_rows
    agreement: bool = False
    channel: Channel | None = None
    state: State | None = None

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise KindError(f"TERM {self.name!r}: expected lower-case letters, digits and underscores, such as bce.")
        if self.rows is not student_rows and not self.couples:
            raise KindError(f"TERM {self.name!r} has rows, but only a term that couples samples uses them.")
