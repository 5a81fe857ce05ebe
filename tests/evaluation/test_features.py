"""Features that are kept: read when they are what was written for the key, else extracted again with a note."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from bits.evaluation.features import FeatureStore

from .conftest import Labelled

IMAGES = Labelled("val", torch.zeros(4, dtype=torch.int64))


def features(value: float) -> Callable[[], Tensor]:
    return lambda: torch.full((4, 3), value)


def damaged(path: Path) -> None:
    """The same length, and readable by safetensors: a stretch of zeroes, as a full disk leaves it."""
    path.write_bytes(path.read_bytes()[:-16] + bytes(16))


@pytest.fixture
def stores(tmp_path: Path) -> list[FeatureStore]:
    """Of two runs, with their features: ones and twos."""
    found = [FeatureStore(tmp_path / name, {"weights": name}) for name in ("first", "second")]
    for value, store in enumerate(found, start=1):
        store.get("val", IMAGES, features(value))
    return found


def test_what_was_written_is_read(stores: list[FeatureStore], capsys: pytest.CaptureFixture[str]) -> None:
    assert [store.get("val", IMAGES, features(9)).unique().tolist() for store in stores] == [[1], [2]]
    assert capsys.readouterr().out == ""


def test_zeroes_in_a_file_are_noticed(stores: list[FeatureStore], capsys: pytest.CaptureFixture[str]) -> None:
    path = stores[0].path("val")
    damaged(path)
    assert stores[0].get("val", IMAGES, features(1)).unique().tolist() == [1]
    assert f"note: {path}: damaged" in capsys.readouterr().out
    assert stores[0].get("val", IMAGES, features(9)).unique().tolist() == [1], "written anew"


def test_the_file_of_another_run_is_noticed(stores: list[FeatureStore], capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy2(stores[1].path("val"), stores[0].path("val"))
    assert stores[0].get("val", IMAGES, features(1)).unique().tolist() == [1]
    assert "features of other weights, data or settings" in capsys.readouterr().out


def test_equal_features_are_equal_bytes(stores: list[FeatureStore]) -> None:
    path = stores[0].path("val")
    content = path.read_bytes()
    for _ in range(8):
        path.unlink()
        stores[0].get("val", IMAGES, features(1))
        assert path.read_bytes() == content
