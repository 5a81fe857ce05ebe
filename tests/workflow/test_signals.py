"""Signals to Snakemake alone: which of its processes hear of them, and how its training ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from bits.records.code import ROOT
from bits.workflow.signals import jobs

PARENT = """
import subprocess, sys, time
from bits.workflow.signals import pass_signals_on
pass_signals_on()
job = "import signal, sys; signal.signal(15, lambda *_: sys.exit(print('told', flush=True))); print('on', flush=True); "
job += "signal.pause()"
shell = subprocess.Popen(["bash", "-c", 'set -e; "$0" -c "$1"; echo ended', sys.executable, job])
try:
    time.sleep(60)
except KeyboardInterrupt:
    print("stops", shell.wait(timeout=30), flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_parent_alone_reaches_the_job_in_its_shell(number):
    words = [sys.executable, "-c", PARENT]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout
    assert process.stdout.readline() == "on\n"
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert said.splitlines() == ["told", "ended", "stops 0"], "the shell outlives its command"


def test_jobs_are_commands_and_not_the_shells_around_them():
    shell = subprocess.Popen(["bash", "-c", "sleep 60; true"])
    bare = subprocess.Popen(["sleep", "60"])
    try:
        while not psutil.Process(shell.pid).children():
            time.sleep(0.01)
        found = [job for job in jobs(psutil.Process()) if job.ppid() == shell.pid or job.pid == bare.pid]
        assert {(job.name(), job.ppid()) for job in found} == {("sleep", shell.pid), ("sleep", os.getpid())}
    finally:
        for process in (*psutil.Process(shell.pid).children(), shell, bare):
            process.kill()
        shell.wait()
        bare.wait()
