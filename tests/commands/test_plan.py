"""The plan command lists what there is."""

from __future__ import annotations

import subprocess
import sys

from bits.records.code import ROOT


def test_the_plan_command_lists_what_there_is(tmp_path):
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bits.commands.plan", *words]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)

    shown = call("scale=smoke", "--list")
    assert "pretraining bits-reset seed 0: " in shown.stdout
    assert "finetuning bits-reset-on-birds525 seed 0: " in shown.stdout
    assert "exhibit table-1 " in shown.stdout
    assert "not yet implemented" in shown.stdout
    refused = call("scale=smok")
    assert refused.returncode == 2
    assert "smoke" in refused.stderr
    assert (tmp_path / "results/smoke/plan.json").is_file()
