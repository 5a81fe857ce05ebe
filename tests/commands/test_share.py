"""The words of the share command."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bits.commands import share
from bits.errors import BitsError
from bits.sharing import SharingError, push
from bits.sharing.pulling import ids_of
from tests.sharing.plans import plan_of, planned_run, reference


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["share", *words])
    return share.main()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["send"], "no such action; known: pull, push, record, restore"),
        (["pull", "weights=yes"], "expected weights=no"),
        (["record", "run=dino"], "run=dino: commands and builds take all runs"),
        (["record", "scale=tiny"], r"no such scale \(a study is study=NAME\); known: demo, paper, small, smoke"),
    ],
)
def test_wrong_words_are_refused_with_the_right_ones(monkeypatch, words, expected):
    with pytest.raises(BitsError, match=expected):
        call(monkeypatch, *words)


def test_help(monkeypatch, capsys):
    assert call(monkeypatch, "--help") == 0
    assert "weights=no" in capsys.readouterr().out


def test_outside_a_checkout_it_says_so(monkeypatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SharingError, match="git clone"):
        call(monkeypatch, "pull", "scale=smoke")


def test_a_run_is_named_by_name_or_id():
    runs = [planned_run("tiny", "dino", f"dino-{seed}", seed) for seed in (0, 1)]
    sources = {"dino": ["dino-0", "dino-1"], "pixels": ["pixels-0"]}
    plan = plan_of("tiny", *runs, sources=sources, references={"pixels-0": reference("pixels", "pixels-0", "dino-0")})
    assert ids_of(plan, "dino") == ["dino-0", "dino-1"]
    assert ids_of(plan, "dino-1") == ["dino-1"]
    for wrong in ("dinno", "pixels"):
        with pytest.raises(SharingError, match=f"run={wrong}: no run of study tiny"):
            ids_of(plan, wrong)


def test_where_there_is_no_repository_that_is_said_before_anything_of_a_remote(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SharingError, match=r"has no \.git or no \.dvc"):
        push(plan_of("demo"))
