"""Checkpoints of a run in progress: safetensors, never pickle; complete or not there, and checked when read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from bits.errors import BitsError
from bits.records.files import replacing

KEPT = 2  # generations: should the newest be damaged, the one before it serves


class CheckpointError(BitsError):
    """A checkpoint that cannot be read or belongs to something else."""


class NotFiniteError(CheckpointError):
    """A NaN or an infinity where weights are to be kept."""


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by name, and what JSON can hold: digest of the run, step, curve so far."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def save(folder: Path, step: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Path:
    """Write folder/step-<step>.safetensors atomically and drop all but the newest two.

    Raises CheckpointError, and NotFiniteError before anything is written.
    """
    require_finite(tensors)
    path = path_of(folder, step)
    write_tensors(path, tensors, facts)
    for other in folder.glob("step-*.safetensors"):
        if (
            other.name > path.name
        ):  # was passed over because it is damaged, and must not count among those that are kept
            other.unlink()
    for old in sorted(folder.glob("step-*.safetensors"))[:-KEPT]:
        old.unlink()
    return path


def require_finite(tensors: Mapping[str, Tensor]) -> None:
    """Raise NotFiniteError naming the tensors that hold a NaN or an infinity."""
    floating = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point() and tensor.numel()}
    # The largest of each tensor says it all: it is NaN where one is, and does not overflow as a sum would.
    largest = [tensor.detach().abs().max().double().cpu() for tensor in floating.values()]
    bad = [name for name, value in zip(floating, largest, strict=True) if not torch.isfinite(value)]
    if bad:
        raise NotFiniteError(f"{', '.join(bad[:3])}{f' and {len(bad) - 3} more' if bad[3:] else ''} not finite")


def write_tensors(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """One safetensors file with a checksum, complete or not at all.

    A full disk raises CheckpointError and leaves no litter; what a killed process leaves, `sweep` removes.
    """
    plain = {name: tensor.detach().to("cpu").contiguous().clone() for name, tensor in tensors.items()}
    said = {"facts": json.dumps(dict(facts), allow_nan=False), "sha256": checksum(plain)}
    try:
        with replacing(path) as temporary:
            save_file(plain, temporary, metadata=said)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{path}: could not be written ({error}). What was saved before is intact; free some disk, or "
            "correct the place (site.scratch, for checkpoints), and start again."
        ) from error


def read_tensors(path: Path) -> Checkpoint:
    """A file of `write_tensors`; raises CheckpointError when it is missing, damaged or foreign."""
    try:
        with safe_open(path, framework="pt") as stream:
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
            said = stream.metadata() or {}
            facts = json.loads(said["facts"])
            if checksum(tensors) != said["sha256"]:
                raise ValueError("its tensors do not have the checksum that was written with them")
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such checkpoint") from None
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise CheckpointError(f"{path}: damaged, or not a checkpoint of this project ({error})") from error
    return Checkpoint(tensors, facts)


def checksum(tensors: Mapping[str, Tensor]) -> str:
    """sha256 (hex) of names, types, shapes and bytes of contiguous tensors on the CPU."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def newest(folder: Path, run_digest: str, warn: Any = print) -> Checkpoint | None:
    """The newest readable checkpoint of this very run, None when there is none.

    A damaged one is passed over with a warning; one of another configuration raises CheckpointError.
    """
    for path in sorted(folder.glob("step-*.safetensors"), reverse=True):
        try:
            checkpoint = read_tensors(path)
        except CheckpointError as error:
            warn(f"warning: {error}; falling back to the one before it")
            continue
        if checkpoint.facts.get("run") != run_digest:
            raise CheckpointError(
                f"{path}: is of another configuration (run digest {checkpoint.facts.get('run')}, expected "
                f"{run_digest}). Move {folder} away to start anew."
            )
        return checkpoint
    return None


def path_of(folder: Path, step: int) -> Path:
    """Where `save` puts the checkpoint of a step."""
    return folder / f"step-{step:09d}.safetensors"


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state by parameter number and name; every entry of AdamW's state is a tensor."""
    state = optimizer.state_dict()["state"]
    return {f"{number}.{name}": value for number, entry in state.items() for name, value in entry.items()}


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Restore what `optimizer_tensors` gave."""
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
    """load_state_dict that says which tensors do not fit, and from where they came."""
    try:
        module.load_state_dict(dict(tensors))
    except RuntimeError as error:
        raise CheckpointError(f"{origin}: does not fit the model: {error}") from error
