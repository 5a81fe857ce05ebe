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
from bits.plan.study import read_study, study_file, study_names, write_study
from bits.workflow.options import add_words, request, study_of


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="bits study", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = parser.add_subparsers(dest="action", required=True)
    new = actions.add_parser("new", help="make one")
    new.add_argument("name")
    new.add_argument("--from", dest="scale", default="demo", metavar="SCALE", help="the scale that it is based on")
    add_words(new)
    actions.add_parser("list", help="name those there are")
    actions.add_parser("show", help="what one holds, and where").add_argument("name")
    arguments = parser.parse_args()
    if arguments.action == "new":
        return _new(arguments.name, [f"scale={arguments.scale}", *arguments.words])
    for name in study_names() if arguments.action == "list" else [arguments.name]:
        print(f"{name}: {' '.join(f'{key}={value}' for key, value in read_study(name).words().items())}")
    if arguments.action == "show":
        wanted = request({"study": arguments.name})
        print(f"  declared in {study_file(arguments.name)}, results in {wanted.folder}")
    return 0


def _new(name: str, words: list[str]) -> int:
    study = study_of(words)
    wanted = request(study.words())
    make_plan(Request(name, wanted.scale, wanted.overrides))  # what is wrong in it is said now
    path = write_study(name, study)
    print(f"{path}\nNext: bits plan study={name}; snakemake --cores all --config study={name}")
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
