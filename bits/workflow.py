"""What the Snakefile needs of the plan. Never imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from bits.compose import CONFIG_DIR
from bits.errors import BitsError
from bits.plan import Request, current_plan
from bits.provenance import ROOT, code_digest, digest

KNOWN_OPTIONS = ("scale", "data", "site", "set")
CODE = {
    "train": ("models", "objectives", "data", "training", "commands/train.py", "commands/running.py"),
    "evaluate": ("models", "data", "evaluation", "analysis/variance.py", "training/views.py", "commands/evaluate.py"),
    "report": ("reporting", "exhibits", "commands/render.py"),
}


def load_plan(config: Mapping[str, Any]) -> dict[str, Any]:
    """The plan for what `--config` says: scale=, data=PATH, site=NAME, set="key=value ...".

    Exits with the message alone, without a traceback, when that cannot be.
    """
    try:
        return current_plan(request(config))
    except BitsError as error:
        raise SystemExit(f"{type(error).__name__}: {error}") from None


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
    overrides = str(config.get("set", "")).split()
    if "site" in config:
        overrides.append(f"site={config['site']}")
    if "data" in config:
        overrides += [f"site.data.{name}={_quoted(str(config['data']))}" for name in ("images", "imagenet1k")]
    return Request(scale, tuple(overrides))


def _quoted(path: str) -> str:
    return "'" + path.replace("\\", "\\\\").replace("'", "\\'") + "'"


@cache  # asked once a rule, and there is a rule an exhibit
def code_state_of(part: str) -> str:
    """Digest of the code that determines a rule's output; comments and docstrings do not count."""
    return code_digest([ROOT / "bits" / path for path in CODE[part]])[:16]


def declaration_digest(name: str) -> str:
    """Digest of the declarations that a rendered exhibit depends on."""
    return digest([name, *_declarations()])[:16]


@cache
def _declarations() -> tuple[object, str, str]:
    texts = [path.read_text() for path in sorted((CONFIG_DIR / "exhibits").glob("*.yaml"))]
    return texts, (CONFIG_DIR / "measures.yaml").read_text(), (CONFIG_DIR / "published.csv").read_text()


def missing_data_message(plan: Mapping[str, Any]) -> str:
    """Which data are missing and how to supply them."""
    lines = [f"\nScale {plan['scale']['name']} needs data that are not there:"]
    for gap in plan["missing"]:
        where = f"site.data.{gap['dataset']} = {gap['root'] or 'not set'}"
        lines += [
            f"  {gap['dataset']}: {where}",
            f"    {gap['reason']}",
            "    Expected a folder or zip with train/<class>/<image> and val/<class>/<image>.",
            "    Supply it with --config data=PATH, or copy config/site/default.yaml to config/site/local.yaml,",
            f"    set data.{gap['dataset']} there and say --config site=local.",
        ]
    return "\n".join(lines)
