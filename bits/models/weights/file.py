"""Files of weights from anywhere: safetensors, or torch's, of which nothing is run. Untrusted until it is fitted."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from bits.errors import BitsError

LARGEST = 32 * 2**30  # bytes, of a file; the largest public one, with two branches and an optimiser, has about 20 GiB
DEEPEST = 8  # mappings within each other
# What trainers keep beside weights, such as their arguments: it is read as a Blank, so that none of its code runs.
TYPES = {f"builtins.{name}" for name in ("bool", "dict", "float", "int", "list", "object", "set", "str", "tuple")}
HARMLESS = ("argparse", "collections", "lightning", "numpy", "omegaconf", "pathlib", "pytorch_lightning", "typing")
_OWN_WORDS = re.compile(r"^.*WeightsUnpickler error: |(Please use|Check the documentation of) .*$")
EXPECTED = "Expected a .safetensors file, or a .pth, .pt or .ckpt that torch.save wrote"


class WeightsError(BitsError):
    """A file of weights that cannot be read, or does not fit the backbone that it is for."""


class Blank:
    """Stands for an object in a file of torch that is no tensor; it takes whatever it is given and keeps nothing."""

    def __new__(cls, *_: Any, **__: Any) -> Blank:
        return super().__new__(cls)

    def __setstate__(self, _: Any) -> None:
        pass

    def __setitem__(self, _: Any, __: Any) -> None:
        pass


def read_file(path: Path) -> dict[str, Tensor]:
    """Every tensor in a file under its dotted name, such as teacher.backbone.cls_token; other values are left out.

    Nothing is decoded beyond what weights_only permits, and nothing unpacked. Raises WeightsError for a file that is
    missing, larger than LARGEST, compressed, cut off, of another kind, or without tensors.
    """
    _check_size(path)
    content = _safetensors(path) if path.suffix == ".safetensors" or _is_safetensors(path) else _torch(path)
    tensors = dict(_flat(content, path))
    if not tensors:
        raise WeightsError(f"{path}: holds no tensor{_keys(content)}. {EXPECTED}.")
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.nbytes > tensor.untyped_storage().nbytes():
            raise WeightsError(f"{path}: {name} is no plain tensor, but a view that claims more than the file holds.")
    return tensors


def _check_size(path: Path) -> None:
    try:
        size = path.stat().st_size if path.is_file() else 0
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror}). {EXPECTED}.") from error
    if not path.is_file():
        raise WeightsError(f"{path}: {'a folder' if path.is_dir() else 'no such file'}. {EXPECTED}.")
    if not 0 < size <= LARGEST:
        raise WeightsError(f"{path}: has {size:,} bytes; expected at least 1, and at most {LARGEST:,}.")


def _is_safetensors(path: Path) -> bool:
    """Whether a file of any name begins as safetensors do: the length of a header in 8 bytes, then JSON."""
    with path.open("rb") as stream:
        start = stream.read(9)
    return start[8:] == b"{" and int.from_bytes(start[:8], "little") < path.stat().st_size


def _safetensors(path: Path) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = load_file(path)
    except (OSError, SafetensorError, ValueError) as error:
        raise WeightsError(f"{path}: not a whole safetensors file ({error}). Get it again.") from error
    return found


def _torch(path: Path) -> Any:
    """What torch.save wrote; of a zip, tensors stay on the disk until they are used."""
    zipped = zipfile.is_zipfile(path)
    if zipped:
        _refuse_compressed(path)
    try:
        with _blanks(path, zipped):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except pickle.UnpicklingError as error:
        said = _OWN_WORDS.sub("", " ".join(str(error).split()))  # torch advises to run what the file says
        if "GLOBAL" in said:
            raise WeightsError(_no_weights(path, said)) from error
        raise WeightsError(f"{path}: not written by torch.save ({said:.200}). {EXPECTED}.") from error
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, TypeError, AttributeError, IndexError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise WeightsError(f"{path}: cut off, or not written by torch.save ({first:.200}). {EXPECTED}.") from error


def _refuse_compressed(path: Path) -> None:
    """torch.save stores: an archive that unpacks to more than it takes was made by somebody else."""
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        raise WeightsError(f"{path}: a damaged zip ({error}). Get it again.") from error
    if unpacked > path.stat().st_size:
        raise WeightsError(
            f"{path}: unpacks to {unpacked:,} bytes from {path.stat().st_size:,}. torch.save compresses nothing, so "
            f"it did not write this. {EXPECTED}."
        )


@contextmanager
def _blanks(path: Path, zipped: bool) -> Iterator[None]:
    """While it lasts, torch reads what is harmless in the file as Blanks. Raises WeightsError for anything else."""
    names = get_unsafe_globals_in_checkpoint(path) if zipped else ["argparse.Namespace"]
    refused = [name for name in names if name not in TYPES and name.split(".")[0] not in HARMLESS]
    if refused:
        raise WeightsError(_no_weights(path, ", ".join(sorted(refused))))
    with safe_globals([(Blank, name) for name in names]):
        yield


def _no_weights(path: Path, what: str) -> str:
    return (
        f"{path}: holds more than weights, and nothing of it is run: {what.strip(' .'):.300}. If you trust its origin, "
        "write its tensors into a file of their own: torch.save(torch.load(FILE, weights_only=False)[KEY], NEW)."
    )


def _flat(content: Any, path: Path, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    """(dotted name, tensor) of all tensors in nested mappings."""
    if depth > DEEPEST:
        raise WeightsError(f"{path}: {prefix[:-1]:.200}: more than {DEEPEST} mappings within each other.")
    for key, value in content.items() if isinstance(content, Mapping) else ():
        if isinstance(value, Tensor):
            yield f"{prefix}{key}", value
        elif isinstance(value, Mapping):
            yield from _flat(value, path, f"{prefix}{key}.", depth + 1)


def _keys(content: Any) -> str:
    if not isinstance(content, Mapping):
        return f", but a {type(content).__name__}"
    return f", only {', '.join(str(key) for key in list(content)[:8])}" if content else ""
