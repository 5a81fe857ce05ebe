"""An exhibit's facts change exactly when it would look different."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bits.evaluation import retrieval
from bits.exhibits import load_declarations
from bits.records.code import ROOT

CONFIG = ROOT / "config"
TABLES, FIGURES, MEASURES = "exhibits/tables.yaml", "exhibits/figures.yaml", "measures.yaml"


def facts(config: Path, exhibit: str, shown: Any = None) -> str:
    return json.dumps(load_declarations(config, shown=shown or {}).facts(exhibit), sort_keys=True)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A copy of the declarations, to change."""
    shutil.copytree(CONFIG, tmp_path / "config")
    return tmp_path / "config"


def change(config: Path, file: str, old: str, new: str) -> None:
    text = (config / file).read_text()
    assert old in text, f"{file} has no {old!r}"
    (config / file).write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("exhibit", "file", "old", "new"),
    [
        ("table-4", TABLES, "BITS-fixed after 10 epochs for four values", "After ten epochs for four values"),
        ("table-4", TABLES, "row_title: beta", "row_title: weight"),
        ("table-4", "published.csv", "table-4,BITS-fixed,beta=0.5,mAP,", "table-4,BITS-fixed,beta=0.5,mAP,9"),
        ("table-1", "references.yaml", "label: raw pixels", "label: pixels"),
        ("table-1", TABLES, "Both are shown as extra rows.", "They are shown below."),
        ("table-1", TABLES, "values: {k-NN: 72.9,", "values: {k-NN: 72.8,"),
        ("table-1", FIGURES, '"#4C78A8"', '"#4C78A9"'),
        ("figure-4", FIGURES, '"#4C78A8"', '"#4C78A9"'),
        ("figure-4", FIGURES, "Retrieval over pretraining", "Retrieval while pretraining"),
        ("figure-4", "published.csv", "figure-4,DINO,epoch=20,mAP,20", "figure-4,DINO,epoch=20,mAP,21"),
        ("figure-4", MEASURES, "label: mAP during training", "label: mAP in training"),
        ("figure-1", FIGURES, "span: 768", "span: 769"),
        ("figure-3", FIGURES, "paper_bit: 0", "paper_bit: 1"),
    ],
)  # fmt: skip
def test_what_shows_changes_them(config: Path, exhibit: str, file: str, old: str, new: str) -> None:
    before = facts(config, exhibit)
    change(config, file, old, new)
    assert facts(config, exhibit) != before


def test_a_metrics_declaration_changes_what_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: facts(CONFIG, name) for name in ("table-4", "figure-1")}
    metrics = retrieval.EVALUATOR.metrics
    monkeypatch.setitem(metrics, "map", metrics["map"].model_copy(update={"decimals": 1}))
    assert facts(CONFIG, "table-4") != before["table-4"]
    assert facts(CONFIG, "figure-1") == before["figure-1"]


@pytest.mark.parametrize("exhibit", ["text-5.5", "figure-1", "figure-2"])
def test_what_does_not_show_leaves_them(config: Path, exhibit: str) -> None:
    before = facts(config, exhibit)
    for file in (TABLES, FIGURES, MEASURES, "pending.yaml"):
        (config / file).write_text(f"# a comment\n{(config / file).read_text()}\n# another\n")
    change(config, TABLES, "title: Gradient clipping", "title: Clipping")
    change(config, FIGURES, "title: Retrieval over pretraining", "title: Retrieval")
    change(config, "published.csv", "table-1,DINO,,mAP,35.68", "table-1,DINO,,mAP,35.69")
    change(config, "published.csv", "figure-4,DINO,epoch=20,mAP,20", "figure-4,DINO,epoch=20,mAP,21")
    change(config, MEASURES, "label: box AP50", "label: AP50 of boxes")
    change(config, "references.yaml", "label: raw pixels", "label: pixels")
    assert facts(config, exhibit) == before


def test_the_key_of_a_published_value_does_not_show(config: Path) -> None:
    before = facts(config, "table-4")
    for value in ("0.05", "0.1", "0.2", "0.5"):
        change(config, "published.csv", f"table-4,BITS-fixed,beta={value},", f"table-4,BITS-fixed,weight={value},")
    change(config, TABLES, "setting: beta={label}", "setting: weight={label}")
    assert facts(config, "table-4") == before


def test_an_added_row_changes_its_exhibit_alone() -> None:
    shown = {"bits-128": {"table-9": "50", "figure-4": "128 bits"}}
    for name in load_declarations(CONFIG).exhibits:
        assert (facts(CONFIG, name) != facts(CONFIG, name, shown)) == (name in ("table-9", "figure-4")), name


def test_facts_of_every_exhibit_are_json() -> None:
    declared = load_declarations(CONFIG)
    said = [json.dumps(declared.facts(name), allow_nan=False) for name in declared.exhibits]
    assert len(set(said)) == len(said)
