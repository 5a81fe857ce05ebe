"""bits check-data: every image before the first job, and what the plan makes of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bits.commands import check_data
from bits.errors import BitsError
from bits.plan.files import current_plan
from bits.workflow.options import requested

Call = Callable[..., tuple[int, str]]
SMALL = (
    *("scale=small", "evaluation.retrieval.queries_per_class=1", "curve.retrieval.queries_per_class=1"),
    *("evaluation.knn.ks=[5,20]", "schedule.batch_size=8"),
)


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """call(*words) -> (exit code, what is printed), from an empty folder."""
    monkeypatch.chdir(tmp_path)

    def called(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["bits check-data", *words])
        code = check_data.main()
        return code, capsys.readouterr().out

    return called


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Sixteen training and six val images of two classes, all different."""
    random = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 3)):
        for name in ("cat", "dog"):
            folder = tmp_path / "set" / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "set"


def test_a_set_without_faults(call: Call, pictures: Path) -> None:
    code, said = call(*SMALL, f"data={pictures}")
    assert code == 0
    assert f"16 train and 6 val images in {pictures}, all can be decoded" in said
    assert "counts: train 16 images of 2 classes, val 6 images of 2 classes; identity " in said
    assert Path("results/small/data/imagenet1k.parquet").is_file()
    assert Path("results/small/data/imagenet1k-notes.csv").read_text() == "what,split,path,detail\n"
    assert not Path("results/small/plan.json").exists(), "looking makes no plan"


def test_a_broken_image_stops_the_next_plan_until_it_is_replaced_or_left_out(call: Call, pictures: Path) -> None:
    broken = pictures / "val/dog/1.png"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:60])
    words = (*SMALL, f"data={pictures}")
    assert current_plan(requested(words)).unfit == (), "nobody has looked at it"
    code, said = call(*words)
    assert code == 1 and f"1 image can't be decoded: {broken} (60 bytes)" in said
    (unfit,) = current_plan(requested(words)).unfit
    assert unfit.found.startswith("1 image can't be decoded") and "policy.broken=exclude" in unfit.remedy
    leaving = current_plan(requested((*words, "dataset.policy.broken=exclude")))
    assert leaving.unfit == ()
    assert "left out: 1 image that can't be decoded, val/dog/1.png" in {remark.found for remark in leaving.remarks}
    broken.write_bytes(whole)
    again = current_plan(requested(words))
    assert again.unfit == () and again.datasets["imagenet1k"].fingerprint != leaving.datasets["imagenet1k"].fingerprint


def test_the_same_as_json_for_one_set_and_elsewhere(call: Call, pictures: Path, tmp_path: Path) -> None:
    words = (*SMALL, f"data={pictures}", "--only", "imagenet1k", "--json", "--out", str(tmp_path / "out"))
    code, said = call(*words)
    (found,) = json.loads(said)
    assert code == 0 and found["role"] == "imagenet1k" and found["counts"] == {"train": [16, 2], "val": [6, 2]}
    assert {Path(file).name for file in found["files"]} == {"imagenet1k.parquet", "imagenet1k-notes.csv"}
    assert all(Path(file).parent == tmp_path / "out" and Path(file).is_file() for file in found["files"])


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_decoded(
    call: Call, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("file").touch()
    monkeypatch.setattr("bits.data.looks._decode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(BitsError, match=r"file/x: nothing can be written there: Not a directory.*--out FOLDER"):
        call(*SMALL, f"data={pictures}", "--out", "file/x")


def test_what_cannot_be_checked_is_said(call: Call, tmp_path: Path) -> None:
    with pytest.raises(BitsError, match=r"made here, so there is nothing to check\. Say scale=small data=PATH"):
        call("scale=smoke")
    with pytest.raises(BitsError, match=r"--only bird525: no such data set in study small; did you mean 'birds525'"):
        call(*SMALL, f"data={tmp_path}", "--only", "bird525")
    code, said = call(*SMALL, "data=/nowhere/at/all")
    assert code == 1 and "/nowhere/at/all does not exist" in said
