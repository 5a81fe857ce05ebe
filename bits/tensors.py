"""Tensors in a file: safetensors, with JSON facts and a digest of the tensors that every reader checks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from bits.errors import BitsError
from bits.records.files import replacing

KEY = "bits"  # of the one entry in the file's metadata


class TensorsError(BitsError):
    """A file whose tensors are not those that were written, or that is none of this project's."""


def write_tensors(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write contiguous tensors in main memory and JSON facts, atomically; equal contents give equal bytes.

    Raises OSError or SafetensorError for a disk that is full, and ValueError for facts that hold a NaN.
    """
    # One entry, because safetensors writes several in random order.
    content = json.dumps({"facts": dict(facts), "sha256": checksum(tensors)}, allow_nan=False)
    with replacing(path) as temporary:
        save_file(dict(tensors), temporary, metadata={KEY: content})


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, facts) as written by `write_tensors`; raises FileNotFoundError, and TensorsError if it is damaged."""
    try:
        with safe_open(path, framework="pt") as stream:
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 - not a dict
            facts, written = _facts(stream.metadata() or {})
    except FileNotFoundError:
        raise
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise TensorsError(f"{path}: damaged, or not a file of this project ({error})") from error
    if checksum(tensors) != written:
        raise TensorsError(f"{path}: damaged: its tensors do not match the checksum stored with them")
    return tensors, facts


def _facts(metadata: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    """(facts, checksum) in a file's metadata, which had an entry for each before they shared one."""
    if KEY in metadata:
        content = json.loads(metadata[KEY])
        return content["facts"], content["sha256"]
    return json.loads(metadata["facts"]), metadata["sha256"]


def checksum(tensors: Mapping[str, Tensor]) -> str:
    """sha256 (hex) over names, dtypes, shapes and bytes; the tensors must be contiguous and on the CPU."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
