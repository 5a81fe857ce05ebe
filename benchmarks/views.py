"""Multi-crop views per second: this package's batched pipeline compared with the usual one of Pillow and torchvision.

    python -m benchmarks.views [--threads 1] [--batch 64] [--device cpu] [--seconds 3]

Both make the same kinds of view of the same decoded images in one process; they alternate, and the ratio is that of
the medians. `resample` means only crop and resize. With a CUDA device, the usual pipeline still runs on one CPU core.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from PIL import Image, ImageFilter
from torch import Tensor
from torchvision import transforms

from bits.data.batch import ImageBatch
from bits.views.views import ViewSpec, draw, render

BICUBIC = transforms.InterpolationMode.BICUBIC
RECIPE = ViewSpec(
    size=1, scale=(0.4, 1.0), flip=0.5, jitter=0.8, brightness=0.4, contrast=0.4, saturation=0.2, hue=0.1,
    grey=0.2, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225),
)  # fmt: skip
CASES = {  # name: (height, width), global size, local size, number of local views
    "64 px -> 2x32 + 2x16": ((64, 64), 32, 16, 2),
    "64 px -> 2x64 + 6x32": ((64, 64), 64, 32, 6),
    "500x375 -> 2x224 + 10x96": ((375, 500), 224, 96, 10),
}


def specs(large: int, small: int, count: int) -> list[ViewSpec]:
    """The paper's views: two global ones, which differ in blur and solarisation, and `count` local ones."""
    first = replace(RECIPE, size=large, blur=1.0)
    second = replace(RECIPE, size=large, blur=0.1, solarise=0.2)
    return [first, second] + [replace(RECIPE, size=small, scale=(0.05, 0.4), blur=0.5)] * count


def usual(spec: ViewSpec) -> Callable[[Image.Image], Tensor]:
    """The same distribution of views, written as in the DINO recipe."""
    jitter = transforms.ColorJitter(spec.brightness, spec.contrast, spec.saturation, spec.hue)
    steps = [
        transforms.RandomResizedCrop(spec.size, spec.scale, interpolation=BICUBIC),
        transforms.RandomHorizontalFlip(spec.flip),
        transforms.RandomApply([jitter], spec.jitter),
        transforms.RandomGrayscale(spec.grey),
        transforms.RandomApply([transforms.Lambda(_blurred)], spec.blur),
        transforms.RandomSolarize(128, spec.solarise),
        transforms.ToTensor(),
        transforms.Normalize(spec.mean, spec.std),
    ]
    return transforms.Compose(steps)


def _blurred(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(float(torch.empty(1).uniform_(0.1, 2.0))))


def photographs(count: int, height: int, width: int) -> ImageBatch:
    """Smooth random colour fields with some grain, on which the pipelines take as long as on photographs."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, 6, 8, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    grain = torch.randn(count, 3, height, width, generator=generator) * 8
    pixels = (smooth * 255 + grain).clamp(0, 255).byte()
    return ImageBatch(pixels, torch.tensor([[height, width]] * count))


def seconds(work: Callable[[], object], device: str) -> float:
    """Wall time of one call, including the device's work."""
    begin = time.perf_counter()
    work()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def batched(moved: ImageBatch, sizes: Tensor, kinds: list[ViewSpec], generator: torch.Generator) -> None:
    """This package's pipeline."""
    for spec in kinds:
        render(moved, spec, draw(spec, sizes, generator))


def imagewise(images: list[Image.Image], pipelines: list[Callable[[Image.Image], Tensor]]) -> None:
    """The usual pipeline."""
    for pipeline in pipelines:
        torch.stack([pipeline(image) for image in images])


def measure(title: str, kinds: list[ViewSpec], batch: ImageBatch, device: str, budget: float) -> None:
    """Measure for `budget` seconds; print the views/s of both pipelines and their ratio."""
    images = [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in batch.pixels]
    few = images[: max(1, len(images) // 8)]
    new = partial(batched, batch.to(device), batch.sizes, kinds, torch.Generator().manual_seed(1))
    old = partial(imagewise, few, [usual(spec) for spec in kinds])
    seconds(new, device), seconds(old, device)
    new_times, old_times = [], []
    end = time.perf_counter() + budget
    while time.perf_counter() < end or len(new_times) < 3:
        new_times.append(seconds(new, device) / len(images))
        old_times.append(seconds(old, device) / len(few))
    ours, usuals = (len(kinds) / statistics.median(times) for times in (new_times, old_times))
    print(f"{title:35s} {ours:9.0f} views/s, usual {usuals:6.0f}, ratio {ours / usuals:6.2f}", flush=True)


def main() -> None:
    """Measure every case: the whole pipeline, and only crop and resize."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    parser.add_argument("--batch", type=int, default=64, help="images per batch")
    parser.add_argument("--device", default="cpu", help="torch device")
    parser.add_argument("--seconds", type=float, default=3.0, help="duration of each measurement")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    for case, ((height, width), large, small, count) in CASES.items():
        batch, kinds = photographs(chosen.batch, height, width), specs(large, small, count)
        measure(f"{case}, all", kinds, batch, chosen.device, chosen.seconds)
        bare = [replace(spec, jitter=0, grey=0, blur=0, solarise=0) for spec in kinds]
        measure(f"{case}, resample", bare, batch, chosen.device, chosen.seconds)


if __name__ == "__main__":
    main()
