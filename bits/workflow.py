"""What the Snakefile needs of the plan. Never imports torch."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bits.compose import CONFIG_DIR
from bits.data.errors import LAYOUT
from bits.errors import BitsError
from bits.plan import Request, current_plan
from bits.provenance import ROOT, code_digest

KNOWN_OPTIONS = ("scale", "data", "site", "seeds", "set")
CODE = {
    "train": ("models", "objectives", "data", "training", "commands/train.py", "commands/running.py"),
    "evaluate": ("models", "data", "evaluation", "analysis/variance.py", "training/views.py", "commands/evaluate.py"),
    "figures": ("reporting", "exhibits", "commands/render.py"),
}
# Everything but how figures are drawn.
CODE["report"] = (
    *sorted(f"reporting/{path.name}" for path in (ROOT / "bits/reporting").glob("*.py") if path.name != "figures.py"),
    "reporting/templates",
    *CODE["figures"][1:],
)


def load_plan(config: Mapping[str, Any]) -> dict[str, Any]:
    """The plan for what `--config` says: scale=, data=PATH, site=NAME, seeds=0,1,2, set="key=value ...".

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
    if "seeds" in config:
        overrides.append(f"seeds=[{_seeds(config['seeds'])}]")
    if "data" in config:
        overrides += [f"site.data.{name}={_quoted(str(config['data']))}" for name in ("images", "imagenet1k")]
    return Request(scale, tuple(overrides))


def _seeds(given: object) -> str:
    """What Snakemake makes of seeds=0,1,2 (a text), seeds=1 (a number) or seeds=[0,1] (a list), as 0,1,2."""
    words = [str(item) for item in given] if isinstance(given, list) else str(given).strip("[]").split(",")
    if not all(word.strip().isdigit() for word in words):
        raise BitsError(f"--config seeds={given}: expected numbers with commas between them, such as seeds=0,1,2")
    return ",".join(word.strip() for word in words)


def _quoted(path: str) -> str:
    return "'" + path.replace("\\", "\\\\").replace("'", "\\'") + "'"


def gpus_per_process(plan: Mapping[str, Any]) -> int:
    """1 where jobs use a GPU, so that the workflow does not start one on every core of a machine with one GPU."""
    device = plan["site"]["device"]
    there = shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia/version").exists()
    return int(device.startswith("cuda") or (device == "auto" and there))


@cache  # asked once a rule, and there is a rule an exhibit
def code_state_of(part: str) -> str:
    """code:<part>:<digest> of the code that determines a rule's output; comments and docstrings do not count."""
    return f"code:{part}:{code_digest([ROOT / 'bits' / path for path in CODE[part]])[:16]}"


def missing_data_message(plan: Mapping[str, Any]) -> str:
    """Which data are missing and how to supply them."""
    lines = [f"\nScale {plan['scale']['name']} needs data that are not there:"]
    for gap in plan["missing"]:
        where = f"site.data.{gap['dataset']} = {gap['root'] or 'not set'}"
        lines += [
            f"  {gap['dataset']}: {where}",
            f"    {gap['reason']}",
            f"    Expected {LAYOUT}.",
            "    Supply it with --config data=PATH, or copy config/site/default.yaml to config/site/local.yaml,",
            f"    set data.{gap['dataset']} there and say --config site=local.",
        ]
    return "\n".join(lines)


def left_out_message(plan: Mapping[str, Any]) -> str:
    """Which exhibits are left out because their data sets are not on this machine."""
    lines = [f"\nLeft out at scale {plan['scale']['name']}, because their data sets are not here:"]
    lines += [f"  {name}: {reason}" for name, reason in plan["left_out"].items()]
    lines.append(f"  Expected {LAYOUT} for each.")
    return "\n".join(lines)


def absent_message(plan: Mapping[str, Any], role: str) -> str:
    """That the data set of one role is not on this machine, for whoever asks for something made from it."""
    place = plan["roots"][role] or "no place that the site names"
    where = f"site.data.{plan['datasets'][role]['name']} says where it is looked for"
    return f"{role}: nothing at {place}. Expected {LAYOUT}; {where}."
