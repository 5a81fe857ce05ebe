"""In what a file's backbone and the one that is asked for differ, with both numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

_PATCHES = "patch_embed.proj.weight"  # [width, channels, rows, columns]
_BLOCK = re.compile(r"blocks\.(\d+)\.")
_SAY = "Choose the backbone that it was trained with (backbone=...)."


def mismatch(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str:
    """What tells two networks apart, as a sentence with what to do; "" where all shapes are alike.

    own, given: the backbone's tensors and the file's, by the same names.
    """
    ours, theirs = own.get(_PATCHES), given.get(_PATCHES)
    if ours is not None and theirs is not None and theirs.dim() == ours.dim() == 4:
        if ours.shape[2:] != theirs.shape[2:]:
            return f"has patches of {_sides(theirs)} px, the backbone of {_sides(ours)} px. {_SAY}"
        if len(ours) != len(theirs):
            return f"is {len(theirs)} wide, the backbone {len(ours)}. {_SAY}"
    if (deep := _blocks(own)) != (depth := _blocks(given)):
        return f"has {depth} blocks, the backbone {deep}. {_SAY}"
    other = [name for name in own if name in given and own[name].shape != given[name].shape]
    if other:
        name, more = other[0], f" ({len(other) - 1} more differ)" if other[1:] else ""
        return f"{name} is {_shape(given[name])}, the backbone's {_shape(own[name])}{more}. {_SAY}"
    strange = [name for name in own if name in given and own[name].is_complex() != given[name].is_complex()]
    return f"{strange[0]} is complex. {_SAY}" if strange else ""


def _blocks(tensors: Mapping[str, Tensor]) -> int:
    return len({found[1] for name in tensors if (found := _BLOCK.match(name))})


def _sides(weight: Tensor) -> str:
    return f"{weight.shape[2]} x {weight.shape[3]}"


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a number"
