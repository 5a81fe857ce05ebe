"""What the key of a request follows."""

from __future__ import annotations

import shutil

from bits.plan import Request
from bits.records.code import ROOT


def test_the_key_follows_scale_overrides_and_configuration(tmp_path):
    config = shutil.copytree(ROOT / "config", tmp_path / "config")
    first = Request.of_scale("smoke", (), config).key()
    assert first == Request.of_scale("smoke").key(), "the same configuration elsewhere"
    assert Request.of_scale("demo", (), config).key() != first
    assert Request.of_scale("smoke", ("seed=1",), config).key() != first
    with (config / "choices.yaml").open("a") as stream:
        stream.write("\n# a thought\n")
    assert Request.of_scale("smoke", (), config).key() != first


def test_code_that_makes_plans_makes_them_anew(monkeypatch):
    first = Request.of_scale("smoke").key()
    monkeypatch.setattr("bits.plan.request._code", lambda: "another")
    assert Request.of_scale("smoke").key() != first
