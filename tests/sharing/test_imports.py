"""What is shared of a backbone that was trained elsewhere: DVC keeps its weights, git where they are from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bits.plan import Plan
from bits.plan.sources import Import
from bits.sharing import SharingError
from bits.sharing.files import for_dvc, outputs
from bits.sharing.pulling import ids_of

from .plans import imported


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Plan, Import]:
    monkeypatch.chdir(tmp_path)
    return imported()


def test_dvc_keeps_the_weights_and_git_the_provenance(made: Any) -> None:
    plan, one = made
    assert {str(one.weights), str(one.provenance)} <= set(outputs(plan))
    assert str(one.weights) in for_dvc(plan) and str(one.provenance) not in for_dvc(plan)
    assert ids_of(plan, "theirs") == ids_of(plan, one.id) == [one.id]
    with pytest.raises(SharingError, match="theirs"):
        ids_of(plan, "their")
