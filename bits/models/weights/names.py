"""How public code calls the parts of a backbone that timm calls otherwise."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from torch import Tensor

from bits.models.weights.file import WeightsError

# torch.compile, DDP, FSDP and activation checkpointing wrap modules, anywhere in a name.
_WRAPPERS = re.compile(r"(^|\.)(?:_orig_mod|module|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
# DINOv2 trains its blocks in chunks, blocks.<chunk>.<block>, and packs its gates; timm's ViT does neither.
_RENAMED = (
    (re.compile(r"(^|\.)blocks\.\d+\.(\d+\.)"), r"\1blocks.\2"),
    (re.compile(r"\.mlp\.w12\."), ".mlp.fc1."),
    (re.compile(r"\.mlp\.w3\."), ".mlp.fc2."),
    (re.compile(r"(^|\.)register_tokens$"), r"\1reg_token"),
)


def in_words_of(wanted: Collection[str], tensors: Mapping[str, Tensor], where: str) -> dict[str, Tensor]:
    """The tensors of a file by the names of a backbone, behind whatever prefix they have.

    wanted: the backbone's names; what it has itself, as EfficientNet's blocks.<stage>.<block>, is not renamed. Raises
    WeightsError where two names become one, which are then two networks that nothing tells apart.
    """
    patterns = [
        (_WRAPPERS, r"\1"),
        *(pair for pair in _RENAMED if not any(pair[0].search(name) for name in wanted)),
    ]
    found: dict[str, Tensor] = {}
    before: dict[str, str] = {}
    for name, tensor in tensors.items():
        new = _renamed(name, patterns)
        if new in found:
            raise WeightsError(
                f"{where}: {before[new]} and {name} would both be {new}. Write one into a file of its own."
            )
        found[new], before[new] = tensor, name
    return found


def _renamed(name: str, patterns: list[tuple[re.Pattern[str], str]]) -> str:
    """As "teacher.module.blocks.0.3.mlp.w12.bias" becomes "teacher.blocks.3.mlp.fc1.bias"."""
    previous = None
    while previous != name:  # a wrapper may hold another one
        previous = name
        for pattern, new in patterns:
            name = pattern.sub(new, name)
    return name
