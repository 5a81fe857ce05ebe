"""The plan that a build follows, and the predictions that are kept before it spends anything."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bits.data.source import forget_sources
from bits.errors import BitsError
from bits.plan import Plan, current_plan, read_plan
from bits.records.streams import show_any_text
from bits.records.user import name_the_user
from bits.workflow.options import as_typed, request
from bits.workflow.place import require_checkout, require_no_links, require_plain

PLAN = "BITS_PLAN"  # environment variable: the plan that the jobs of a build follow


def load_plan(config: Mapping[str, Any], checkout: Path | None = None) -> Plan:
    """The plan for what `--config` says: scale=, data=PATH, site=NAME, seeds=0,1,2, set="key=value ...".

    checkout: what the working directory must be; None: any will do. Exits with the message alone, without a traceback,
    when that cannot be.
    """
    try:
        if checkout:
            require_checkout(checkout)
        if "cluster" in config:
            require_plain(sys.executable, str(Path.cwd()))
        wanted = request(config)
        require_no_links(wanted.study)
        plan = current_plan(wanted)
        forget_sources()  # this process may wait for its jobs for days
        return plan
    except BitsError as error:
        raise SystemExit(f"{type(error).__name__}: {error}") from None


def plan_of_build(config: Mapping[str, Any], remote: bool, checkout: Path | None = None) -> Plan:
    """The plan of this Snakemake process, see `load_plan`. A job on another machine follows that of its submitter.

    What was edited since then counts for neither; the environment carries the name of the plan's file.
    """
    show_any_text()
    name_the_user()
    if remote and PLAN in os.environ:
        return read_plan(Path(os.environ[PLAN]))
    plan = load_plan(as_typed(config, sys.argv), checkout)
    os.environ[PLAN] = str(plan.file.absolute())
    return plan


def keep_predictions(plan: Plan) -> None:
    """Predict what untrained runs will cost before they start, for the report; a failure is told and stops nothing.

    In a process of its own, because counting FLOPs imports torch; not at all when every prediction is there.
    """
    from bits.costs.frozen import unpredicted  # numpy, which the Snakemake in a Slurm job need not load

    try:
        if unpredicted(plan):
            command = [sys.executable, "-m", "bits.commands.plan", "--freeze", "--plan", str(plan.file)]
            subprocess.run(
                command, check=True, capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=120
            )
    except Exception as error:  # whatever it is, the work itself can go on
        said = getattr(error, "stderr", "") or error
        print(f"warning: no predictions of costs were kept, so the report will show none: {said}", file=sys.stderr)
