"""Code digests depend on what the code does, not on how it is written."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from bits.doctor.versions import commit
from bits.records.code import ROOT, code_digest, code_state


def test_code_digest_ignores_comments_docstrings_and_layout(tmp_path):
    path = tmp_path / "x.py"
    path.write_text('"""Doc."""\ndef f(x):\n    """Doc."""\n    return x + 1\n')
    first = code_digest([path])
    path.write_text('"""Other."""\n# why\ndef f(\n    x,\n):\n    return x + 1  # because\n')
    assert code_digest([path]) == first
    path.write_text("def f(x):\n    return x + 2\n")
    assert code_digest([path]) != first


def test_code_digest_is_the_same_in_other_versions_of_python():
    code = "from pathlib import Path; from bits.records.code import code_digest; print(code_digest([Path('bits')]))"
    found = [shutil.which(f"python3.{version}") for version in range(11, 20)]

    def digest_by(interpreter: str) -> str:
        done = subprocess.run([interpreter, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
        return done.stdout.strip()

    expected = code_digest([ROOT / "bits"])
    assert digest_by(sys.executable) == expected
    # An interpreter on the path may be a stub for a version that is not installed, which prints nothing.
    assert {digest_by(interpreter) for interpreter in found if interpreter} <= {expected, ""}


def repository(folder: Path) -> str:
    """A repository of one package, with a commit; returns that."""
    (folder / "bits").mkdir(parents=True)
    (folder / "bits/__init__.py").write_text("")
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    for words in (("init", "-q"), ("add", "."), (*identity, "commit", "-q", "-m", "x")):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    return subprocess.run(
        ["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_commit_is_that_of_the_code_and_no_others(tmp_path):
    made = repository(tmp_path / "project")
    assert code_state(tmp_path / "project") == {"commit": made, "dirty": False}
    (tmp_path / "project/bits/__init__.py").write_text("x = 1\n")
    assert code_state(tmp_path / "project") == {"commit": made, "dirty": True}
    unpacked = tmp_path / "project/unpacked"  # an archive of the code, inside somebody else's repository
    (unpacked / "bits").mkdir(parents=True)
    (unpacked / "bits/__init__.py").write_text("")
    assert code_state(unpacked) == {"commit": None, "dirty": None}


def test_the_doctor_says_why_there_is_no_commit(tmp_path, monkeypatch):
    repository(tmp_path / "project")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    (of_another_user,) = commit(tmp_path / "project")
    assert "belongs to another user" in of_another_user.found
    assert of_another_user.remedy == f"git config --global --add safe.directory {tmp_path / 'project'}"
    monkeypatch.delenv("GIT_TEST_ASSUME_DIFFERENT_OWNER")
    (tmp_path / "archive/bits").mkdir(parents=True)
    (downloaded,) = commit(tmp_path / "archive")
    assert "no git checkout" in downloaded.found and "git init" in downloaded.remedy
