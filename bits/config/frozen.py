"""Typed sections of the files that a plan froze for its jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from bits.config.section import Section
from bits.config.site import Site
from bits.errors import BitsError


def read_section(path: Path, kind: type[Section], *keys: str) -> Any:
    """A typed section of a frozen YAML file, below `keys`; raises BitsError when it is not there."""
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
        for key in keys:
            value = value[key]
        return kind.model_validate(value)
    except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise BitsError(
            f"{path}: no {kind.__name__} could be read ({error}). Make the plan again: snakemake -n"
        ) from error


def read_site(path: Path, threads: int) -> Site:
    """The site of a frozen file; threads, unless 0, are what the workflow gave this job."""
    site: Site = read_section(path, Site)
    return site.model_copy(update={"threads": threads}) if threads else site
