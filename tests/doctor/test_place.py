"""The doctor knows of the folders in which a build would be refused."""

from __future__ import annotations

import sys

from bits.doctor.place import place


def test_what_the_build_refuses_is_an_error_with_its_remedy(tmp_path, monkeypatch):
    odd, disk = tmp_path / "my project", tmp_path / "disk"
    odd.mkdir()
    disk.mkdir()
    monkeypatch.chdir(odd)
    monkeypatch.setattr(sys, "executable", "/home/me/python")
    assert place("smoke", cluster=False) == []
    (found,) = place("smoke", cluster=True)
    assert found.status == "error"
    assert found.found.startswith(f"{odd}: Snakemake does not quote")
    assert found.remedy.startswith("Move or clone the project")
    (odd / "results").symlink_to(disk)
    (found,) = place("smoke", cluster=False)
    assert found.found.startswith(f"results is a link to {disk}")
    assert f"mount --bind {disk} results" in found.remedy
