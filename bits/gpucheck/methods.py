"""The four methods as each scale sets them up, and the same with other values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from bits.config.compose import Composer
from bits.config.composed import Composed
from bits.config.section import Section

METHODS = ("dino", "simdino", "bits-fixed", "bits-reset")
# Few enough to be rendered in seconds, and no videos.
SCENES = {"demo": ("dataset.settings.train=2000", "dataset.settings.val=500", "dataset.settings.videos=0")}

Changes = Mapping[str, Any]
S = TypeVar("S", bound=Section)


@cache  # composing takes a large part of a second a method, a change next to nothing
def methods_of(scale: str) -> dict[str, Composed]:
    """Every method by the name of its run."""
    with Composer(scale, SCENES.get(scale, ())) as composer:
        return {run: composer.compose(run)[0] for run in METHODS}


def changed(section: S, *changes: Changes) -> S:
    """A section with other values, validated anew; {"schedule": {"epochs": 2}} changes one value of a section in it."""
    values = section.model_dump()
    for change in changes:
        values = merged(values, change)
    return type(section).model_validate(values)


def merged(values: Changes, change: Changes) -> dict[str, Any]:
    """Both, the second before the first, section by section."""
    inner = {
        key: merged(values[key], value)
        if isinstance(value, Mapping) and isinstance(values.get(key), Mapping)
        else value
        for key, value in change.items()
    }
    return {**values, **inner}
