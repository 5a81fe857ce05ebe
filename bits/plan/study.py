"""Studies: named set-ups, each a scale with its data, overrides and seeds, in config/study/<name>.yaml.

What is run day by day has a name, so that nobody has to repeat data=... and set=... to plan, run, look at, push, pull
or archive the same thing. A scale by itself is the study of its own name, with nothing changed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field

from bits.config.declared import CONFIG_DIR, Declared, read_yaml, validated
from bits.config.lines import is_text
from bits.config.near import did_you_mean
from bits.errors import BitsError
from bits.plan.request import STUDIES
from bits.records.files import write_text

NAME = re.compile(r"[a-z0-9][a-z0-9.]*(-[a-z0-9.]+)*")


class StudyError(BitsError):
    """A study that does not exist, or cannot be called or made so."""


class Study(Declared):
    """scale: its basis. data: folder or zip of the pretraining images. site: a file of config/site.

    seeds: of every run. extra: files of config/extra, runs and exhibits beyond the paper. set: overrides, "key=value"
    each.
    """

    scale: str
    data: str | None = None
    site: str | None = None
    seeds: tuple[Annotated[int, Field(ge=0)], ...] | None = None
    extra: tuple[str, ...] = ()
    set: tuple[str, ...] = ()

    def words(self) -> dict[str, str | tuple[str, ...]]:
        """The same in the words that commands take; set is a tuple, because a value may hold spaces."""
        seeds = None if self.seeds is None else ",".join(map(str, self.seeds))
        found: dict[str, str | tuple[str, ...] | None] = {"scale": self.scale, "data": self.data, "site": self.site}
        found |= {"seeds": seeds, "extra": ",".join(self.extra) or None, "set": self.set or None}
        return {key: value for key, value in found.items() if value is not None}

    def __str__(self) -> str:
        words = {key: value if isinstance(value, str) else " ".join(value) for key, value in self.words().items()}
        return " ".join(f'{key}="{value}"' if " " in value else f"{key}={value}" for key, value in words.items())


def study_file(name: str, config_dir: Path = CONFIG_DIR) -> Path:
    return config_dir / STUDIES / f"{name}.yaml"


def study_names(config_dir: Path = CONFIG_DIR) -> list[str]:
    return sorted(path.stem for path in (config_dir / STUDIES).glob("*.yaml"))


def scale_names(config_dir: Path = CONFIG_DIR) -> list[str]:
    return sorted(path.stem for path in (config_dir / "scale").glob("*.yaml"))


def read_study(name: str, config_dir: Path = CONFIG_DIR) -> Study:
    """The study of that name; of a scale's name, the scale itself. Raises StudyError with near matches."""
    if name in scale_names(config_dir):
        return Study(scale=name)
    path = study_file(name, config_dir)
    if not path.is_file():
        known = [*study_names(config_dir), *scale_names(config_dir)]
        guess = did_you_mean(name, known)
        raise StudyError(f"study={name}: no such study (bits study new {name} --from SCALE makes one){guess}")
    return validated(Study, read_yaml(path), path, name)


def write_study(name: str, study: Study, config_dir: Path = CONFIG_DIR) -> Path:
    """Write a new study; raises StudyError for a name that is taken or cannot be a folder's."""
    path = study_file(name, config_dir)
    if not NAME.fullmatch(name):
        raise StudyError(f"study {name!r}: expected a name of small letters, digits, dots and single dashes")
    if not is_text(name):
        raise StudyError(
            f"study {name!r}: the name is read as a number or the like; choose another, such as set-{name}"
        )
    if name in scale_names(config_dir):
        raise StudyError(f"study {name!r}: a scale has that name; choose another")
    if path.exists():
        raise StudyError(f"{path}: there is a study {name!r} already; edit it, or choose another name")
    values = study.model_dump(mode="json", exclude_defaults=True)
    write_text(path, yaml.safe_dump(values, sort_keys=False, allow_unicode=True))
    return path
