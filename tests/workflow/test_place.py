"""Where a build may write."""

from __future__ import annotations

import pytest

from bits.workflow.build_plan import load_plan
from bits.workflow.place import PlaceError, require_checkout, require_no_links


def test_only_in_the_checkout(tmp_path, monkeypatch):
    checkout, other = tmp_path / "checkout", tmp_path / "other"
    checkout.mkdir()
    other.mkdir()
    (tmp_path / "link").symlink_to(checkout)
    monkeypatch.chdir(checkout)
    require_checkout(checkout)
    require_checkout(tmp_path / "link")
    monkeypatch.chdir(other)
    with pytest.raises(PlaceError, match=f"called in {other}.*--directory {checkout}"):
        require_checkout(checkout)
    with pytest.raises(SystemExit, match="PlaceError"):
        load_plan({"scale": "smoke"}, checkout)
    assert list(other.iterdir()) == []


@pytest.mark.parametrize("name", ["results", "results/smoke", "results/smoke/runs", "reports", "reports/smoke"])
def test_a_link_to_another_disk_is_refused_before_anything_is_made(name, tmp_path, monkeypatch):
    disk, place = tmp_path / "disk", tmp_path / "checkout" / name
    disk.mkdir()
    place.parent.mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "checkout")
    require_no_links("smoke")
    place.symlink_to(disk)
    if "/" in name:
        require_no_links("demo")
    with pytest.raises(PlaceError, match=f"{name} is a link to {disk}.*mount --bind {disk} {name}"):
        require_no_links("smoke")
    with pytest.raises(SystemExit, match="is a link"):
        load_plan({"scale": "smoke"})
    assert list(disk.iterdir()) == []
