"""Files of weights that a plan needs: there, imported already, or missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bits.doctor.weights import weights
from bits.plan import Plan
from bits.plan.sources import Import
from tests.sharing.plans import imported, with_an_import


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Plan, Import]:
    monkeypatch.chdir(tmp_path)
    return imported()


def test_the_doctor_says_which_file_is_missing(made: Any) -> None:
    plan, one = made
    (found,) = weights(plan)
    assert found.status == "ok" and "theirs: imported from theirs.pth" in found.found
    one.provenance.unlink()
    (found,) = weights(with_an_import(None)[0])
    assert (found.status, found.found) == ("error", "theirs: weights = theirs.pth: there is no such file")
    Path("theirs.pth").write_bytes(b"weights")
    (found,) = weights(with_an_import("a" * 64)[0])
    assert found.status == "ok" and "7 B" in found.found and "a" * 64 in found.found
