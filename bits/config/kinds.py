"""Kinds that declare themselves: adding a file that defines one is enough.

Evaluators, terms of an objective, kinds of data set and kinds of exhibit are modules with one declaration at top level;
no list of them exists. Only modules with such a line are imported, and they must not import torch at module level,
because planning reads every declaration.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bits.errors import BitsError

EVALUATOR_PACKAGES = ("bits.evaluation", "bits.analysis")


class KindError(BitsError):
    """A declaration that conflicts with another or is invalid."""


@dataclass(frozen=True)
class Found:
    """A declaration and the module that contains it. file: the module's file, for code digests."""

    value: Any
    module: str
    file: Path


@cache
def declarations(package: str, constant: str) -> dict[str, Found]:
    """The value of `constant` in every module below `package` that assigns it at top level, by its `.name`.

    Sorted by name. Raises KindError if two have the same name.
    """
    spec = importlib.util.find_spec(package)
    assert spec is not None, package
    assert spec.submodule_search_locations is not None, package
    folder = Path(next(iter(spec.submodule_search_locations))).resolve()
    line = re.compile(rf"^{constant}\b\s*[:=]", re.MULTILINE)
    found: dict[str, Found] = {}
    for path in sorted(folder.rglob("*.py")):
        if not line.search(path.read_text(encoding="utf-8")):
            continue
        module = ".".join([package, *path.relative_to(folder).with_suffix("").parts])
        value = getattr(importlib.import_module(module), constant)
        if value.name in found:
            raise KindError(
                f"{path}: {constant} is named {value.name!r}, which {found[value.name].file} already uses. Rename one."
            )
        found[value.name] = Found(value, module, path)
    return dict(sorted(found.items()))


@cache
def evaluator_declarations() -> dict[str, Found]:
    """Every evaluator, below bits/evaluation and bits/analysis. Raises KindError when two have one name."""
    found: dict[str, Found] = {}
    for package in EVALUATOR_PACKAGES:
        for name, one in declarations(package, "EVALUATOR").items():
            if name in found:
                raise KindError(f"{one.file}: EVALUATOR is called {name!r}, and so is that of {found[name].file}.")
            found[name] = one
    return dict(sorted(found.items()))


def files(package: str, constant: str, names: Iterable[str]) -> tuple[Path, ...]:
    """The files that declare the kinds with these names, sorted; a job that uses the kinds depends on them."""
    found = declarations(package, constant)
    return tuple(sorted(found[name].file for name in names))
