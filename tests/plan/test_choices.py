"""Choices that the paper leaves open: each is listed under the key that changes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import pytest
import yaml

from bits.config.composed import Composed
from bits.config.declared import CONFIG_DIR
from bits.config.lines import run_lines
from bits.config.recipe import Recipe
from bits.config.validation import is_open, known_keys
from bits.plan import Plan, Request, make_plan

CHOICES: list[dict[str, Any]] = yaml.safe_load((CONFIG_DIR / "choices.yaml").read_text())
# Where another value must obey more than its type: an epoch is whole batches.
OTHERS = {"schedule.batch_size": 8}
WITH = {"head.batch_norm": "head.prototypes=null"}  # what another value goes together with in some run
OF_IMAGES = {"dataset.max_side"}  # rendered scenes refuse it; scale small trains on a folder of images


def typed(entry: dict[str, Any]) -> str:
    return str(entry.get("override", entry["key"]))


def shown(entry: dict[str, Any]) -> str:
    key = entry.get("override") or entry["key"]
    return f"{key} ({entry['run']})" if "run" in entry else key


def annotation(key: str) -> Any:
    """Of the field that a dotted key names."""
    model: Any = Composed
    for part in (["recipe"] if key.partition(".")[0] in Recipe.model_fields else []) + key.split("."):
        inner = [one for one in (model, *get_args(model)) if hasattr(one, "model_fields")]
        model = inner[0].model_fields[part].annotation
    return model


def of_its_line(entry: dict[str, Any]) -> bool:
    """Whether the run's own line sets it, which no override for all runs changes: its line is where one types."""
    return entry["key"] in run_lines().get(entry.get("run", ""), {})


def other(entry: dict[str, Any], value: Any) -> str:
    """Another value that the key takes, as one writes it."""
    key = typed(entry)
    if key in OTHERS:
        return str(OTHERS[key])
    kind = annotation(key)
    options = next((get_args(one) for one in (kind, *get_args(kind)) if get_origin(one) is Literal), None)
    if options:
        return str(next(option for option in options if option != value))
    if isinstance(value, bool):
        return str(not value).lower()
    if isinstance(value, list):
        return json.dumps([*value[:1], *value[2:]] if len(value) > 1 else [*value, 7], separators=(",", ":"))
    if value is None:
        return "3"
    return str(value / 2 if isinstance(value, float) and value else value + 1)


def values(plan: Plan) -> dict[str, Any]:
    """The value in force of every choice that a plan lists."""
    return {choice.key: json.loads(choice.value) for choice in plan.choices}


def rounds(entries: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The entries in groups whose keys differ, so that one plan can change all of a group."""
    while entries:
        group = {typed(entry): entry for entry in reversed(entries)}
        yield list(group.values())
        entries = [entry for entry in entries if entry not in group.values()]


def test_every_listed_name_is_a_key_that_changes_the_value_listed() -> None:
    before = values(make_plan(Request.of_scale("smoke")))
    assert list(before) == [shown(entry) for entry in CHOICES], "a name twice, or a run that is not there"
    entries = [entry for entry in CHOICES if typed(entry) != "None" and not is_open(typed(entry))]
    lines = {"schedule.horizon_epochs", "head_reset.every_epochs"}
    assert {typed(entry) for entry in entries if of_its_line(entry)} == lines
    entries = [entry for entry in entries if not of_its_line(entry)]
    assert {typed(entry) for entry in entries} <= set(known_keys())
    for scale in ("smoke", "small"):
        before = values(make_plan(Request.of_scale(scale)))
        for group in rounds([entry for entry in entries if (typed(entry) in OF_IMAGES) == (scale == "small")]):
            words = tuple(f"{typed(entry)}={other(entry, before[shown(entry)])}" for entry in group)
            others = tuple(WITH[typed(entry)] for entry in group if typed(entry) in WITH)
            after = values(make_plan(Request.of_scale(scale, (*words, *others))))
            unmoved = [shown(entry) for entry in group if after[shown(entry)] == before[shown(entry)]]
            assert not unmoved, words


def test_what_has_no_alternative_says_so() -> None:
    without = [entry for entry in CHOICES if typed(entry) == "None"]
    assert [entry["key"] for entry in without] == ["start.run"]
    assert all("no alternative" in entry["why"] for entry in without)


@pytest.mark.parametrize("entry", CHOICES, ids=shown)
def test_a_choice_has_a_reason_in_words(entry: dict[str, Any]) -> None:
    assert set(entry) <= {"key", "run", "role", "override", "why"}
    assert len(entry["why"]) > 20
