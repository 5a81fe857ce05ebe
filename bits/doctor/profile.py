"""The Snakemake profile in force."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bits.doctor.finding import Finding

SUBJECT = "Versions"
NAMES = ("config.v9+.yaml", "config.v8+.yaml", "config.yaml", "profile.yaml")


@dataclass(frozen=True)
class Profile:
    """A profile's file and what it sets."""

    path: Path
    settings: dict[str, Any]


def find_profile(name: str, folder: Path) -> Profile | None:
    """What `snakemake --profile name` loads in `folder`: from there, the user's or the system's configuration."""
    homes = [folder, Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "snakemake"]
    homes += [Path(home) / "snakemake" for home in os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")]
    for path in (home / name / file for home in homes for file in NAMES):
        if path.is_file():
            settings = yaml.safe_load(path.read_text(encoding="utf-8"))
            return Profile(path, settings if isinstance(settings, dict) else {})
    return None


def profiles(name: str, slurm: bool, folder: Path) -> list[Finding]:
    """The default profile, and on a cluster the one that sends jobs there."""
    found = []
    if not (folder / "profiles" / "default" / "config.yaml").is_file():
        remedy = "Restore the link: ln -s workflow/profiles profiles (a zip without links loses it)."
        found.append(Finding(SUBJECT, "error", "profiles/default/config.yaml is not beside the Snakefile", remedy))
    profile = find_profile(name, folder)
    if profile:
        executor = profile.settings.get("executor", "none")
        found.append(Finding(SUBJECT, "ok", f"--profile {name} is {_shown(profile.path, folder)}, executor {executor}"))
    elif slurm:
        remedy = f"Restore the link: ln -s workflow/profiles/{name} {name}, or name your own with --profile."
        found.append(Finding(SUBJECT, "error", f"snakemake --profile {name} finds no such profile", remedy))
    return found


def _shown(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
