"""How commands end."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bits.records.code import ROOT


@pytest.mark.parametrize("words", [["--help"], ["share", "--help"], ["doctor", "--help"]])
def test_a_reader_who_has_seen_enough_is_no_error(words):
    reader, writer = os.pipe()
    os.close(reader)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with os.fdopen(writer, "wb") as stdout:
        command = [sys.executable, "-m", "bits", *words]
        done = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, env=environment, text=True, timeout=120)
    assert done.stderr == ""
    assert done.returncode in (0, 141), "argparse says nothing of its own help that nobody reads"
