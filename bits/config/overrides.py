"""Words of a command line as Hydra reads them; without importing Hydra, which takes 0.3 s."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from bits.config.declared import CONFIG_DIR, read_yaml


def quoted(text: str) -> str:
    """A text in Hydra's override grammar, with quotes, backslashes and what OmegaConf would fill in."""
    plain = text.replace("${", "\\${")
    return "'" + re.sub(r"(\\*)('|\Z)", lambda end: end[1] * 2 + ("\\'" if end[2] else ""), plain) + "'"


def chosen_dataset(scale: str, overrides: Sequence[str], config_dir: Path = CONFIG_DIR) -> str:
    """The file of config/dataset that runs are pretrained on: that of the overrides, of the scale, or of the root."""
    said = [word.partition("=")[2] for word in overrides if word.startswith("dataset=")]
    files = (config_dir / f"scale/{scale}.yaml", config_dir / "pretrain.yaml")
    entries = [entry for file in files for entry in read_yaml(file).get("defaults", ()) if isinstance(entry, dict)]
    chosen = [*reversed(said), *(entry[key] for entry in entries for key in entry if key.split("/")[-1] == "dataset")]
    return str(chosen[0])


def own_site(overrides: Sequence[str], config_dir: Path = CONFIG_DIR) -> list[str]:
    """["site=local"] where the user has a config/site/local.yaml and names no other site, else []."""
    named = any(word.startswith("site=") for word in overrides)
    return [] if named or not (config_dir / "site/local.yaml").is_file() else ["site=local"]
