"""Share results: what was made goes to git and DVC, and comes back in a clone.

    python -m bits.commands.share record  [scale=demo ...]    note what was made, put bytes under DVC
    python -m bits.commands.share push    [scale=demo remote=NAME ...]      record, then dvc push
    python -m bits.commands.share pull    [scale=demo run=bits-reset weights=no remote=NAME ...]
    python -m bits.commands.share restore [scale=demo ...]    after a dvc pull by hand: dates and Snakemake's notes

The other words are those of snakemake --config: data=, seeds=, site=, set=. Run from the project's folder; nothing is
committed.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from bits.commands.guard import guarded
from bits.errors import BitsError
from bits.plan import current_plan
from bits.sharing import Restored, pull, push, record, restore
from bits.workflow.options import request

OWN = {"record": (), "push": ("remote",), "pull": ("run", "weights", "remote"), "restore": ()}


def main() -> int:
    words = sys.argv[1:]
    if not words or words[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    action, options = words[0], dict(word.partition("=")[::2] for word in words[1:])
    if action not in OWN:
        raise BitsError(f"share {action}: there are {', '.join(OWN)}")
    own = {name: options.pop(name) for name in OWN[action] if name in options}
    if own.get("weights", "no") != "no":
        raise BitsError(f"weights={own['weights']}: expected weights=no, or nothing for all of them")
    plan = current_plan(request(options))
    if action in ("record", "push"):
        count = push(plan, own.get("remote", "")) if action == "push" else len(record(plan).dates)
        print(_to_commit(plan, count))
    else:
        remote, run = own.get("remote", ""), own.get("run", "")
        found = pull(plan, run, "weights" not in own, remote) if action == "pull" else restore(plan)
        print(_told(found))
    return 0


def _to_commit(plan: Mapping[str, Any], count: int) -> str:
    scale = plan["scale"]["name"]
    return (
        f"{count} files of scale {scale} are recorded. Nothing is committed yet; next:\n"
        f"  git add results reports data && git commit -m 'Results of scale {scale}' && git push"
    )


def _told(found: Restored) -> str:
    lines = [f"{len(found.same)} files are as recorded; {len(found.absent)} are not here."]
    if found.other:
        lines.append(f"{len(found.other)} are not as recorded, and stay as they are:")
        lines += [f"  {name}" for name in found.other]
        lines.append("Made anew on purpose: make push records them. Else delete them, and make pull or run snakemake.")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(guarded(main))
