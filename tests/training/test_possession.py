"""Only one process at a time can train a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from bits.records.code import ROOT
from bits.training.possession import InUseError, possession

HOLDS = """
import sys, time
from pathlib import Path
from bits.training.possession import possession
with possession(Path(sys.argv[1])):
    print("has it", flush=True)
    time.sleep(60)
"""


def holder(folder):
    process = subprocess.Popen([sys.executable, "-c", HOLDS, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "has it\n"
    return process


def test_a_run_in_use_is_refused_by_the_holders_name_and_a_killed_holder_lets_go(tmp_path):
    process = holder(tmp_path)
    try:
        with pytest.raises(InUseError, match=f'"process": {process.pid}.*scancel'), possession(tmp_path, patience=0.3):
            pass
        process.kill()
        process.wait()
        with possession(tmp_path, patience=0) as waited:
            assert not waited
            assert json.loads((tmp_path / ".lock").read_text())["process"] == os.getpid()
    finally:
        process.kill()


def test_who_waits_for_another_is_told(tmp_path):
    process = holder(tmp_path)
    started = time.monotonic()
    process.send_signal(signal.SIGSTOP)
    subprocess.Popen(["sh", "-c", f"sleep 0.5; kill -9 {process.pid}"])
    with possession(tmp_path, patience=30) as waited:
        assert waited
    assert time.monotonic() - started < 20
    process.wait()
