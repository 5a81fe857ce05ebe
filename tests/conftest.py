"""Fixtures that several test modules use."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

# Tests run beside each other on few cores; one thread each is fastest, and results don't depend on the machine.
torch.set_num_threads(1)

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real photographs beside the checkout; a plain clone has none."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no real photographs beside the checkout (../shared/data)")
    return folder
