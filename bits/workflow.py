"""What the Snakefile needs of the plan. Never imports torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bits.compose import CONFIG_DIR, own_site, quoted
from bits.data.errors import LAYOUT
from bits.errors import BitsError
from bits.plan import Request, current_plan
from bits.provenance import ROOT, code_digest

KNOWN_OPTIONS = ("scale", "data", "site", "seeds", "set", "cluster")
CLUSTERS = ("slurm",)
OF_THE_LINES = {
    "method": "every run of config/runs.yaml has its own method; a row for another is a line there",
    "run": "all runs are made; a single one is a target, as in snakemake run/bits-reset",
    "scale": "say --config scale=NAME",
}
PLAN = "BITS_PLAN"  # environment variable: the plan that the jobs of a build follow
CODE = {
    "train": (
        *("models", "objectives", "data", "training", "commands/train.py", "commands/running.py"),
        # The curve of a run is measured while it trains.
        *(f"evaluation/{name}.py" for name in ("features", "protocol", "retrieval", "average_precision")),
        *(f"evaluation/{name}.py" for name in ("expected_precision", "relevance", "similarity", "query_split")),
    ),
    "evaluate": (
        *("models", "objectives", "data", "evaluation", "analysis/variance.py"),
        *(f"training/{name}.py" for name in ("views", "published", "checkpoint")),
        *("commands/evaluate.py", "commands/running.py"),
    ),
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
        plan = current_plan(request(config))
        if "data" in config and all(dataset["kind"] == "scenes" for dataset in plan["datasets"].values()):
            raise BitsError(
                f"--config data={config['data']}: scale {plan['scale']['name']} renders its own images. "
                "Use --config scale=small (or scale=paper) for yours."
            )
        return plan
    except BitsError as error:
        raise SystemExit(f"{type(error).__name__}: {error}") from None


def plan_of_build(config: Mapping[str, Any], remote: bool) -> dict[str, Any]:
    """The plan of this Snakemake process. A job on another machine follows the plan of the one that submitted it.

    What was edited since then counts for neither; the environment carries the name of the plan's file.
    """
    if remote and PLAN in os.environ:
        found: dict[str, Any] = json.loads(Path(os.environ[PLAN]).read_text())
        return found
    plan = load_plan(config)
    os.environ[PLAN] = os.path.abspath(plan["file"])  # noqa: PTH100 - a text for the environment
    return plan


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


def keep_predictions(plan: Mapping[str, Any]) -> None:
    """Predict what untrained runs will cost before they start, for the report; a failure is told and stops nothing.

    In a process of its own, because counting FLOPs imports torch; not at all when every prediction is there.
    """
    from bits.costs.frozen import unpredicted  # numpy, which the Snakemake in a Slurm job need not load

    try:
        if unpredicted(plan):
            command = [sys.executable, "-m", "bits.commands.plan", "--freeze", f"scale={plan['scale']['name']}"]
            words = [*command, *plan["overrides"]]
            subprocess.run(words, check=True, capture_output=True, text=True, timeout=120)
    except Exception as error:  # whatever it is, the work itself can go on
        said = getattr(error, "stderr", "") or error
        print(f"warning: no predictions of costs were kept, so the report will show none: {said}", file=sys.stderr)


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
            "    Supply it with --config data=PATH, or copy config/site/example.yaml to config/site/local.yaml",
            f"    and set data.{gap['dataset']} there.",
        ]
    return "\n".join(lines)


def left_out_message(plan: Mapping[str, Any]) -> str:
    """Which exhibits are left out because their data sets are not on this machine."""
    lines = [f"\nLeft out at scale {plan['scale']['name']}, because their data sets are not here:"]
    lines += [f"  {name}: {reason}" for name, reason in plan["left_out"].items()]
    lines.append(f"  Expected {LAYOUT} for each.")
    return "\n".join(lines)


def elsewhere_message(plan: Mapping[str, Any]) -> str:
    """Which data sets are known from what was shared alone, so that nothing can be made from them here."""
    lines = [
        f"\nNot on this machine, at scale {plan['scale']['name']}; results made from them are as they were shared:"
    ]
    lines += [f"  {role}: {plan['datasets'][role]['title']}" for role in plan["elsewhere"]]
    names = sorted({plan["datasets"][role]["name"] for role in plan["elsewhere"]})
    places = ", ".join(f"site.data.{name}" for name in names)
    lines.append(f"  To make them anew: {places} ({LAYOUT}).")
    return "\n".join(lines)


def absent_message(plan: Mapping[str, Any], role: str) -> str:
    """That the data set of one role is not on this machine, for whoever asks for something made from it."""
    place = plan["roots"][role] or "no place that the site names"
    where = f"site.data.{plan['datasets'][role]['name']} says where it is looked for"
    return f"{role}: nothing at {place}. Expected {LAYOUT}; {where}."
