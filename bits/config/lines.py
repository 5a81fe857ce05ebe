"""The runs that are declared: a line of config/runs.yaml, or of a file of config/extra, each. Never imports torch.

A line with `method` is trained here, one with `weights` imported.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from bits.config.composed import Composed
from bits.config.declared import CONFIG_DIR, DeclarationError, read_yaml, written_keys
from bits.config.extra import extra_file
from bits.config.imports import ImportLine, import_line, is_import
from bits.config.validation import ConfigError, is_open, key_error, known_keys

LINE_WORDS = ("method", "seeds", "shown")  # of a line of runs.yaml, besides keys of the configuration
SHARED = (*(name for name in Composed.model_fields if name not in ("recipe", "seeds")), "dataset")
NAME = re.compile(r"[A-Za-z0-9.]+(-[A-Za-z0-9.]+)*")  # goes into file names and rule names


def run_lines(config_dir: Path = CONFIG_DIR, extra: Iterable[str] = ()) -> dict[str, dict[str, Any]]:
    """The runs that are trained: name -> {method, dotted key: value, ...}; raises ConfigError.

    A line may also have `seeds`, a list, and `shown`, {exhibit: label of the row that it adds there}.
    extra: files of config/extra whose runs come after those of runs.yaml.
    """
    return {name: line for name, line in _all_lines(config_dir, extra).items() if not is_import(line)}


def import_lines(config_dir: Path = CONFIG_DIR, extra: Iterable[str] = ()) -> dict[str, ImportLine]:
    """The backbones that are imported, by name, from the same files; raises ConfigError."""
    path = config_dir / "runs.yaml"
    return {
        name: import_line(name, line, path) for name, line in _all_lines(config_dir, extra).items() if is_import(line)
    }


def _all_lines(config_dir: Path, extra: Iterable[str]) -> dict[str, dict[str, Any]]:
    lines = _lines_of(config_dir / "runs.yaml", None)
    for name in extra:
        path = extra_file(name, config_dir)
        for run, line in _lines_of(path, "runs").items():
            if run in lines:
                raise ConfigError(f"{path}: run {run!r}: declared in another file, too")
            lines[run] = line
    return lines


def _lines_of(path: Path, section: str | None) -> dict[str, dict[str, Any]]:
    """The lines that a file, or a section of it, declares."""
    content = path.read_bytes() if path.is_file() else b""
    return copy.deepcopy(_read_lines(path, section, content))


@lru_cache  # asked several times for a plan
def _read_lines(path: Path, section: str | None, content: bytes) -> dict[str, dict[str, Any]]:
    """`_lines_of` a file with this content."""
    try:
        lines = read_yaml(path)
    except DeclarationError as error:
        raise ConfigError(str(error)) from None
    _check_names(path, section)
    if section is not None:
        lines = lines.get(section) or {}
    if not isinstance(lines, dict):
        raise ConfigError(f"{path}: {section}: expected runs by name")
    for name, line in lines.items():
        if isinstance(line, dict) and is_import(line):
            import_line(name, line, path)
            continue
        if not isinstance(line, dict) or "method" not in line:
            raise ConfigError(
                f"{path}: run {name!r} needs a mapping with a method, as in {{method: bits}}, or with weights, a file"
            )
        for key in line:
            if key not in LINE_WORDS and key not in known_keys() and not is_open(key):
                raise ConfigError(f"{path}: run {name!r}: {key_error(key, [*known_keys(), *LINE_WORDS])}")
            if key.split(".")[0] in (*SHARED, "start"):
                raise ConfigError(
                    f"{path}: run {name!r}: {key} is no part of a run's recipe, but the same for all runs. Set it in "
                    'config/, or for a whole scale with --config set="...".'
                )
        _check_words(f"{path}: run {name!r}", line)
    return lines


def _check_names(path: Path, section: str | None) -> None:
    """Raise ConfigError, with the line, for a run whose name is none, or is read as a number or the like."""
    for name, line in written_keys(path, section):
        if not NAME.fullmatch(name):
            raise ConfigError(
                f"{path}, line {line}: run {name!r}: expected a name of letters, digits, dots and single dashes"
            )
        if not is_text(name):
            raise ConfigError(
                f"{path}, line {line}: run {name!r}: the name is read as {_read_as(name)!r}, not as a text, by YAML or "
                f"by Hydra (run={name}). Choose another, such as bits-{name}"
            )


def is_text(name: str) -> bool:
    """Whether a name remains one wherever it is read: in YAML, in an override of Hydra, on Snakemake's command line."""
    return _read_as(name) == name


def _read_as(name: str) -> Any:
    """What YAML or Hydra makes of a name; the name itself where both take it for a text."""
    from hydra.core.override_parser.overrides_parser import OverridesParser  # 0.3 s that a kept plan does without

    readings = (yaml.safe_load(name), OverridesParser.create().parse_override(f"run={name}").value())
    return next((found for found in readings if found != name), name)


def _check_words(where: str, line: Mapping[str, Any]) -> None:
    seeds, shown = line.get("seeds", [0]), line.get("shown", {})
    plain = isinstance(seeds, list) and all(type(seed) is int and seed >= 0 for seed in seeds)
    if not plain or not seeds or len(set(seeds)) < len(seeds):
        raise ConfigError(f"{where}: seeds = {seeds!r}: expected a list such as [0, 1, 2], each seed once")
    if not isinstance(shown, dict) or not all(isinstance(label, str) for pair in shown.items() for label in pair):
        raise ConfigError(f'{where}: shown = {shown!r}: expected {{exhibit: label}}, such as {{table-9: "50"}}')
