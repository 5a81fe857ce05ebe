"""Answers of nvidia-smi, which shell scripts stand in for."""

from __future__ import annotations

from pathlib import Path

import pytest

from bits.records import gpus as module
from bits.records.gpus import Gpu, gpu_name, gpus, has_driver


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """nvidia_smi(script) makes the script the only program on the path."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module, "DRIVER", tmp_path / "driver")

    def write(script: str) -> None:
        path = tmp_path / "nvidia-smi"
        path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        path.chmod(0o755)

    return write


def test_gpus_by_name_and_driver(nvidia_smi) -> None:
    nvidia_smi("echo '570.12, NVIDIA H200'; echo '570.12, NVIDIA A100-SXM4-80GB'")
    assert gpus().found == (Gpu("NVIDIA H200", "570.12"), Gpu("NVIDIA A100-SXM4-80GB", "570.12"))
    assert gpu_name() == "NVIDIA H200"
    assert has_driver()


def test_a_driver_that_is_broken_or_absent(nvidia_smi, tmp_path: Path) -> None:
    assert not has_driver()
    assert gpu_name() is None
    assert "not on the path" in gpus().problem
    (tmp_path / "driver").touch()
    assert has_driver(), "the kernel module is loaded"
    nvidia_smi("echo 'No devices were found' >&2; exit 6")
    assert gpus().problem == "nvidia-smi: No devices were found"
    assert gpu_name() is None


def test_a_driver_that_hangs_is_not_waited_for(nvidia_smi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.2)
    nvidia_smi("sleep 60 & wait")
    assert "did not answer within 0.2 s" in gpus().problem
