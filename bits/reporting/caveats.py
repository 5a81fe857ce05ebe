"""What is to be kept in mind of a number: marked where it stands, said once beneath."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bits.exhibits import Measure
from bits.reporting.intervals import Interval

CAVEAT = "\N{DOUBLE DAGGER}"  # stands behind a number
FEW = 100  # test images or queries; of fewer, a single one is worth more than a point of accuracy


def caveats(measure: Measure, intervals: Sequence[Interval], classes: Mapping[str, Any]) -> tuple[str, ...]:
    """Of a measured number or curve, each without a label or a full stop.

    intervals: its own, so that what is not a share of test images or queries has none. classes: of its data set, as the
    metrics file says: how many, and how many of them have a single image.
    """
    found = [measure.caveat]
    if intervals and intervals[0].n < FEW:
        found.append(f"of {intervals[0].n} test images or queries, fewer than {FEW}")
    if intervals:
        found.append(_single_images(classes))
    return tuple(caveat for caveat in found if caveat)


def _single_images(classes: Mapping[str, Any]) -> str:
    kinds = {"one_training_image": "a single training image", "one_test_image": "a single test image"}
    counts = {words: classes[key] for key, words in kinds.items() if classes.get(key)}
    said = [f"{count:,} {'has' if count == 1 else 'have'} {words}" for words, count in counts.items()]
    return f"of {classes['all']:,} classes, {' and '.join(said)}" if said else ""
