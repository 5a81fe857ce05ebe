"""Checkpoints of a run in progress: safetensors, never pickle; written atomically and verified when read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

import bits.tensors as tensor_file
from bits.errors import BitsError

KEPT = 2  # generations, so that a damaged newest checkpoint can be skipped


class CheckpointError(BitsError):
    """A checkpoint that cannot be read or belongs to another run."""


class NotFiniteError(CheckpointError):
    """A NaN or an infinity in the loss, the gradients or the weights."""


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by name, and JSON metadata: digest of the run, step, curve so far."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def save(folder: Path, step: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Path:
    """Write folder/step-<step>.safetensors atomically and delete all but the newest two.

    Raises CheckpointError, and NotFiniteError before anything is written.
    """
    require_finite(tensors)
    path = path_of(folder, step)
    write_tensors(path, tensors, facts)
    for other in folder.glob("step-*.safetensors"):
        # A later step means a damaged file that was skipped; it must not count as one of those kept.
        if other.name > path.name:
            other.unlink()
    keep_newest(folder, KEPT)
    return path


def keep_newest(folder: Path, count: int) -> None:
    """Delete all but the newest checkpoints, as many as `count`."""
    for old in sorted(folder.glob("step-*.safetensors"))[:-count]:
        old.unlink()


def require_finite(tensors: Mapping[str, Tensor]) -> None:
    """Raise NotFiniteError naming the tensors that contain a NaN or an infinity."""
    floating = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point() and tensor.numel()}
    # The maximum suffices: it propagates NaN and, unlike a sum, cannot overflow.
    largest = [tensor.detach().abs().max().double().cpu() for tensor in floating.values()]
    bad = [name for name, value in zip(floating, largest, strict=True) if not torch.isfinite(value)]
    if bad:
        raise NotFiniteError(f"{', '.join(bad[:3])}{f' and {len(bad) - 3} more' if bad[3:] else ''} not finite")


def write_tensors(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write one safetensors file with a checksum, atomically.

    A full disk raises CheckpointError and leaves no partial file; `sweep` removes those of killed processes.
    """
    plain = {name: tensor.detach().to("cpu").contiguous().clone() for name, tensor in tensors.items()}
    try:
        tensor_file.write_tensors(path, plain, facts)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{path}: cannot be written ({error}). Earlier files are intact. Free some disk space or choose another "
            "folder (site.scratch, for checkpoints), then start again."
        ) from error


def read_tensors(path: Path) -> Checkpoint:
    """Read a file written by `write_tensors`; raises CheckpointError if it is missing, damaged or foreign."""
    try:
        return Checkpoint(*tensor_file.read_tensors(path))
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such checkpoint") from None
    except tensor_file.TensorsError as error:
        raise CheckpointError(str(error)) from error


def newest(folder: Path, run_digest: str, warn: Any = print) -> Checkpoint | None:
    """The newest readable checkpoint of this run, or None.

    A damaged one is skipped with a warning; one of another configuration raises CheckpointError.
    """
    for path in sorted(folder.glob("step-*.safetensors"), reverse=True):
        try:
            checkpoint = read_tensors(path)
        except CheckpointError as error:
            warn(f"warning: {error}; falling back to the one before it")
            continue
        if checkpoint.facts.get("run") != run_digest:
            raise CheckpointError(
                f"{path}: belongs to another configuration (run digest {checkpoint.facts.get('run')}, expected "
                f"{run_digest}). Move {folder} away to start from scratch."
            )
        return checkpoint
    return None


def path_of(folder: Path, step: int) -> Path:
    """The file in which `save` stores the checkpoint of a step."""
    return folder / f"step-{step:09d}.safetensors"


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state as "<parameter number>.<name>" -> tensor; every entry of AdamW's state is a tensor."""
    state = optimizer.state_dict()["state"]
    return {f"{number}.{name}": value for number, entry in state.items() for name, value in entry.items()}


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Restore the state returned by `optimizer_tensors`."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, name = key.split(".", 1)
        state.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`tensors` with `prefix.` before each name."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The entries whose names start with `prefix.`, without it."""
    return {name[len(prefix) + 1 :]: tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}.")}


def load_strictly(module: nn.Module, tensors: Mapping[str, Tensor], origin: str) -> None:
    """load_state_dict; raises CheckpointError naming the tensors that do not fit and their origin."""
    try:
        module.load_state_dict(dict(tensors))
    except RuntimeError as error:
        raise CheckpointError(f"{origin}: does not fit the model: {error}") from error
