"""The training loss: a weighted sum of terms, for a batch as a whole or in parts (paper Eq. 10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from bits.objectives.channel import BITS
from bits.objectives.term import Term, TermSettings

Parts = Sequence[tuple[Term, TermSettings]]


class Objective(nn.Module):
    """L = sum over terms of weight * value, for heads with `dimension` outputs.

    A term that does not couple samples is a mean over them, so a batch can be processed in parts (`means`). A term that
    does is computed from the rows of the whole batch (`rows`, `coupled`). State is updated once per batch
    (`statistics`, `move`). `forward` does all of this for a batch in one part.

    A term's state is in float32 buffers named <term>.<tensor> (`.double()` widens them). Half precision inputs are
    widened to float32, also under autocast. No gradient reaches the teacher.

    Raises ValueError if dimension < 1 or no term compares student and teacher.
    """

    def __init__(self, terms: Parts, dimension: int) -> None:
        super().__init__()
        if dimension < 1:
            raise ValueError(f"an objective needs a dimension >= 1, got {dimension}")
        if not any(term.agreement for term, _ in terms):
            raise ValueError("an objective needs a term that compares student and teacher")
        self.dimension = dimension
        self.parts = tuple(terms)
        self.weights = {term.name: settings.weight for term, settings in terms}
        self.couples = any(term.couples for term, _ in terms)
        self.sends_code = any(term.channel is BITS for term, _ in terms)
        for term, _ in terms:
            if term.state is not None:
                self.add_module(term.name, _StateOf(term.state.start(dimension)))

    def forward(self, student_VND: Tensor, teacher_GND: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss (scalar) and the detached, unweighted values of its terms, for the whole batch.

        student_VND: the student's head outputs for V views of N samples. teacher_GND: the teacher's, for the G global
        views, which are also the student's first G. In training mode, the terms' state is updated afterwards. Raises
        ValueError if the shapes do not match.
        """
        values = self.means(student_VND, teacher_GND)
        if self.couples:
            values |= self.coupled(self.rows(student_VND[: len(teacher_GND)], teacher_GND))
        if self.training:
            samples = teacher_GND.shape[1]
            self.move({name: total / samples for name, total in self.statistics(teacher_GND).items()})
        return self.total(values), {name: value.detach() for name, value in values.items()}

    def means(self, student_VND: Tensor, teacher_GND: Tensor) -> dict[str, Tensor]:
        """The terms that do not couple samples, for a part of the batch; scalars by name.

        The mean of the parts' values, weighted by their sizes, is the batch's value.
        """
        self._check(student_VND, teacher_GND)
        with torch.autocast(student_VND.device.type, enabled=False):
            student, teacher = _widened(student_VND), _widened(teacher_GND).detach()
            return {
                term.name: term.value(student, teacher, settings, **self._state(term))
                for term, settings in self.parts
                if not term.couples
            }

    def rows(self, student_GND: Tensor, teacher_GND: Tensor) -> dict[str, Tensor]:
        """The input of the terms that couple samples, for a part of the batch; [g, N, d] by name."""
        with torch.autocast(student_GND.device.type, enabled=False):
            student, teacher = _widened(student_GND), _widened(teacher_GND).detach()
            return {term.name: term.rows(student, teacher, settings) for term, settings in self.parts if term.couples}

    def coupled(self, rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The terms that couple samples, scalars by name. rows: of the whole batch, in sample order."""
        return {
            term.name: term.value(rows[term.name], settings, **self._state(term))
            for term, settings in self.parts
            if term.couples
        }

    def total(self, values: Mapping[str, Tensor]) -> Tensor:
        """The loss, given the values of all terms."""
        weighted = [self.weights[name] * values[name] for name in self.weights]
        return sum(weighted[1:], start=weighted[0])

    def statistics(self, teacher_GND: Tensor) -> dict[str, Tensor]:
        """The input of the state updates, for a part of the batch, by name of the term; parts add up."""
        outputs = _widened(teacher_GND).detach()
        return {
            term.name: term.state.statistic(outputs, settings)
            for term, settings in self.parts
            if term.state is not None
        }

    @torch.no_grad()
    def channel_sums(self, student_VND: Tensor, teacher_GND: Tensor) -> dict[tuple[str, str], Tensor]:
        """What the terms' messages are measured by, for a part of the batch: sums over samples that add up."""
        self._check(student_VND, teacher_GND)
        with torch.autocast(student_VND.device.type, enabled=False):
            student, teacher = _widened(student_VND), _widened(teacher_GND)
            return {
                (term.name, name): total
                for term, settings in self.parts
                if term.channel is not None
                for name, total in term.channel.sums(student, teacher, settings, **self._state(term)).items()
            }

    def channel(self, means: Mapping[tuple[str, str], Tensor]) -> dict[str, float]:
        """What the messages carry, by name (see the terms' files). means: the sums, divided by the samples."""
        found: dict[str, float] = {}
        for term, _ in self.parts:
            if term.channel is not None:
                own = {name: mean for (of, name), mean in means.items() if of == term.name}
                found |= term.channel.values(own)
        return found

    @torch.no_grad()
    def move(self, means: Mapping[str, Tensor]) -> None:
        """Update the state. means: the statistics of the whole batch, divided by its number of samples."""
        for term, settings in self.parts:
            if term.state is not None:
                state = self._state(term)
                for name, tensor in term.state.moved(means[term.name], settings, **state).items():
                    state[name].copy_(tensor)

    def _state(self, term: Term) -> dict[str, Tensor]:
        return {} if term.state is None else dict(self.get_submodule(term.name).named_buffers())

    def _check(self, student_VND: Tensor, teacher_GND: Tensor) -> None:
        shapes = f"student {tuple(student_VND.shape)}, teacher {tuple(teacher_GND.shape)}"
        if student_VND.ndim != 3 or teacher_GND.ndim != 3 or student_VND.shape[1:] != teacher_GND.shape[1:]:
            raise ValueError(f"expected student [V, N, D] and teacher [G, N, D], got {shapes}")
        if student_VND.shape[1] == 0 or student_VND.shape[2] != self.dimension:
            raise ValueError(f"expected at least one sample of dimension {self.dimension}, got {shapes}")


class _StateOf(nn.Module):
    """The tensors of one term, as buffers."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor)


def _widened(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype.itemsize < 4 else tensor
