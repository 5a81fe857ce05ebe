"""Files are written completely or not at all."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from bits.commands.guard import guarded
from bits.records.files import ReadOnlyError, write_json


def test_json_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError):
        write_json(path, {"a": float("inf")})
    assert json.loads(path.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("reason", [errno.EACCES, errno.EPERM, errno.EROFS])
@pytest.mark.parametrize("where", ["mkdir", "write_bytes"])
def test_who_may_not_write_is_told_so_in_a_line(tmp_path, monkeypatch, capsys, reason, where):
    def refuse(path, *arguments, **options):
        raise OSError(reason, os.strerror(reason), str(path))

    monkeypatch.setattr(Path, where, refuse)  # the tests may run as root, who may write anywhere
    path = tmp_path / "results/a.json"

    def main() -> int:
        write_json(path, {})
        return 0

    assert guarded(main) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"ReadOnlyError: {path}: cannot be written ({os.strerror(reason)}).")
    assert said.count("\n") == 1 and f"ls -ld {tmp_path}" in said.replace("/results", "")


def test_a_full_disk_is_no_matter_of_permission(tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left") as stopped:
        write_json(tmp_path / "a.json", {})
    assert not isinstance(stopped.value, ReadOnlyError)
