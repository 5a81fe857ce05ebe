"""Evaluate backbones on one data set: everything that the exhibits need of it, in one process.

    bits evaluate weights=FILE backbone=NAME data=PATH [scale=small] [weights_of=student] [word=value ...]

measures anyone's weights, a .safetensors file or one that torch.save wrote, as the scale measures its own runs, and
prints the numbers. NAME is a file of config/backbone or a model of timm. What of the file was left out is listed; a
backbone that would stay random in part is refused. role=NAME measures on a target set (config/targets), which lies
where site.data says. The workflow's form:

    python -m bits.commands.evaluate --run results/demo/runs/<id>/config.yaml \\
        --evaluation results/demo/evaluations/imagenet1k-<id>.yaml --site results/demo/sites/<digest>.yaml \\
        --job bits-reset=results/demo/metrics/<id>/imagenet1k-<id>.json

A job is SOURCE=OUTPUT. A source is a run or an import (its weights beside --run are loaded) or a reference that a
trained backbone must beat: random-init (the run's backbone before any step), pixels, chance (random features).

Stopped by a signal, it exits with 128 + its number; what it has measured by then is kept beside the metrics, and the
same command goes on from there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bits.commands.guard import guarded
from bits.config.frozen import read_site
from bits.config.recipe import Recipe
from bits.errors import BitsError
from bits.plan import resume_folder
from bits.plan.imports import read_backbone_recipe
from bits.training.possession import let_go
from bits.workflow.options import requested
from bits.workflow.weights_words import weights_words


def main() -> int:
    return frozen() if any(word.startswith("-") for word in sys.argv[1:]) else anyones(sys.argv[1:])


def anyones(words: Sequence[str]) -> int:
    """The form that takes words."""
    line, role, others = weights_words(words)
    request = requested(others)
    from bits.runs.measure import measure  # imports torch, which wrong words need not wait for

    found = measure(request, line, role)
    print(f"{line.weights}: {found.taken}")
    if found.code == 0:
        before = " (measured before; remove it to measure again)" if found.before else ""
        print("\n".join([*found.lines(), f"{found.file}{before}"]))
    return found.code


def frozen() -> int:
    """The workflow's form: everything from frozen files."""
    from bits.runs.evaluate import DataSetEvaluation, FrozenEvaluation

    parser = argparse.ArgumentParser(
        prog="bits evaluate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="frozen configuration of a run or an import")
    parser.add_argument("--evaluation", type=Path, required=True, help="frozen evaluation settings and data set")
    parser.add_argument("--site", type=Path, required=True)
    parser.add_argument("--job", action="append", required=True, metavar="SOURCE=OUTPUT")
    parser.add_argument("--threads", type=int, default=0)
    arguments = parser.parse_args()
    jobs = [job.partition("=") for job in arguments.job]
    for source, equals, _ in jobs:
        if not equals:
            raise BitsError(f"--job {source!r}: expected SOURCE=OUTPUT, e.g. pixels=metrics.json")
    recipe = read_backbone_recipe(arguments.run)
    evaluation, site = FrozenEvaluation.read(arguments.evaluation), read_site(arguments.site, arguments.threads)
    here = DataSetEvaluation(arguments.run.parent, recipe, evaluation, site)
    folder, outputs = arguments.run.parent, [Path(output) for _, _, output in jobs]
    code = here.run((source, output) for (source, _, _), output in zip(jobs, outputs, strict=True))
    trained = isinstance(recipe, Recipe) and any(output.parent.name == folder.name for output in outputs)
    if code == 0 and trained:
        # Snakemake evaluates a run when its training is recorded, so nobody will ask for that again.
        let_go(folder, resume_folder(folder, site.scratch))
    return code


if __name__ == "__main__":
    sys.exit(guarded(main))
