"""make setup: what it does with an environment that is half made, of another place, or somebody else's.

The Python that it is given is planted: it notes what it is asked for, and makes environments that do the same.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from bits.records.code import ROOT

FAKE = """#!/usr/bin/env bash
echo "$(basename "$0") $*" >> "{log}"
if [ "$1 $2" = "-m pip" ] && [ ! -e "$(dirname "$0")/pip" ]; then exit 1; fi
if [ "$1 $2 $3" = "-m venv --clear" ]; then
  rm -rf "$4"/*
  mkdir -p "$4/bin"
  echo "VIRTUAL_ENV=\\"$PWD/$4\\"" > "$4/bin/activate"
  touch "$4/pyvenv.cfg" "$4/bin/pip"
  cp "$0" "$4/bin/python"
  cp "$0" "$4/bin/uv"
fi
"""


class Project:
    """A folder with the Makefile and what it installs from."""

    def __init__(self, folder: Path, log: Path) -> None:
        self.folder, self.log = folder, log
        folder.mkdir(parents=True)
        for name in ("Makefile", "requirements.lock", "requirements-uv.lock", "pyproject.toml"):
            shutil.copy(ROOT / name, folder / name)

    def setup(self) -> subprocess.CompletedProcess[str]:
        command = ["make", "setup", f"PYTHON={self.log.parent / 'python3'}"]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True)

    def made(self) -> list[str]:
        """What a set-up that must work asks for."""
        before = len(self.log.read_text().splitlines()) if self.log.exists() else 0
        done = self.setup()
        assert done.returncode == 0, done.stdout + done.stderr
        return self.log.read_text().splitlines()[before:] if self.log.exists() else []


@pytest.fixture
def project(tmp_path: Path) -> Project:
    log = tmp_path / "asked"
    (tmp_path / "python3").write_text(FAKE.replace("{log}", str(log)))
    (tmp_path / "python3").chmod(0o755)
    return Project(tmp_path / "a project", log)


def test_an_environment_is_made_once(project):
    assert any("python3 -m venv" in line for line in project.made())
    assert project.made() == []


def test_one_that_was_half_made_is_made_anew_and_one_without_packages_is_gone_on_with(project):
    project.made()
    environment = project.folder / ".venv"
    (environment / ".installed").unlink()
    assert not any("-m venv" in line for line in project.made()), "stopped while it installed"
    (environment / ".installed").unlink()
    (environment / "bin/pip").unlink()  # stopped while venv was at work
    assert any("-m venv --clear" in line for line in project.made())
    assert project.made() == []


def test_a_project_that_was_moved_gets_its_environment_anew(project):
    project.made()
    project.folder = project.folder.rename(project.folder.with_name("moved"))
    assert any("-m venv --clear" in line for line in project.made())
    assert project.made() == []


def test_a_link_to_the_environment_of_another_project_is_left_alone(project, tmp_path):
    project.made()
    other = Project(tmp_path / "other", project.log)
    link = other.folder / ".venv"
    link.symlink_to(project.folder / ".venv")
    asked = project.log.read_text()
    refused = other.setup()
    assert refused.returncode != 0
    assert f"is a link to {project.folder}/.venv" in refused.stderr
    assert "rm .venv" in refused.stderr
    assert project.log.read_text() == asked
    assert project.made() == [], "as it was"


def test_a_link_to_a_place_for_its_own_environment_is_used(project, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    (project.folder / ".venv").symlink_to(disk)
    project.made()
    assert (disk / "bin/python").is_file()
    assert project.made() == []
