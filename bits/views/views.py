"""Views of a batch of images, rendered on the batch's device.

The operations and their order are those of the DINO recipe on Pillow images: random resized crop, mirror, colour
jitter, grey, blur, solarise, normalise. Between operations values keep their fraction, where Pillow returns
to bytes; the tests state how close each operation and the whole come to Pillow.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from bits.data.batch import ImageBatch
from bits.data.transfer import together
from bits.views.parameters import Triple, ViewParameters, ViewSpec, draw
from bits.views.prepared import PreparedView, channels, prepared
from bits.views.resample import AxisMap, interval_map, resample

__all__ = [
    "PreparedView",
    "ViewParameters",
    "ViewSpec",
    "draw",
    "evaluation_view",
    "prepared",
    "raw_view",
    "render",
    "rendered",
    "whole_view",
]


def render(batch: ImageBatch, spec: ViewSpec, parameters: ViewParameters) -> Tensor:
    """One view of each image, float32 [N, 3, size, size], normalised, on the batch's device.

    On the CPU, equal arguments give bit-identical results. Raises ValueError unless there are parameters for each
    image.
    """
    if len(parameters) != len(batch):
        raise ValueError(f"got {len(parameters)} view parameters for {len(batch)} images; expected one for each")
    return rendered(batch, prepared([spec], [parameters], batch.pixels.device)[0])


def rendered(batch: ImageBatch, view: PreparedView) -> Tensor:
    """The prepared view of each image, as `render` gives it. Neither copies to the device nor waits for it."""
    with torch.autocast(batch.pixels.device.type, enabled=False):  # bfloat16 cannot tell levels above 128 apart
        views = resample(batch.pixels, view.rows, view.columns, view.interpolation)
        for change in view.changes:
            change.apply_(views)
        return _normalised(views, view.shade)


def evaluation_view(batch: ImageBatch, *, size: int, resize: int, mean: Triple, std: Triple) -> Tensor:
    """The centre crop of each image, float32 [N, 3, size, size], normalised, on the batch's device.

    The short side is resized to `resize` pixels (antialiased bicubic, the long side rounded down) and the
    central `size` pixels are kept, as in torchvision's Resize and CenterCrop; nothing outside the crop is
    computed. Raises ValueError unless 1 <= size <= resize.
    """
    if not 1 <= size <= resize:
        raise ValueError(f"size is {size} and resize {resize}; expected 1 <= size <= resize")
    sizes = batch.sizes.cpu()
    full = (sizes.double() * resize / sizes.double().amin(1, keepdim=True)).floor().long()
    offset = ((full - size) / 2).round().long()  # half to even, like Python's round
    still = torch.zeros(len(sizes), dtype=torch.bool)
    start = torch.zeros(len(sizes), dtype=torch.int64)
    rows, columns = (AxisMap(start, sizes[:, i], full[:, i], offset[:, i], still, size) for i in (0, 1))
    return _resampled(batch, rows, columns, mean, std)


def whole_view(batch: ImageBatch, *, height: int, width: int, mean: Triple, std: Triple) -> Tensor:
    """The whole of each image, float32 [N, 3, height, width], normalised, on the batch's device.

    Resized (antialiased bicubic) whatever its proportions are, as where a place in the view must be one in the image.
    """
    sizes = batch.sizes.cpu()
    start = torch.zeros(len(sizes), dtype=torch.int64)
    rows, columns = interval_map(start, sizes[:, 0], height), interval_map(start, sizes[:, 1], width)
    return _resampled(batch, rows, columns, mean, std)


def raw_view(batch: ImageBatch, size: int) -> Tensor:
    """The centre square of each image, float32 [N, 3, size, size] in [0, 1], not normalised."""
    return evaluation_view(batch, size=size, resize=size, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


def _resampled(batch: ImageBatch, rows: AxisMap, columns: AxisMap, mean: Triple, std: Triple) -> Tensor:
    """The mapped part of each image, normalised; sends the maps to the batch's device."""
    sent, _ = together([rows.facts(), columns.facts(), channels(mean, std)], [], batch.pixels.device)
    with torch.autocast(batch.pixels.device.type, enabled=False):
        views = resample(batch.pixels, replace(rows, sent=sent[0]), replace(columns, sent=sent[1]))
        return _normalised(views, sent[2])


def _normalised(views: Tensor, shade: Tensor) -> Tensor:
    """views x factor + shift in place, channel by channel. shade: see `PreparedView`."""
    factor, shift = shade[:, None, :, None, None]
    return views.mul_(factor).add_(shift)
