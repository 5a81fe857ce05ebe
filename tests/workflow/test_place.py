"""Where a build may write."""

from __future__ import annotations

import pytest

from bits.workflow.build_plan import load_plan
from bits.workflow.place import PlaceError, require_checkout, require_no_links, require_plain


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


def test_a_path_that_snakemake_does_not_quote_is_refused_on_a_cluster_alone(tmp_path, monkeypatch):
    require_plain("/home/me/bits-reproduction_2.0/.venv/bin/python")
    for path in ("/home/my projects/python", "/home/d'Artagnan/python", "/home/me/bits[2]/python"):
        with pytest.raises(PlaceError, match="folder whose path"):
            require_plain(path)
    odd = tmp_path / "a b [c]'d"
    odd.mkdir()
    monkeypatch.chdir(odd)
    assert load_plan({"scale": "smoke"}).study == "smoke"
    with pytest.raises(SystemExit, match="to a cluster"):
        load_plan({"scale": "smoke", "cluster": "slurm"})
