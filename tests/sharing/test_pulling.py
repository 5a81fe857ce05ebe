"""Pulling through DVC itself, from a folder that lacks something, or everything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bits.plan import Plan
from bits.records.digests import file_digest
from bits.sharing import SharingError, pull, push, restore
from bits.sharing.dvc import dvc
from bits.sharing.made import Made, read_made, write_made

from .conftest import STUDY, WEIGHTS, with_outputs

STUDENT, HEADS = (WEIGHTS.replace("teacher", part) for part in ("student", "heads"))
REMOTE = Path("remote")


@pytest.fixture
def shared(plan: Plan, made: Made) -> Plan:
    """The weights of a run and a table, pushed; the clone, so to say, has the text alone."""
    for name in (STUDENT, HEADS):
        Path(name).write_text(name)
    training, table = made.recorded
    write_made(Made((with_outputs(training, WEIGHTS, STUDENT, HEADS), table)), STUDY)
    restore(plan)
    subprocess.run(["git", "init", "-q"], check=True)
    dvc("init", "-q")
    REMOTE.mkdir()
    dvc("remote", "add", "-d", "storage", str(REMOTE.absolute()))
    for folder in ("results", "reports"):
        Path(folder, ".gitignore").write_text("/*\n")
    push(plan)
    for name in (WEIGHTS, STUDENT, HEADS):
        Path(name).unlink()
    subprocess.run(["rm", "-rf", ".dvc/cache", ".snakemake"], check=True)
    return plan


def at_the_remote(name: str) -> Path:
    md5 = Path(f"{name}.dvc").read_text().partition("md5: ")[2].split()[0]
    return REMOTE / "files/md5" / md5[:2] / md5[2:]


def test_what_is_there_is_restored_and_what_is_lacking_or_damaged_is_named(shared: Plan) -> None:
    at_the_remote(STUDENT).unlink()
    at_the_remote(HEADS).chmod(0o644)
    at_the_remote(HEADS).write_text("damaged")
    found = pull(shared)
    assert sorted(found.lacking) == [HEADS, STUDENT] and set(found.absent) == {HEADS, STUDENT}
    assert file_digest(Path(WEIGHTS)) == read_made(STUDY).digests[WEIGHTS]
    assert Path(WEIGHTS).stat().st_mtime == read_made(STUDY).dates[WEIGHTS]
    assert WEIGHTS in found.same


def test_a_pointer_that_leads_elsewhere_stops_everything(shared: Plan) -> None:
    pointer = Path(f"{STUDENT}.dvc")
    pointer.write_text(pointer.read_text().replace("path: student", "path: ../../../../student"))
    with pytest.raises(SharingError, match=r"student\.safetensors\.dvc: would write \.\./\.\./\.\./\.\./student"):
        pull(shared)
    assert not Path(WEIGHTS).exists() and not Path("student.safetensors").exists()


def test_a_remote_that_is_not_there_is_one_sentence(shared: Plan) -> None:
    REMOTE.rename("unmounted")
    with pytest.raises(SharingError) as stopped:
        pull(shared)
    (line,) = str(stopped.value).splitlines()
    assert f"the remote storage is the folder {REMOTE.absolute()}, which does not exist. Mount its disk" in line
    assert sys.executable not in line
