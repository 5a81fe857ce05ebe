"""Validates a composed configuration; errors name unknown keys and values with their near matches."""

from __future__ import annotations

import types
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from bits.config.composed import Composed
from bits.config.evaluation import EvaluationSettings
from bits.config.near import near_matches, suggestion
from bits.config.recipe import Recipe
from bits.errors import BitsError


class ConfigError(BitsError):
    """A configuration key that does not exist, or a value that is not valid."""


def validated(values: Mapping[str, Any]) -> Composed:
    """The typed run for a resolved mapping; raises ConfigError naming every invalid key and value."""
    shared = {key: values.get(key) for key in Composed.model_fields if key != "recipe"}
    recipe = {key: value for key, value in values.items() if key not in (*shared, "scale")}
    try:
        composed = Composed(recipe=recipe, **shared)
    except ValidationError as error:
        raise ConfigError("\n".join(_explained(problem) for problem in error.errors())) from None
    for role in composed.targets:
        _check_evaluation(composed, role)
    return composed


def _check_evaluation(composed: Composed, role: str) -> None:
    """Raises ConfigError for a section `evaluation` of a target set that does not fit target_evaluation."""
    try:
        composed.evaluation_on(role)
    except ValidationError as error:
        section = f"targets.{role}.evaluation"
        known = known_keys(EvaluationSettings, f"{section}.")
        said = (_explained(problem, f"{section}.", known) for problem in error.errors())
        raise ConfigError("\n".join(said)) from None


def key_error(path: str, known: list[str]) -> str:
    """The message for an unknown key, with near matches: from the same section if that exists, else from anywhere."""
    parent, _, leaf = path.rpartition(".")
    siblings = sorted(key for key in known if parent and key.startswith(f"{parent}."))
    near = near_matches(path, siblings or sorted(set(known)), cutoff=0.8)
    near = near or sorted(key for key in known if leaf and leaf == key.rpartition(".")[2])[:3]
    if near:
        return f"unknown configuration key {path!r}{suggestion(near)}"
    listed = siblings or sorted({key.split(".")[0] for key in known})
    return f"unknown configuration key {path!r}; known keys: {', '.join(listed)}"


def _explained(problem: Any, prefix: str = "", known: list[str] | None = None) -> str:
    """prefix: of the section that was read, whose keys are `known`."""
    inside = ".".join(str(part) for part in problem["loc"]).removeprefix("recipe.")
    path = f"{prefix}{inside}"
    if problem["type"] == "extra_forbidden":
        return key_error(path, known or known_keys())
    if problem["type"] == "missing":
        hint = "; does the site file begin with defaults: [default, _self_]?" if path.startswith("site.") else ""
        return f"{path} is not set{hint}"
    value = problem.get("input")
    if problem["type"] == "literal_error":
        allowed = [str(option) for option in _annotation(f"target_evaluation.{inside}" if prefix else path)]
        near = near_matches(str(value), allowed)
        hint = suggestion(near) if near else ""
        return f"{path} = {value!r} is not one of {', '.join(allowed)}{hint}"
    told = problem["msg"].removeprefix("Value error, ")
    said = f"{told[0].lower()}{told[1:]}"
    return f"{path}: {said}" if isinstance(value, Mapping) else f"{path} = {value!r}: {said}"


def known_keys(section: type[BaseModel] = Composed, prefix: str = "") -> list[str]:
    """Every dotted key of the configuration, as written on the command line."""
    keys: list[str] = []
    for name, field in section.model_fields.items():
        path = "" if section is Composed and name == "recipe" else f"{prefix}{name}"
        inner = section_of(field.annotation)
        keys += [path] if path else []
        keys += known_keys(inner, f"{path}." if path else "") if inner else []
    return keys


@cache
def optional_sections() -> tuple[str, ...]:
    """Dotted keys of the sections that may be null, such as the terms of an objective."""
    annotations = {path: _field(path) for path in known_keys()}
    return tuple(path for path, found in annotations.items() if section_of(found) not in (None, found))


def optional_section(path: str) -> str | None:
    """The nullable section that contains a dotted key, or is the key itself; None if there is none."""
    return next((name for name in optional_sections() if f"{path}.".startswith(f"{name}.")), None)


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The section type of a field, which may be nullable; None if the field is not a section."""
    options = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    return next((kind for kind in options if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def is_open(path: str) -> bool:
    """Whether `path` is below a key whose value is a free-form mapping (backbone.options, site.data, ...)."""
    return any(path.startswith(f"{key}.") for key in ("backbone.options", "dataset.settings", "site.data", "targets"))


def _annotation(path: str) -> tuple[Any, ...]:
    """The permitted values of a key with a Literal type."""
    annotation = _field(path)
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next((arg for arg in get_args(annotation) if get_origin(arg) is Literal), annotation)
    return get_args(annotation)


def _field(path: str) -> Any:
    """The annotation of the field that a dotted key names."""
    annotation: Any = Composed
    parts = path.split(".")
    if parts[0] in Recipe.model_fields:
        parts = ["recipe", *parts]
    for part in parts:
        annotation = (
            get_args(annotation)[1]
            if get_origin(annotation) is dict
            else (section_of(annotation) or annotation).model_fields[part].annotation
        )
    return annotation
