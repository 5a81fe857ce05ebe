"""Named set-ups: a scale with its data, overrides and seeds.

    bits study new NAME --from SCALE [word=value ...]   as in: bits study new birds --from small data=birds.zip
    bits study list
    bits study show NAME

A study is config/study/NAME.yaml. Every other command takes study=NAME, and so does snakemake --config study=NAME; its
results are in results/NAME, its report is reports/NAME/index.html.
"""

from __future__ import annotations

import argparse
import sys

from bits.commands.guard import guarded
from bits.plan import Request, make_plan
from bits.plan.study import StudyError, read_study, study_file, study_names, write_study
from bits.workflow.options import add_words, request, study_of


def main() -> int:
    """Make, list or show studies."""
    parser = argparse.ArgumentParser(prog="bits study", description=__doc__)
    parser.add_argument("action", choices=("new", "list", "show"))
    parser.add_argument("name", nargs="?", help="of new and show")
    parser.add_argument("--from", dest="scale", default="demo", metavar="SCALE", help="the scale that a new one is of")
    add_words(parser)
    arguments = parser.parse_intermixed_args()
    if arguments.action == "list":
        print(
            "\n".join(f"{name}: {read_study(name)}" for name in study_names()) or "no studies; bits study new makes one"
        )
        return 0
    if arguments.name is None:
        raise StudyError(f"bits study {arguments.action}: say which, as in bits study {arguments.action} my-study")
    if arguments.action == "new":
        return _new(arguments.name, [f"scale={arguments.scale}", *arguments.words])
    wanted = request({"study": arguments.name})
    print(f"{arguments.name}: {read_study(arguments.name)}")
    print(f"  declared in {study_file(arguments.name)}, results in {wanted.folder}")
    return 0


def _new(name: str, words: list[str]) -> int:
    study = study_of(words)
    wanted = request(study.words())
    make_plan(Request(name, wanted.scale, wanted.overrides, extra=wanted.extra))  # what is wrong in it is said now
    path = write_study(name, study)
    print(f"{path}\nNext: bits plan study={name}; snakemake --cores all --config study={name}")
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
