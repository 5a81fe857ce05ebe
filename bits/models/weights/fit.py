"""Weights from elsewhere in a backbone: all that it learned must be in the file, in its shape, and finite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from bits.models.weights.file import WeightsError, read_file
from bits.models.weights.layout import Branch, layout_of
from bits.models.weights.names import in_words_of
from bits.models.weights.positions import fitted_positions
from bits.models.weights.shapes import mismatch

# Words in names, between dots: what stands behind a backbone, or in for hidden patches. None of it makes a feature.
_NOT_OF_A_BACKBONE = {
    *("head", "heads", "head_dist", "fc", "classifier", "last_layer", "mask_token", "masked_embed"),
    *("projector", "predictor", "prototypes", "projection_head", "decoder", "dino_head", "ibot_head"),
}
# What every ViT may have, so that a file which has it is of another one than a backbone that lacks it.
_OF_A_BACKBONE = {"cls_token", "reg_token", "pos_embed", "dist_token", "patch_embed", "blocks", "norm", "norm_pre"}
_STATISTICS = ("running_mean", "running_var")  # of batch norms: learned, though they are no parameters


@dataclass(frozen=True)
class Fitted:
    """The backbone's tensors, float32 where they are learned, and how they came from the file.

    prefix, branch: where they lay (see `Layout`). left_out: of the file, first parts of names -> number of tensors.
    not_given: tensors that the file lacks and nothing learned, such as counters of batch norms, which stay as made.
    changed: sentences on what is not as it was in the file.
    """

    tensors: dict[str, Tensor]
    prefix: str
    branch: Branch | None
    in_file: int
    left_out: dict[str, int]
    not_given: tuple[str, ...]
    changed: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """All but the tensors, as JSON values."""
        return {
            "prefix": self.prefix,
            "branch": self.branch,
            "tensors_in_file": self.in_file,
            "tensors_taken": len(self.tensors) - len(self.not_given),
            "left_out": self.left_out,
            "not_given": list(self.not_given),
            "changed": list(self.changed),
        }


def fitted(path: Path, backbone: nn.Module, of: Branch | None = None) -> Fitted:
    """The file's weights for a backbone from `create_backbone`, ready for load_state_dict.

    of: whose, where the file has both; None: the teacher's. Raises WeightsError for a file that cannot be read, and
    where any learned tensor of the backbone is not in it, has another shape or is not finite, or where the file has
    parts of a backbone that this one lacks: each would give features that nobody trained.
    """
    own = backbone.state_dict()
    there = in_words_of(own.keys(), read_file(path), str(path))
    layout = layout_of(there, own.keys(), of, str(path))
    behind = {name.removeprefix(layout.prefix): one for name, one in there.items() if name.startswith(layout.prefix)}
    given, moved = fitted_positions(backbone, behind, str(path))
    _check(own, given, backbone, str(path))
    taken = {name: given[name] for name in own if name in given}
    changed = [*moved, *_narrowed(own, taken)]
    taken = {name: one.to(own[name].dtype).contiguous().clone() for name, one in taken.items()}
    _check_finite(taken, str(path))
    absent = tuple(name for name in own if name not in taken)
    return Fitted(
        tensors={**{name: own[name] for name in absent}, **taken},
        prefix=layout.prefix,
        branch=layout.branch,
        in_file=len(there),
        left_out=_grouped(there.keys() - {f"{layout.prefix}{name}" for name in taken}),
        not_given=absent,
        changed=tuple(changed),
    )


def _check(own: Mapping[str, Tensor], given: Mapping[str, Tensor], backbone: nn.Module, where: str) -> None:
    """Raise WeightsError unless the file has just what the backbone learns."""
    wrong = mismatch(own, given)
    if wrong:
        raise WeightsError(f"{where}: {wrong}")
    surplus = [name for name in given if name not in own and _is_of_a_backbone(name, own)]
    if surplus:
        raise WeightsError(
            f"{where}: has {_some(surplus)}, for which the backbone has no place. Choose the backbone that it was "
            "trained with; layer scale, registers and the like are backbone.options."
        )
    learned = {name for name, _ in backbone.named_parameters()}
    missing = [
        name for name in own if name not in given and (name in learned or name.rpartition(".")[2] in _STATISTICS)
    ]
    if missing:
        raise WeightsError(
            f"{where}: lacks {_some(missing)}, which would stay random. Choose the backbone that it was trained with "
            "(backbone=..., backbone.options)."
        )


def _is_of_a_backbone(name: str, own: Mapping[str, Tensor]) -> bool:
    parts = name.split(".")
    return not _NOT_OF_A_BACKBONE & set(parts) and parts[0] in _OF_A_BACKBONE | {one.split(".")[0] for one in own}


def _narrowed(own: Mapping[str, Tensor], taken: Mapping[str, Tensor]) -> Iterator[str]:
    """What is said of tensors that were kept in another precision."""
    kinds = Counter(
        str(one.dtype).removeprefix("torch.")
        for name, one in taken.items()
        if one.dtype != own[name].dtype and own[name].is_floating_point()
    )
    yield from (f"{count} tensors were {kind}, and are float32 here" for kind, count in kinds.items())


def _check_finite(tensors: Mapping[str, Tensor], where: str) -> None:
    bad = [name for name, one in tensors.items() if one.is_floating_point() and not bool(one.isfinite().all())]
    if bad:
        raise WeightsError(f"{where}: {_some(bad)} not finite. The training diverged, or the file is damaged.")


def _grouped(names: Collection[str]) -> dict[str, int]:
    """Number of names by their first two parts: "teacher.head.mlp.0.weight" counts for "teacher.head"."""
    groups = Counter(".".join(name.split(".")[:2]) for name in names)
    return dict(sorted(groups.items()))


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
