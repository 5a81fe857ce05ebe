"""docs/configuration.md, made from the schema: every key, the file that sets it, its value there, and what it means.

    python -m bits.config.reference > docs/configuration.md

Meanings are the comments beside the fields of the schema, so a key cannot be documented in two ways.
"""

from __future__ import annotations

import inspect
import io
import json
import sys
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml
from pydantic import BaseModel

from bits.config.compose import Composer
from bits.config.composed import Composed
from bits.config.declared import CONFIG_DIR
from bits.config.evaluation import EvaluationSettings
from bits.config.recipe import Recipe
from bits.config.site import Site
from bits.config.validation import optional_section, section_of

LONGEST = 100  # characters of a value that is shown; what is longer stands in its file
RUNS = ("bits-fixed", "simdino", "dino", "bits-cosine")  # whose configurations hold a value of every key, in this order
# Files below config/ in the order in which a later one wins, and the key that what they hold lies below.
FILES = (
    ("recipe.yaml", ""),
    ("backbone/vit-base-16.yaml", "backbone"),
    ("augmentation/simdino.yaml", "augmentation"),
    ("optimizer/adamw.yaml", "optimizer"),
    ("dataset/imagenet1k.yaml", "dataset"),
    ("targets/fine-grained.yaml", "targets"),
    ("evaluator/paper.yaml", "evaluation"),
    ("evaluator/fine-grained.yaml", "target_evaluation"),
    ("method/dino.yaml", ""),
    ("method/simdino.yaml", ""),
    ("method/bits.yaml", ""),
    ("site/default.yaml", "site"),
)
PARTS: tuple[tuple[str, str, str], ...] = (
    ("recipe", "What determines the trained weights", "Changing one of these makes another run, under another name."),
    ("evaluation", "What determines a measured number, given the weights", "Changing one makes another evaluation."),
    ("site", "What cannot change a number", "Where things are and how fast they go; nothing becomes stale."),
    ("rest", "What all runs of a study share", "Fine-tunings, target sets and seeds."),
)


@dataclass(frozen=True)
class Key:
    """A key as one writes it, its meaning, the value at paper scale as JSON text ("" if it has none), and its file."""

    path: str
    meaning: str
    value: str
    file: str


def reference() -> str:
    """The whole page, Markdown."""
    lines = [
        "# Configuration reference",
        "",
        "Every key, with its value at the paper's scale and the file below `config/` that sets it. Made from the",
        "schema by `make reference`; do not edit it. The scales (`config/scale/`), what a method needs at a scale",
        "(`config/tuning/`) and a run's own line (`config/runs.yaml`) override what stands here. Set a key for every",
        'run with `--config set="key=value"`, or for one run in its line.',
        "",
    ]
    keys = {part: list(_keys_of(part)) for part, _, _ in PARTS}
    for part, title, effect in PARTS:
        lines += [f"## {title}", "", effect, "", "| key | value | meaning | file |", "|:--|:--|:--|:--|"]
        lines += [f"| `{key.path}` | {_code(key.value)} | {_cell(key.meaning)} | {key.file} |" for key in keys[part]]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _keys_of(part: str) -> Iterator[Key]:
    if part == "recipe":
        yield from _keys(Recipe, "")
    elif part == "evaluation":
        yield from _keys(EvaluationSettings, "evaluation.")
    elif part == "site":
        yield from _keys(Site, "site.")
    else:
        for name in Composed.model_fields:
            if name not in ("recipe", "evaluation", "target_evaluation", "site"):
                yield from _field(Composed, name, "")


def _keys(section: type[BaseModel], prefix: str) -> Iterator[Key]:
    for name in section.model_fields:
        yield from _field(section, name, prefix)


def _field(section: type[BaseModel], name: str, prefix: str) -> Iterator[Key]:
    path, inner = f"{prefix}{name}", section_of(section.model_fields[name].annotation)
    if inner is not None:
        yield from _keys(inner, f"{path}.")
        return
    value, file = _value(path), _file(path)
    shown = "" if value is None and not file else json.dumps(value, ensure_ascii=False)
    yield Key(path, meaning_of(section, name), shown if len(shown) <= LONGEST else "", file)


@cache
def _values() -> tuple[Mapping[str, Any], ...]:
    with Composer("paper") as composer:
        made = [composer.compose(run)[0] for run in RUNS]
    return tuple(_dumped(one) for one in made)


def _dumped(made: Composed) -> dict[str, Any]:
    values = made.model_dump(mode="json")
    recipe = values.pop("recipe")
    recipe["dataset"]["policy"] = made.recipe.dataset.policy.model_dump(mode="json")  # not dumped where it is the usual
    return {**recipe, **values}


def _value(path: str) -> Any:
    """Of the first run that has one."""
    for values in _values():
        found: Any = values
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        if found is not None:
            return found
    return None


@cache
def _contents() -> tuple[tuple[str, str, Any], ...]:
    return tuple(
        (name, below, yaml.safe_load((CONFIG_DIR / name).read_text(encoding="utf-8")))
        for name, below in reversed(FILES)
    )


def _file(path: str) -> str:
    """The last file that sets a key, "" when none does."""
    for name, below, content in _contents():
        inside = path.removeprefix(f"{below}.") if below else path
        if below and inside == path and path != below:
            continue
        found: Any = content
        for part in inside.split(".") if inside != below else ():
            if isinstance(found, str) and found.startswith("${"):  # of another key
                break
            found = found[part] if isinstance(found, Mapping) and part in found else ...
        if found is not ...:
            return name
    return "runs.yaml" if optional_section(path) else ""


def meaning_of(section: type[BaseModel], name: str) -> str:
    """The comment beside a field of a section, or above it; "" when there is none."""
    for owner in section.__mro__:
        if name in inspect.get_annotations(owner) and owner.__module__ != "pydantic.main":
            return _comments(owner).get(name, "")
    return ""


@cache
def _comments(owner: type) -> dict[str, str]:
    """Field -> comment, of a class's source."""
    found: dict[str, str] = {}
    above: list[str] = []
    name = ""
    for token in tokenize.generate_tokens(io.StringIO(inspect.cleandoc(inspect.getsource(owner))).readline):
        if token.type == tokenize.NAME and not name and token.line.strip().startswith(f"{token.string}:"):
            name = token.string
            found[name] = " ".join(above)
        elif token.type == tokenize.COMMENT:
            text = token.string.lstrip("# ")
            if name and token.line.strip() != token.string:
                found[name] = f"{found[name]} {text}".strip()
            elif not name:
                above.append(text)
        elif token.type == tokenize.NEWLINE:
            above, name = [], ""
    return found


def _code(text: str) -> str:
    return f"`{_cell(text)}`" if text else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(reference())
    sys.exit(0)
