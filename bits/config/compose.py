"""Hydra composition of runs: config/ plus one line of config/runs.yaml each. Never imports torch."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bits.config.composed import Composed
from bits.config.declared import CONFIG_DIR
from bits.config.extra import EXTRA, extra_names
from bits.config.lines import LINE_WORDS, run_lines
from bits.config.near import did_you_mean
from bits.config.validation import ConfigError, is_open, key_error, known_keys, optional_section, validated
from bits.records.digests import tree_digest


def register_runs(config_dir: Path = CONFIG_DIR) -> None:
    """Make every line of runs.yaml and config/extra an option of Hydra's group `run`, which run=a,b and --help know."""
    store = ConfigStore.instance()
    for name, line in run_lines(config_dir, extra_names(config_dir)).items():
        node: dict[str, Any] = {"defaults": [{"override /method": line["method"]}, "_self_"]}
        for key, value in line.items():
            if key not in LINE_WORDS:
                *parents, leaf = key.split(".")
                target = node
                for parent in parents:
                    target = target.setdefault(parent, {})
                target[leaf] = value
        store.store(group="run", name=name, node=node, package="_global_")


def check_overrides(overrides: Sequence[str], config_dir: Path = CONFIG_DIR) -> None:
    """Raise ConfigError for an override whose group option or key does not exist, with the near matches."""
    options = {"run": sorted(run_lines(config_dir, extra_names(config_dir)))}
    for folder in sorted(
        path for path in config_dir.iterdir() if path.is_dir() and path.name not in ("exhibits", "study", EXTRA)
    ):
        options[folder.name] = sorted(file.stem for file in folder.glob("*.yaml"))
    keys = known_keys()
    for text in overrides:
        try:
            override = OverridesParser.create().parse_override(text)
        except HydraException as error:
            raise ConfigError(f"cannot read the override {text!r}: {str(error).splitlines()[0]}") from None
        key = override.key_or_group
        if not key:
            raise ConfigError(f"cannot read the override {text!r}: expected key=value")
        if key.startswith("hydra"):
            continue
        if key in options:
            values = override.sweep_string_iterator() if override.is_sweep_override() else [override.value()]
            for value in values:
                _check_option(key, str(value), options[key])
        elif key not in keys and not is_open(key):
            raise ConfigError(key_error(key, keys + list(options)))


def _check_option(group: str, value: str, known: list[str]) -> None:
    if value not in known:
        raise ConfigError(f"{group}={value} does not exist{did_you_mean(value, known)}")


def free_form(override: str) -> str:
    """`++` before an override of what need not be there: Hydra asks for it, users forget.

    That is a key of a free mapping (backbone.options.depth=2), all of one (backbone.options={depth: 2}), or a key of a
    section that may be null (objective.coding_rate.weight=0.2).
    """
    key = override.split("=", 1)[0]
    whole = "." in key and is_open(f"{key}.any")  # without a dot it is a group (targets=fine-grained)
    return f"++{override}" if whole or is_open(key) or optional_section(key) else override


def _section_in_part(override: str) -> str | None:
    """The section that may be null of which an override sets a single key."""
    key = override.lstrip("+").split("=", 1)[0]
    section = optional_section(key)
    return None if section == key else section


def _at(values: Mapping[str, Any], key: str) -> Any:
    """What lies at a dotted key of a composed run; None also where a section on the way is not there."""
    found: Any = values
    for part in key.split("."):
        found = None if found is None else found.get(part)
    return found


def _consists_of(values: Mapping[str, Any], section: str, overrides: Iterable[str]) -> bool:
    """Whether a section has no key but those that overrides set: then the run itself may go without it."""
    keys = {word.lstrip("+").split("=", 1)[0] for word in overrides}
    return all(f"{section}.{key}" in keys for key in _at(values, section) or ())


_composed: dict[tuple[str, ...], DictConfig] = {}  # what Hydra made in this process, by all that it was made from


class Composer:
    """Compose any number of runs in one Hydra session: 0.2 s for a method, little for another run of it.

    Use as a context manager. `overrides` come after each run's own line, as on the command line. One that sets a
    single key of a section that may be null (objective.coding_rate.eps=0.1) is for those runs that have the section;
    when none of the composed runs has it, leaving the context raises ConfigError. One that sets the section
    (objective.coding_rate={...}) is for all runs.
    """

    def __init__(self, scale: str, overrides: Sequence[str] = (), config_dir: Path = CONFIG_DIR) -> None:
        self.scale, self.config_dir = scale, config_dir
        self.overrides = [free_form(override) for override in overrides]
        self._without_effect = {word for word in self.overrides if _section_in_part(word)}

    def __enter__(self) -> Composer:
        check_overrides([f"scale={self.scale}", *self.overrides], self.config_dir)
        GlobalHydra.instance().clear()
        register_runs(self.config_dir)
        self._session = initialize_config_dir(str(self.config_dir), version_base="1.3")
        self._session.__enter__()
        self._config = tree_digest(self.config_dir, ["*.yaml", "**/*.yaml"])
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: Any) -> None:
        self._session.__exit__(kind, *exception)
        if kind is None:
            for word in sorted(self._without_effect):
                section = _section_in_part(word)
                keys = [key.removeprefix(f"{section}.") for key in known_keys() if key.startswith(f"{section}.")]
                raise ConfigError(
                    f"{word.lstrip('+')}: no run has {section}. To add it, give all of it: "
                    f"{section}={{{', '.join(f'{key}: ...' for key in keys)}}}"
                )

    def compose(self, run: str, line: Mapping[str, Any] | None = None) -> tuple[Composed, Mapping[str, Any]]:
        """The typed run and the scale's description; raises ConfigError.

        line: of the run, where it is to win over the overrides: a row called "beta 0.2" must be that.
        """
        # A row "beta 0.2" has its rate term also where all other runs are to go without.
        kept = {f"++{section}=null" for key in line or () if (section := _section_in_part(key))}
        overrides = [word for word in self.overrides if word not in kept]
        values = self._values(run, line, overrides)
        partial = {word: section for word in overrides if (section := _section_in_part(word))}
        doubtful = {word for word, section in partial.items() if _consists_of(values, section, partial)}
        if doubtful:
            values = self._values(run, line, [word for word in overrides if word not in doubtful])
            doubtful -= {word for word in doubtful if _at(values, partial[word]) is not None}
            values = self._values(run, line, [word for word in overrides if word not in doubtful])
        self._without_effect -= partial.keys() - doubtful
        return validated(values), values["scale"]

    def _values(self, run: str, line: Mapping[str, Any] | None, overrides: Sequence[str]) -> dict[str, Any]:
        chosen = [f"run={run}"]
        if line is not None:
            of_method = [] if any(word.startswith("method=") for word in overrides) else [f"method={line['method']}"]
            chosen = ["~run", *of_method]
        try:
            config = self._before_lines((*chosen, *overrides))
            for key, value in (line or {}).items():
                if key not in LINE_WORDS:
                    OmegaConf.update(config, key, value, force_add=True)
            values = OmegaConf.to_container(config, resolve=True)
        except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
            raise ConfigError(f"run {run!r} at scale {self.scale!r}: {error}") from None
        assert isinstance(values, dict)
        return {str(key): value for key, value in values.items()}

    def _before_lines(self, words: tuple[str, ...]) -> DictConfig:
        """What Hydra composes of these words, once: the runs of a method differ in their lines alone."""
        words = (f"scale={self.scale}", *words)
        made_from = (str(self.config_dir), self._config, *words)
        if made_from not in _composed:
            _composed[made_from] = compose("pretrain", list(words))
        return copy.deepcopy(_composed[made_from])
