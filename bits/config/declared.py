"""Reads declarations from YAML into strict models; duplicate keys are errors, and errors name file and key."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from bits.config.near import did_you_mean
from bits.errors import BitsError

CONFIG_DIR = Path(__file__).resolve().parents[2] / "config"
Model = TypeVar("Model", bound=BaseModel)


class DeclarationError(BitsError):
    """An invalid declaration in config/; the message gives file, key and what was expected."""


class Declared(BaseModel):
    """Base of all declarations: immutable, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _UniqueKeys(yaml.CSafeLoader):
    """A safe loader that rejects duplicate keys, except in mappings with a merge (<<), whose keys may be overridden."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        merged = any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value)
        written = [] if merged else [key.value for key, _ in node.value]
        for key in written:
            if written.count(key) > 1:
                line = node.start_mark.line + 1
                raise yaml.YAMLError(f"key {key!r} is given twice in the mapping that starts at line {line}")
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; raises DeclarationError if there is none, or a key is given twice."""
    try:
        text = path.read_text(encoding="utf-8")
        try:
            content = yaml.load(text, Loader=_UniqueKeys)  # a subclass of a safe loader
        except yaml.YAMLError:
            yaml.safe_load(text)  # ten times slower, but its errors quote the line
            raise
    except OSError as error:
        raise DeclarationError(f"{path}: cannot be read ({error.strerror}). Expected a YAML file.") from error
    except yaml.YAMLError as error:
        raise DeclarationError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise DeclarationError(f"{path}: expected a mapping, found {type(content).__name__}")
    return content


def written_keys(path: Path, section: str | None = None) -> list[tuple[str, int]]:
    """(key as it is written, number of its line) of a YAML file's mapping, or of that in its section; [] without one.

    A key that YAML takes for a number or a truth value is its text here.
    """
    root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    if section is not None:
        inside = next((value for key, value in pairs if key.value == section), None)
        pairs = inside.value if isinstance(inside, yaml.MappingNode) else []
    return [(str(key.value), key.start_mark.line + 1) for key, _ in pairs]


def validated(model: type[Model], content: Any, path: Path, key: str) -> Model:
    """`content` as a model; raises DeclarationError with file, dotted key, problem and near matches."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise DeclarationError("\n".join(_complaints(model, error, path, key))) from error


def _complaints(model: type[BaseModel], error: ValidationError, path: Path, key: str) -> Iterable[str]:
    for detail in error.errors():
        where = ".".join([key, *(str(part) for part in detail["loc"])])
        complaint = f"{path}: {where}: {detail['msg']}"
        if detail["type"] == "extra_forbidden":
            known = model.model_fields if len(detail["loc"]) == 1 else ()
            complaint = f"{path}: {where}: unknown key{did_you_mean(str(detail['loc'][-1]), known)}"
        yield complaint
