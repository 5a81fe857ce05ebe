"""Check this machine, the cluster and the data before anything is submitted.

    bits doctor [scale=demo] [word=value ...] [--slurm | --no-slurm] [--profile slurm] [--quick] [--json]

Shows what each check found, and for every warning and error what to do. Submits nothing, and leaves nothing behind but
the digests of images that it has read (data/.digests), so that they need not be read again.

Exit code: 0 nothing is wrong, or there are warnings only; 1 at least one error; 2 the call or the configuration is
wrong, so nothing could be checked.
"""

from __future__ import annotations

import argparse
import sys

from bits.commands.guard import guarded
from bits.doctor.examine import Options, examined, planned
from bits.doctor.text import as_json, as_text
from bits.workflow.options import add_words, requested


def main() -> int:
    """Print the findings; returns the exit code."""
    arguments = _parser().parse_intermixed_args()
    plan, findings = planned(requested(arguments.words))
    if plan is not None:
        findings += examined(plan, Options(arguments.slurm, arguments.profile, arguments.quick))
    print(as_json(findings) if arguments.json else as_text(findings))
    return int(any(finding.status == "error" for finding in findings))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bits doctor", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_words(parser)
    parser.add_argument("--slurm", action=argparse.BooleanOptionalAction, help="default: if sbatch is on the path")
    parser.add_argument("--profile", default="slurm", help="the Snakemake profile that jobs are sent with")
    parser.add_argument("--quick", action="store_true", help="look at folders only; count and decode no images")
    parser.add_argument("--json", action="store_true", help="findings as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(guarded(main))
