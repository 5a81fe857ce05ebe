"""A user whom no passwd file names, as in many containers."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

import pytest

from bits.records.user import name_the_user


def nobody(_: int) -> None:
    raise KeyError("getpwuid(): uid not found")


def test_a_nameless_user_gets_a_name_and_a_home(monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "HOME"):
        monkeypatch.setenv(name, "")  # so that what is set below is undone
        monkeypatch.delenv(name)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    with pytest.raises((KeyError, OSError)):
        getpass.getuser()
    name_the_user()
    assert getpass.getuser() == f"user-{os.getuid()}"
    assert Path.home().is_dir()


def test_a_user_with_a_name_keeps_it(monkeypatch):
    monkeypatch.setenv("LOGNAME", "ada")
    monkeypatch.setenv("HOME", "/home/ada")
    name_the_user()
    assert (getpass.getuser(), str(Path.home())) == ("ada", "/home/ada")
