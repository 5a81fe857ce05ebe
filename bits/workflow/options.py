"""The words that commands and `snakemake --config` take, as the request that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bits.config.compose import CONFIG_DIR, own_site, quoted
from bits.errors import BitsError
from bits.plan import Request

KNOWN_OPTIONS = ("scale", "data", "site", "seeds", "set", "cluster")


CLUSTERS = ("slurm",)


OF_THE_LINES = {
    "method": "every run of config/runs.yaml has its own method; a row for another is a line there",
    "run": "all runs are made; a single one is a target, as in snakemake run/bits-reset",
    "scale": "say --config scale=NAME",
}


def request(config: Mapping[str, Any]) -> Request:
    """The request behind `--config`; raises BitsError for an option that does not exist."""
    for option in config:
        if option not in KNOWN_OPTIONS:
            raise BitsError(
                f"--config {option}=...: there are {', '.join(KNOWN_OPTIONS)}. "
                f'A key of the configuration goes into set, as in --config set="seed=1 schedule.epochs=50".'
            )
    scale = str(config.get("scale", "demo"))
    scales = sorted(path.stem for path in (CONFIG_DIR / "scale").glob("*.yaml"))
    if scale not in scales:
        raise BitsError(f"--config scale={scale}: there are {', '.join(scales)}")
    cluster = config.get("cluster", CLUSTERS[0])
    if cluster not in CLUSTERS:
        raise BitsError(f"--config cluster={cluster}: there is {', '.join(CLUSTERS)}")
    overrides = str(config.get("set", "")).split()
    for word in overrides:
        if word.split("=")[0] in OF_THE_LINES:
            raise BitsError(f'--config set="{word}": {OF_THE_LINES[word.split("=")[0]]}')
    if "site" in config:
        overrides.append(f"site={config['site']}")
    overrides += own_site(overrides)
    if "seeds" in config:
        overrides.append(f"seeds=[{_seeds(config['seeds'])}]")
    if "data" in config:
        overrides += [f"site.data.{name}={quoted(str(config['data']))}" for name in ("images", "imagenet1k")]
    return Request(scale, tuple(overrides))


def requested(words: list[str]) -> Request:
    """The request behind a command's words: scale=, data=, site=, seeds=, set= and any key of the configuration."""
    odd = [word for word in words if "=" not in word]
    if odd:
        raise BitsError(f"{odd[0]!r}: expected key=value, such as scale=paper or site.device=cpu")
    pairs = [tuple(word.split("=", 1)) for word in words]
    options = {key: value for key, value in pairs if key in KNOWN_OPTIONS}
    basis = request(options)
    return Request(basis.scale, (*basis.overrides, *(f"{key}={value}" for key, value in pairs if key not in options)))


def _seeds(given: object) -> str:
    """What Snakemake makes of seeds=0,1,2 (a text), seeds=1 (a number) or seeds=[0,1] (a list), as 0,1,2."""
    words = [str(item) for item in given] if isinstance(given, list) else str(given).strip("[]").split(",")
    if not all(word.strip().isdigit() for word in words):
        raise BitsError(f"--config seeds={given}: expected numbers with commas between them, such as seeds=0,1,2")
    return ",".join(word.strip() for word in words)
