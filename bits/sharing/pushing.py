"""Send what was made to a DVC remote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bits.sharing.dvc import dvc, require_remote
from bits.sharing.files import for_dvc
from bits.sharing.recording import record


def push(plan: Mapping[str, Any], remote: str = "") -> int:
    """Record a scale and send its bytes; returns how many files were recorded. Commits nothing.

    What a partial clone has not pulled is not here to be sent, and is on the remote already.
    """
    require_remote(remote)
    made = record(plan)
    here = [f"{name}.dvc" for name in for_dvc(plan) if Path(name).is_file() and Path(f"{name}.dvc").is_file()]
    dvc("push", *(["-r", remote] if remote else []), *here)
    return len(made.dates)
