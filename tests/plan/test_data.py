"""Where data lie, and data that are known from a shared manifest alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bits.errors import DatasetError
from bits.plan import Request, current_plan, make_plan, manifest_path
from bits.sharing.manifests import write_manifests


def test_a_clone_without_the_images_knows_them_from_the_manifest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for split in ("train", "val"):
        (tmp_path / f"images/{split}/cat").mkdir(parents=True)
        (tmp_path / f"images/{split}/cat/1.png").write_bytes(b"")
    words = ("site.data.images=images",)
    plan = current_plan(Request.of_scale("small", words))
    assert (plan.missing, plan.elsewhere) == ((), ())
    write_manifests(plan)
    shutil.rmtree(tmp_path / "images")
    clone = current_plan(Request.of_scale("small", words))
    assert (clone.missing, clone.elsewhere) == ((), ("imagenet1k",))
    assert clone.is_here("imagenet1k")
    assert clone.metrics == plan.metrics
    assert clone.report_digest == plan.report_digest
    manifest = manifest_path(Path("results/small"), "imagenet1k")
    manifest.write_text("{}")
    with pytest.raises(DatasetError, match=r"imagenet1k\.json: no manifest"):
        make_plan(Request.of_scale("small", words))
    manifest.unlink()
    gone = make_plan(Request.of_scale("small", words))
    assert [gap.role for gap in gone.missing] == ["imagenet1k"]
    assert not gone.is_here("imagenet1k")
