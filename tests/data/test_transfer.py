"""Many tensors in one copy, which come out as they went in."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bits.data import transfer
from bits.data.batch import ImageBatch
from bits.data.transfer import LARGEST, together

NUMBERS = [torch.randn(2, 3), torch.zeros(0), torch.randn(5, 1, 2)]
POSITIONS = [torch.tensor([0, 7, LARGEST, LARGEST - 1]), torch.zeros(0, dtype=torch.int64), torch.arange(6).view(2, 3)]


def test_tensors_come_out_of_one_copy_as_they_went_in(monkeypatch: pytest.MonkeyPatch) -> None:
    copies: list[Tensor] = []

    def copied(tensor: Tensor, device: object) -> Tensor:
        copies.append(tensor)
        return tensor.clone()

    monkeypatch.setattr(transfer, "to_device", copied)
    numbers, positions = together(NUMBERS, POSITIONS, "meta")  # any device but the CPU
    assert len(copies) == 1
    for found, given in zip([*numbers, *positions], [*NUMBERS, *POSITIONS], strict=True):
        assert found.dtype == given.dtype and torch.equal(found, given)


def test_in_main_memory_nothing_is_copied() -> None:
    numbers, positions = together(NUMBERS, POSITIONS, "cpu")
    assert all(found is given for found, given in zip([*numbers, *positions], [*NUMBERS, *POSITIONS], strict=True))


def test_sizes_stay_in_main_memory() -> None:
    batch = ImageBatch(torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.full((2, 2), 4)).to("meta")
    assert (batch.pixels.device.type, batch.sizes.device.type) == ("meta", "cpu")
