"""Tensor files: the same bytes for the same content, and what is not as it was written is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from bits.tensors import TensorsError, checksum, read_tensors, write_tensors

TENSORS = {"b": torch.arange(6.0).reshape(2, 3), "a": torch.tensor(7), "c": torch.zeros(0, dtype=torch.bfloat16)}
FACTS = {"run": "x", "curve": {"x": [1.0], "map": [0.5]}}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_tensors(tmp_path / "x", TENSORS, FACTS)
    tensors, facts = read_tensors(tmp_path / "x")
    assert facts == FACTS
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS) and len(tensors) == len(TENSORS)


def test_equal_contents_are_equal_bytes(tmp_path: Path) -> None:
    write_tensors(tmp_path / "0", TENSORS, FACTS)
    for number in range(1, 9):
        write_tensors(tmp_path / str(number), dict(reversed(TENSORS.items())), FACTS)
        assert (tmp_path / str(number)).read_bytes() == (tmp_path / "0").read_bytes()


def test_files_from_before_facts_and_checksum_shared_an_entry_are_read(tmp_path: Path) -> None:
    metadata = {"facts": json.dumps(FACTS), "sha256": checksum(TENSORS)}
    save_file(TENSORS, tmp_path / "x", metadata=metadata)
    assert read_tensors(tmp_path / "x")[1] == FACTS
    save_file(TENSORS, tmp_path / "x", metadata={**metadata, "sha256": "0" * 64})
    with pytest.raises(TensorsError, match="x: damaged: its tensors do not match"):
        read_tensors(tmp_path / "x")


@pytest.mark.parametrize("metadata", [None, {"bits": "{}"}, {"bits": "[]"}, {"bits": "{"}, {"facts": "{}"}])
def test_another_kind_of_file_is_refused(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    save_file(TENSORS, tmp_path / "x", metadata=metadata)
    with pytest.raises(TensorsError, match="x: damaged, or not a file of this project"):
        read_tensors(tmp_path / "x")


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_tensors(path, TENSORS, FACTS)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(TensorsError, match="do not match the checksum"):
        read_tensors(path)
