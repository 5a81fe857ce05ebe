"""Images a second that bits check-data gets through on one core, compared with decoding them alone.

    python -m benchmarks.check_data [--images 600] [--zip]

The images are JPEGs of 500 x 375 px with the detail of a photograph, in a folder (or a zip with --zip), written to a
temporary folder. Decoding alone is `rgb_picture` of contents that are in memory already; check-data reads the files,
takes their digests, decodes, looks for copies, and writes the manifest; its second call finds all that known. Prints
one JSON line with the fastest of the repeats and the ratio of the rates (1: the check costs nothing on top).
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from bits.config.recipe import Dataset
from bits.data import kept
from bits.data.kind import kind_of
from bits.data.manifest import write_manifest
from bits.data.picture import rgb_picture
from bits.data.source import forget_sources

REPEATS = 3
DATASET = Dataset(name="jpegs", title="JPEGs", kind="images", max_side=1024)


def jpeg(seed: int) -> bytes:
    """One over f noise, as bytes of about the length of ImageNet's."""
    random = np.random.default_rng(seed)
    pixels = np.zeros((375, 500, 3))
    for octave in range(7):
        side = 2 ** (octave + 2)
        coarse = random.normal(0, 48 / 1.6**octave, (side, side, 3)).clip(-127, 127) + 128
        grown = Image.fromarray(coarse.astype(np.uint8)).resize((500, 375), Image.Resampling.BICUBIC)
        pixels += np.asarray(grown, dtype=np.float64) - 128
    buffer = io.BytesIO()
    Image.fromarray((pixels + 128).clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def written(root: Path, images: int) -> list[bytes]:
    """A data set of so many images of ten classes, a sixth of them in val; returns their contents."""
    contents = [jpeg(number) for number in range(images)]
    for number, content in enumerate(contents):
        folder = root / ("val" if number % 6 == 0 else "train") / str(number // 6 % 10)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.jpg").write_bytes(content)
    return contents


def checked(place: Path, out: Path) -> None:
    """As bits check-data does."""
    inspection = kind_of(DATASET).inspection
    assert inspection is not None
    write_manifest(out, "jpegs", str(place), inspection(DATASET, str(place), {}))


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Measure on one core."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--zip", action="store_true")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        kept.PLACE = Path(folder) / "digests"
        contents = written(Path(folder) / "set", arguments.images)
        place = Path(folder) / "set"
        if arguments.zip:
            place = Path(shutil.make_archive(str(place), "zip", place))
        times: dict[str, list[float]] = {"decoding": [], "check": [], "again": []}
        for _ in range(REPEATS):
            shutil.rmtree(kept.PLACE, ignore_errors=True)
            forget_sources()
            times["decoding"].append(seconds(lambda: [rgb_picture(content, "", 1024) for content in contents]))
            times["check"].append(seconds(lambda: checked(place, Path(folder) / "m.parquet")))
            times["again"].append(seconds(lambda: checked(place, Path(folder) / "m.parquet")))
    fastest = {name: min(found) for name, found in times.items()}
    rates = {name: round(arguments.images / found, 1) for name, found in fastest.items()}
    print(
        json.dumps(
            {
                "images": arguments.images,
                "bytes_each": sum(map(len, contents)) // len(contents),
                "decoding_alone_per_s": rates["decoding"],
                "check_per_s": rates["check"],
                "ratio": round(rates["check"] / rates["decoding"], 2),
                "check_again_per_s": rates["again"],
            }
        )
    )


if __name__ == "__main__":
    main()
