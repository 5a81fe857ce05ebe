"""What ILSVRC2012's validation images show, from the development kit or from Kaggle's table. Never imports torch.

The images of the official archive lie loose, and only these notes tell their classes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bits.data.layout import Source, join
from bits.data.notes import WHOLE, content_of, lines_of
from bits.errors import DatasetError

if TYPE_CHECKING:
    from typing import Any

TRUTH = "data/ILSVRC2012_validation_ground_truth.txt"  # line n: the number of image n's class
META = "data/meta.mat"  # that number, and its wnid
SOLUTION = "LOC_val_solution.csv"  # Kaggle's: ImageId, then a wnid and a box for each object


def from_devkit(source: Source, kit: str) -> dict[str, str]:
    """Image -> wnid, by the kit that is unpacked at `kit`. Raises DatasetError."""
    wnids = _wnids(source, join(kit, META))
    truth = join(kit, TRUTH)
    try:
        lines = enumerate(lines_of(source, truth), start=1)
        return {f"ILSVRC2012_val_{place:08d}.JPEG": wnids[number] for place, number in lines}
    except KeyError as error:
        raise DatasetError(f"{source.describe(truth)}: {error} is no number of a class in {META}. {WHOLE}") from error


def _wnids(source: Source, name: str) -> Mapping[str, str]:
    """Number of a class, as text, -> wnid; of the classes that have images, which are those without children."""
    from scipy.io import loadmat

    try:
        rows: Any = loadmat(io.BytesIO(content_of(source, name)), squeeze_me=True)["synsets"]
        return {str(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in rows if int(row["num_children"]) == 0}
    except DatasetError:
        raise
    except Exception as error:  # loadmat raises almost any type for a damaged file
        raise DatasetError(f"{source.describe(name)} can't be read: {error!r}. {WHOLE}") from error


def from_solution(source: Source, name: str) -> dict[str, str]:
    """Image -> wnid, by Kaggle's table. Raises DatasetError."""
    rows = csv.DictReader(lines_of(source, name))
    try:
        return {f"{row['ImageId']}.JPEG": row["PredictionString"].split()[0] for row in rows}
    except (KeyError, IndexError, AttributeError) as error:
        raise DatasetError(f"{source.describe(name)}: expected ImageId,PredictionString. {WHOLE}") from error
