"""How a run differs from previously trained runs of the same name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from bits.data.kept import between
from bits.plan.model import SHORT, Run

MOST_SHOWN = 5
UNSEEN = "dataset.title"  # changes no run


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} as {"a.b": 1}."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The changes from one recipe to another, one phrase per key: "optimizer.clip_norm 1.0 -> 3.0"."""
    before, after = flat(old), flat(new)
    phrases = []
    for key in dict.fromkeys([*after, *before]):
        if key == UNSEEN or before.get(key) == after.get(key):
            continue
        if key == "dataset.fingerprint":
            changes = between(str(before.get(key)), str(after.get(key)))
            phrases.append(f"its images have changed{f': {changes}' if changes else ''}")
        elif key == "start.digest":
            phrases.append(f"the run that it starts from, {after.get('start.run')}, has changed")
        else:
            phrases.append(f"{key} {before.get(key, 'absent')} -> {after.get(key, 'absent')}")
    return phrases


def nearest_trained(run: Run) -> tuple[str, list[str]] | None:
    """(folder name, differences) of the trained run of the same name and seed that differs in the fewest keys."""
    planned = run.recipe.model_dump(mode="json")
    same_seed = [(folder, recipe) for folder, recipe in _trained(run) if recipe.get("seed") == planned["seed"]]
    found = [(folder.name, differences(recipe, planned)) for folder, recipe in same_seed]
    return min(found, key=lambda item: len(item[1]), default=None)


def _trained(run: Run) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Folders and recipes of the other trained runs of the same name."""
    pattern = re.compile(rf"{re.escape(run.name)}-[0-9a-f]{{{SHORT}}}")
    for other in sorted(run.folder.parent.glob(f"{run.name}-*")):
        if other.name == run.folder.name or not pattern.fullmatch(other.name) or not (other / "outcome.json").is_file():
            continue
        try:
            recipe = yaml.safe_load((other / "config.yaml").read_text(encoding="utf-8"))["recipe"]
        except (OSError, KeyError, TypeError, yaml.YAMLError):
            continue
        yield other, recipe


def why_untrained(run: Run) -> str:
    """Why a run's files are not all there, as a phrase."""
    if run.outcome.is_file():
        return "some of its files are missing"
    steps = sorted(run.resume.glob("step-*.safetensors"))
    resuming = f"; resumes from step {int(steps[-1].stem.removeprefix('step-'))}" if steps else ""
    if run.failure.is_file():
        return f"its last attempt failed ({run.failure} says why){resuming}"
    if steps:
        return f"was interrupted{resuming}"
    nearest = nearest_trained(run)
    if nearest is None:
        return f"was never trained here{' with this seed' if any(_trained(run)) else ''}"
    name, phrases = nearest
    more = [f"and {len(phrases) - MOST_SHOWN} more"] if len(phrases) > MOST_SHOWN else []
    changes = "; ".join([*phrases[:MOST_SHOWN], *more])
    return f"its configuration differs from that of {name}, which is kept: {changes}"
