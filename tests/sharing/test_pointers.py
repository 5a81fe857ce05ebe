"""A .dvc file writes the file that it lies beside, or nothing is pulled."""

from __future__ import annotations

from pathlib import Path

import pytest

from bits.sharing.errors import SharingError
from bits.sharing.pointers import require_own_files

NAME = "results/tiny/runs/a-1/teacher.safetensors"
GOOD = "outs:\n- md5: 870c06c00566c4fb1861bb10f34d1904\n  size: 3\n  hash: md5\n  path: teacher.safetensors\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path(NAME).parent.mkdir(parents=True)
    Path(f"{NAME}.dvc").write_text(GOOD)
    return tmp_path


def test_what_dvc_writes_is_fine() -> None:
    require_own_files([NAME])
    Path(NAME).symlink_to("/cache/files/md5/87/0c06c00566c4fb1861bb10f34d1904")
    require_own_files([NAME])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("path: teacher", "path: ../../../../sitecustomize.py # teacher", "would write ../../../../sitecustomize.py"),
        ("path: teacher", "path: student", "would write student.safetensors"),
        ("path: teacher", "path: /etc/teacher", "would write /etc/teacher"),
        ("outs:", "wdir: ../../..\nouts:", "says wdir"),
        ("outs:", "deps:\n- path: https://example.org/x\nouts:", "says deps"),
        ("outs:", "cmd: touch x\nouts:", "says cmd"),
        ("  size: 3", "  remote: elsewhere", "says remote"),
        ("870c06c00566c4fb1861bb10f34d1904", "870c06c00566c4fb1861bb10f34d1904.dir", "md5 is 870c.*dir"),
        ("outs:\n", f"outs:\n{GOOD.partition(chr(10))[2]}", "not a .dvc file of one output"),
        ("outs:", "{", "not a .dvc file"),
        (GOOD, "3", "not a .dvc file"),
    ],
)
def test_another_place_or_more_than_a_file_is_refused_by_name(old: str, new: str, said: str) -> None:
    assert old in GOOD
    Path(f"{NAME}.dvc").write_text(GOOD.replace(old, new))
    with pytest.raises(SharingError, match=rf"{NAME}\.dvc: .*{said}.*Nothing was pulled.*git log -- {NAME}\.dvc"):
        require_own_files([NAME])


@pytest.mark.parametrize("name", ["config/x.safetensors", "results/../x.safetensors", "/results/x.safetensors"])
def test_only_folders_of_shared_files_are_written_to(name: str) -> None:
    with pytest.raises(SharingError, match="outside of the folders that are shared"):
        require_own_files([name])


def test_links_that_lead_elsewhere_are_refused(project: Path) -> None:
    Path(NAME).symlink_to(project / "sitecustomize.py")
    with pytest.raises(SharingError, match=rf"{NAME} is a link to .*sitecustomize"):
        require_own_files([NAME])
    Path(NAME).unlink()
    folder, elsewhere = Path(NAME).parent, project / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    with pytest.raises(SharingError, match=rf"{folder} is a link to .*elsewhere"):
        require_own_files([NAME])


def test_results_may_be_on_another_disk(project: Path) -> None:
    Path("results").rename("disk")
    Path("results").symlink_to("disk")
    require_own_files([NAME])
