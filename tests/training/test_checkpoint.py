"""Checkpoints are written atomically; damaged ones are skipped, foreign ones refused."""

from __future__ import annotations

import errno
import pickle

import pytest
import torch

from bits.training.checkpoint import CheckpointError, newest, path_of, read_tensors, save


def tensors(value: float) -> dict[str, torch.Tensor]:
    return {"a": torch.full((3,), value), "b": torch.tensor(7)}


def test_round_trip_and_two_generations(tmp_path):
    for step in (1, 2, 3):
        save(tmp_path, step, tensors(step), {"run": "x", "step": step})
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "step-000000002.safetensors",
        "step-000000003.safetensors",
    ]
    found = newest(tmp_path, "x")
    assert found is not None
    assert found.facts["step"] == 3
    assert torch.equal(found.tensors["a"], tensors(3)["a"])
    assert newest(tmp_path / "none", "x") is None


@pytest.mark.parametrize("damage", [b"", b"\0" * 50, b"PK\x03\x04zip", pickle.dumps({"a": 1})])
def test_a_damaged_newest_gives_way_to_the_one_before_it(tmp_path, damage):
    save(tmp_path, 1, tensors(1), {"run": "x", "step": 1})
    path = save(tmp_path, 2, tensors(2), {"run": "x", "step": 2})
    path.write_bytes(damage)
    said: list[str] = []
    found = newest(tmp_path, "x", warn=said.append)
    assert found is not None
    assert found.facts["step"] == 1
    assert "step-000000002" in said[0]
    assert "falling back" in said[0]


def test_damaged_ones_of_later_steps_do_not_push_out_what_is_written_after_them(tmp_path):
    for step in (900, 1000):
        save(tmp_path, step, {"a": torch.ones(2)}, {"run": "r", "step": step})
        path_of(tmp_path, step).write_bytes(b"damaged")
    assert newest(tmp_path, "r", warn=lambda text: None) is None
    for step in (0, 100, 200):
        assert save(tmp_path, step, {"a": torch.ones(2)}, {"run": "r", "step": step}).is_file()
        assert newest(tmp_path, "r").facts["step"] == step
    assert sorted(path.name for path in tmp_path.iterdir()) == [path_of(tmp_path, step).name for step in (100, 200)]


def test_a_truncated_file_is_damaged(tmp_path):
    path = save(tmp_path, 1, tensors(1), {"run": "x", "step": 1})
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(CheckpointError, match="damaged"):
        read_tensors(path)


def test_another_configuration_is_refused(tmp_path):
    save(tmp_path, 1, tensors(1), {"run": "x", "step": 1})
    with pytest.raises(CheckpointError, match="another configuration"):
        newest(tmp_path, "y")


def test_a_full_disk_loses_nothing_and_leaves_no_litter(tmp_path, monkeypatch):
    save(tmp_path, 1, tensors(1), {"run": "x", "step": 1})

    def full(*arguments, **options):
        arguments[1].write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("bits.tensors.save_file", full)
    with pytest.raises(CheckpointError, match="No space left"):
        save(tmp_path, 2, tensors(2), {"run": "x", "step": 2})
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000001.safetensors"]
    found = newest(tmp_path, "x")
    assert found is not None
    assert found.facts["step"] == 1
