"""Evaluate backbones on one data set: everything that the exhibits need of it, in one process.

    python -m bits.commands.evaluate --run results/demo/runs/<id>/config.yaml \\
        --evaluation results/demo/evaluations/imagenet1k-<id>.yaml --site results/demo/sites/<digest>.yaml \\
        --job bits-reset=results/demo/metrics/<id>/imagenet1k-<id>.json

A job is SOURCE=OUTPUT. A source is a run (its teacher or student beside --run is loaded) or a reference that a trained
backbone must beat: random-init (the run's backbone before any step), pixels, chance (random features).

Stopped by a signal, it exits with 128 + its number; what it has measured by then is kept beside the metrics, and the
same command goes on from there.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bits.commands.guard import guarded
from bits.config.frozen import read_site
from bits.errors import BitsError
from bits.plan import resume_folder
from bits.plan.runs import read_frozen_run
from bits.runs.evaluate import DataSetEvaluation, FrozenEvaluation
from bits.training.possession import let_go


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="bits evaluate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="frozen configuration of a run")
    parser.add_argument("--evaluation", type=Path, required=True, help="frozen evaluation settings and data set")
    parser.add_argument("--site", type=Path, required=True)
    parser.add_argument("--job", action="append", required=True, metavar="SOURCE=OUTPUT")
    parser.add_argument("--threads", type=int, default=0)
    arguments = parser.parse_args()
    jobs = [job.partition("=") for job in arguments.job]
    for source, equals, _ in jobs:
        if not equals:
            raise BitsError(f"--job {source!r}: expected SOURCE=OUTPUT, e.g. pixels=metrics.json")
    _, _, recipe = read_frozen_run(arguments.run)
    evaluation, site = FrozenEvaluation.read(arguments.evaluation), read_site(arguments.site, arguments.threads)
    here = DataSetEvaluation(arguments.run.parent, recipe, evaluation, site)
    folder, outputs = arguments.run.parent, [Path(output) for _, _, output in jobs]
    code = here.run((source, output) for (source, _, _), output in zip(jobs, outputs, strict=True))
    if code == 0 and any(output.parent.name == folder.name for output in outputs):
        # Snakemake evaluates a run when its training is recorded, so nobody will ask for that again.
        let_go(folder, resume_folder(folder, site.scratch))
    return code


if __name__ == "__main__":
    sys.exit(guarded(main))
