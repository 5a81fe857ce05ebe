"""What rendering needs besides the pixels: decided in main memory, then sent to the device in one copy for all views.

So nothing asks the device for a value while it renders: which images an operation changes, how many there are, and how
far a filter reaches are known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from bits.data.transfer import together
from bits.views.blur import gaussian_blur
from bits.views.colour import JITTER, greyscale, solarise
from bits.views.parameters import Triple, ViewParameters, ViewSpec
from bits.views.resample import AxisMap, Interpolation, interval_map

Operation = Callable[..., Tensor]


@dataclass(frozen=True)
class Change:
    """An operation and the images that it changes.

    operation: called with images, their values on the same device, and the largest of these. images: int64 [k],
    ascending positions in the batch. values: float32 [k], zeros for an operation that takes none. Both are in main
    memory; sent_images and sent_values are the same on the device that renders.
    """

    operation: Operation
    images: Tensor
    values: Tensor
    sent_images: Tensor
    sent_values: Tensor

    def within(self, begin: int, end: int) -> Change:
        """For the images from `begin` to `end` of the batch, counted from `begin`."""
        low, high = torch.searchsorted(self.images, torch.tensor([begin, end])).tolist()
        own = slice(low, high)
        images, sent = self.images[own] - begin, self.sent_images[own] - begin
        return Change(self.operation, images, self.values[own], sent, self.sent_values[own])

    def apply_(self, views: Tensor) -> None:
        """Replace those of the views float32 [N, 3, S, S] that change."""
        if len(self.images) > 0:
            chosen = views.index_select(0, self.sent_images)
            changed = self.operation(chosen, self.sent_values, float(self.values.max()))
            views.index_copy_(0, self.sent_images, changed)


@dataclass(frozen=True)
class PreparedView:
    """One view of each of N images, ready to be rendered: crop and resize, changes in order, normalisation.

    shade: float32 [2, 3] on the device that renders, the factor and the shift of each channel, see `channels`.
    """

    rows: AxisMap
    columns: AxisMap
    changes: tuple[Change, ...]
    shade: Tensor
    interpolation: Interpolation = "bicubic"

    def __len__(self) -> int:
        return len(self.rows.start)

    def select(self, part: slice) -> PreparedView:
        """The view of a range of the images."""
        begin, end, _ = part.indices(len(self))
        if end - begin == len(self):
            return self
        changes = tuple(change.within(begin, end) for change in self.changes)
        return replace(self, rows=self.rows.images(part), columns=self.columns.images(part), changes=changes)


def prepared(
    specs: Sequence[ViewSpec], parameters: Sequence[ViewParameters], device: torch.device | str
) -> list[PreparedView]:
    """Views with the given parameters, ready to be rendered on a device, which is sent what it needs in one copy."""
    views = [_in_memory(spec, drawn.to("cpu")) for spec, drawn in zip(specs, parameters, strict=True)]
    numbers = [tensor for view in views for tensor in _numbers(view)]
    positions = [change.images for view in views for change in view.changes]
    sent_numbers, sent_positions = (iter(sent) for sent in together(numbers, positions, device))
    return [_placed(view, sent_numbers, sent_positions) for view in views]


def channels(mean: Triple, std: Triple) -> Tensor:
    """Factor and shift of each channel, float32 [2, 3]: level x factor + shift is (level / 255 - mean) / std."""
    return torch.tensor([[1 / (255 * s) for s in std], [-m / s for m, s in zip(mean, std, strict=True)]])


def _in_memory(spec: ViewSpec, drawn: ViewParameters) -> PreparedView:
    top, left, height, width = drawn.crop.unbind(1)
    rows = interval_map(top, height, spec.size)
    columns = interval_map(left, width, spec.size, mirror=drawn.flip)
    changes, shade = tuple(_changes(spec, drawn)), channels(spec.mean, spec.std)
    return PreparedView(rows, columns, changes, shade, spec.interpolation)


def _changes(spec: ViewSpec, drawn: ViewParameters) -> Iterator[Change]:
    """In the order of the recipe; the jitter has four stages, and at each an image has one of its operations."""
    strengths = (spec.brightness, spec.contrast, spec.saturation, spec.hue)
    for stage in range(len(JITTER)):
        for number, operation in enumerate(JITTER):
            if strengths[number] > 0:  # torchvision skips operations of strength 0
                chosen = drawn.jitter & (drawn.order[:, stage] == number)
                yield _change(partial(_with_factors, operation), chosen, drawn.factors[:, number])
    yield _change(partial(_alone, greyscale), drawn.grey)
    yield _change(gaussian_blur, drawn.blur_radius > 0, drawn.blur_radius)
    yield _change(partial(_alone, solarise), drawn.solarise)


def _change(operation: Operation, mask: Tensor, values: Tensor | None = None) -> Change:
    """Of the images for which `mask` (bool [N]) is true."""
    images = mask.nonzero()[:, 0]
    own = torch.zeros(len(images)) if values is None else values[images]
    return Change(operation, images, own, images, own)


def _with_factors(operation: Operation, images: Tensor, factors: Tensor, largest: float) -> Tensor:
    return operation(images, factors)


def _alone(operation: Operation, images: Tensor, values: Tensor, largest: float) -> Tensor:
    return operation(images)


def _numbers(view: PreparedView) -> list[Tensor]:
    return [view.shade, view.rows.facts(), view.columns.facts(), *(change.values for change in view.changes)]


def _placed(view: PreparedView, numbers: Iterator[Tensor], positions: Iterator[Tensor]) -> PreparedView:
    """The view with what has been sent; takes it in the order of `_numbers`."""
    shade, rows_sent, columns_sent = next(numbers), next(numbers), next(numbers)
    changes = tuple(replace(change, sent_images=next(positions), sent_values=next(numbers)) for change in view.changes)
    rows, columns = replace(view.rows, sent=rows_sent), replace(view.columns, sent=columns_sent)
    return replace(view, rows=rows, columns=columns, changes=changes, shade=shade)
