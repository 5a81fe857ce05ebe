"""What is made only on request: runs and exhibits beyond the paper, a file of config/extra each."""

from __future__ import annotations

from pathlib import Path

from bits.config.declared import DeclarationError, read_yaml
from bits.config.near import did_you_mean

EXTRA = "extra"  # folder of config/


def extra_names(config_dir: Path) -> list[str]:
    """What there is."""
    return sorted(path.stem for path in (config_dir / EXTRA).glob("*.yaml"))


def extra_file(name: str, config_dir: Path) -> Path:
    """The file that declares it; raises DeclarationError with near matches."""
    names = extra_names(config_dir)
    if name not in names:
        raise DeclarationError(f"extra={name}: no such file in {config_dir / EXTRA}{did_you_mean(name, names)}")
    return config_dir / EXTRA / f"{name}.yaml"


def extra_exhibits(config_dir: Path) -> dict[str, str]:
    """Exhibit -> the file that it has to be asked for by."""
    return {
        exhibit: name
        for name in extra_names(config_dir)
        for exhibit in read_yaml(extra_file(name, config_dir)).get("exhibits") or ()
    }
