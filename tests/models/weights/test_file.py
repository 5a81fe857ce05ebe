"""Files of weights from anywhere: nothing in them is run, and what is no whole file of weights is refused."""

from __future__ import annotations

import argparse
import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from bits.models.weights import file as weights_file
from bits.models.weights.file import WeightsError, read_file


class Evil:
    def __reduce__(self):
        return (eval, ("__import__('pathlib').Path('ran').touch()",))


def saved(path: Path, content, **options) -> Path:
    torch.save(content, path, **options)
    return path


TENSOR = torch.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_come_by_dotted_names(zipped, tmp_path):
    content = {"a": {"b": TENSOR, "n": 3}, "c": TENSOR + 1, "args": argparse.Namespace(lr=1.0), "epoch": 2}
    found = read_file(saved(tmp_path / "x.pth", content, _use_new_zipfile_serialization=zipped))
    assert sorted(found) == ["a.b", "c"] and torch.equal(found["a.b"], TENSOR)


def test_what_trainers_keep_beside_weights_is_passed_over(tmp_path):
    beside = {
        "config": OmegaConf.create({"lr": 1.0, "sizes": [1, 2]}),
        "folder": Path("x"),
        "best": np.float64(3.0),
        "history": np.zeros(4),
    }
    assert list(read_file(saved(tmp_path / "x.ckpt", {"w": TENSOR, **beside}))) == ["w"]


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_file_is_never_run(zipped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = saved(tmp_path / "x.pth", {"w": TENSOR, "x": Evil()}, _use_new_zipfile_serialization=zipped)
    with pytest.raises(WeightsError, match=r"more than weights.*eval"):
        read_file(path)
    assert not Path("ran").exists()


def test_a_plain_pickle_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "x.pth"
    path.write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(WeightsError):
        read_file(path)
    assert not Path("ran").exists()


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
@pytest.mark.parametrize("content", [b"", b"no weights at all", b"PK\3\4 and then nothing", b"\x80\x02", bytes(1000)])
def test_other_files_are_refused(content, ending, tmp_path):
    path = tmp_path / f"x.{ending}"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=str(path)):
        read_file(path)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.3, 0.9, 0.99])
def test_a_file_that_is_cut_off_is_refused(share, zipped, tmp_path):
    whole = saved(tmp_path / "x.pth", {"w": torch.randn(50, 50)}, _use_new_zipfile_serialization=zipped).read_bytes()
    path = tmp_path / "part.pth"
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(WeightsError, match=r"part\.pth"):
        read_file(path)


def test_a_zip_that_unpacks_to_more_than_it_takes_is_refused(tmp_path):
    plain, packed = saved(tmp_path / "x.pth", {"w": torch.zeros(300, 300)}), tmp_path / "packed.pth"
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(WeightsError, match="unpacks to"):
        read_file(packed)


def test_a_view_that_claims_more_than_the_file_holds_is_refused(tmp_path):
    path = saved(tmp_path / "x.pth", {"w": torch.zeros(1).expand(1 << 40)})
    with pytest.raises(WeightsError, match="w is no plain tensor"):
        read_file(path)


@pytest.mark.parametrize("content", [{"epoch": 3, "args": {"lr": 1}}, [1, 2], "text", {}])
def test_a_file_without_tensors_says_what_it_has(content, tmp_path):
    with pytest.raises(WeightsError, match="holds no tensor"):
        read_file(saved(tmp_path / "x.pth", content))


def test_places_without_a_file_are_named(tmp_path, monkeypatch):
    with pytest.raises(WeightsError, match="no such file"):
        read_file(tmp_path / "x.pth")
    with pytest.raises(WeightsError, match="a folder"):
        read_file(tmp_path)
    path = saved(tmp_path / "x.pth", {"w": TENSOR})
    monkeypatch.setattr(weights_file, "LARGEST", 10)
    with pytest.raises(WeightsError, match="at most 10"):
        read_file(path)


def test_endless_mappings_are_refused(tmp_path):
    content = {"w": TENSOR}
    for _ in range(weights_file.DEEPEST + 1):
        content = {"a": content}
    with pytest.raises(WeightsError, match="mappings within each other"):
        read_file(saved(tmp_path / "x.pth", content))


def test_a_safetensors_file_that_is_called_otherwise_is_read(tmp_path):
    from safetensors.torch import save_file

    save_file({"w": TENSOR}, tmp_path / "x.safetensors")
    shutil.copy(tmp_path / "x.safetensors", tmp_path / "x.pth")
    assert torch.equal(read_file(tmp_path / "x.pth")["w"], TENSOR)
