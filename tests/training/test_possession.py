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
from bits.training.possession import InUseError, holder, let_go, possession

HOLDS = """
import sys, time
from pathlib import Path
from bits.training.possession import possession
folder = Path(sys.argv[1])
with possession(folder, folder / "resume"):
    print("has it", flush=True)
    time.sleep(60)
"""


def started_holder(folder):
    process = subprocess.Popen([sys.executable, "-c", HOLDS, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "has it\n"
    return process


def test_a_run_in_use_is_refused_by_the_holders_name_and_a_killed_holder_lets_go(tmp_path):
    process = started_holder(tmp_path)
    try:
        with (
            pytest.raises(InUseError, match=f'"process": {process.pid}.*scancel'),
            possession(tmp_path, tmp_path / "resume", patience=0.3),
        ):
            pass
        process.kill()
        process.wait()
        with possession(tmp_path, tmp_path / "resume", patience=0) as waited:
            assert not waited
            assert json.loads((tmp_path / ".lock").read_text())["process"] == os.getpid()
    finally:
        process.kill()


def test_who_waits_for_another_is_told(tmp_path):
    process = started_holder(tmp_path)
    started = time.monotonic()
    process.send_signal(signal.SIGSTOP)
    subprocess.Popen(["sh", "-c", f"sleep 0.5; kill -9 {process.pid}"])
    with possession(tmp_path, tmp_path / "resume", patience=30) as waited:
        assert waited
    assert time.monotonic() - started < 20
    process.wait()


def test_checkpoints_on_a_disk_that_others_use_are_locked_there(tmp_path):
    """Two containers may both call their checkout /project, and so share a folder of checkpoints."""
    scratch = tmp_path / "scratch"
    with possession(tmp_path / "a", scratch):
        other = possession(tmp_path / "b", scratch, patience=0)
        with pytest.raises(InUseError, match=f'{scratch}.*"run": "{tmp_path}/a"'), other:
            raise AssertionError("let in")
        assert holder(tmp_path / "a") is not None
    assert holder(tmp_path / "a") is None
    with possession(tmp_path / "b", scratch, patience=0):
        pass


def test_checkpoints_go_when_the_run_has_ended_and_nobody_trains_it(tmp_path):
    run, resume = tmp_path / "run", tmp_path / "scratch"
    resume.mkdir()
    let_go(run, resume)
    assert resume.exists(), "the run has not ended"
    run.mkdir()
    (run / "outcome.json").touch()
    with possession(run, resume):
        let_go(run, resume)
        assert resume.exists(), "somebody is training it"
    let_go(run, resume)
    assert not resume.exists()


def test_who_waited_for_a_folder_that_went_has_the_lock_of_the_one_that_is_there(tmp_path):
    process = started_holder(tmp_path)
    (tmp_path / ".lock").unlink()
    with possession(tmp_path, tmp_path / "resume", patience=0) as waited:
        assert not waited
        assert json.loads(str((tmp_path / ".lock").read_text()))["process"] == os.getpid()
    process.kill()
    process.wait()
