r"""Render exhibits, a study's report, and the front page.

python -m bits.commands.render exhibit --plan results/demo/plan.json --exhibit table-1 \
    --out-dir reports/demo/exhibits
python -m bits.commands.render report --plan results/demo/plan.json --exhibits-dir reports/demo/exhibits \
    --out reports/demo/index.html
python -m bits.commands.render front --reports reports --out reports/index.html
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bits.errors import BitsError
from bits.plan.declared import declarations_of
from bits.plan.model import read_plan
from bits.records.code import ROOT
from bits.records.files import write_bytes
from bits.reporting.files import ReportError
from bits.reporting.numbers import dvc_files
from bits.reporting.own_data import with_own_titles
from bits.reporting.rendered import exhibit_files
from bits.reporting.results import Results
from bits.reporting.site import front_page, read_records, report_page, why_not

_WHY_NOT = {"pending": "yet ({}); see config/pending.yaml", "no data": "on this machine: {}"}


def main(argv: Sequence[str] | None = None) -> int:
    """Render what the arguments ask for; returns 0, or 2 with a message on stderr if the input is wrong."""
    arguments = _parser().parse_args(argv)
    try:
        written: dict[Path, bytes] = arguments.render(arguments)
        for path, content in written.items():
            write_bytes(path, content)
            print(f"wrote {path} ({len(content):,} bytes)")
    except BitsError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    return 0


def render_exhibit(arguments: argparse.Namespace) -> dict[Path, bytes]:
    """Render one exhibit in every format; raises BitsError if it cannot be computed or, with --strict, has gaps."""
    plan = read_plan(arguments.plan)
    declared = with_own_titles(declarations_of(plan, arguments.config), plan)
    exhibit = declared.exhibit(arguments.exhibit)
    reason = why_not(exhibit.id, declared, plan.left_out)
    if reason is not None:
        raise ReportError(f"{exhibit.name} cannot be computed {_WHY_NOT[reason[0]].format(reason[1])}")
    return exhibit_files(exhibit, declared, Results(plan, arguments.root), arguments.out_dir, arguments.strict)


def render_report(arguments: argparse.Namespace) -> dict[Path, bytes]:
    """Render a study's report, with summary.json and the files that DVC shows beside it."""
    plan = read_plan(arguments.plan)
    results = Results(plan, arguments.root)
    declared = with_own_titles(declarations_of(plan, arguments.config), plan)
    records = read_records(declared, results, arguments.exhibits_dir)
    content, summary = report_page(declared, results, records, arguments.exhibits_dir, arguments.out)
    beside = {
        "summary.json": summary.model_dump_json(indent=1) + "\n",
        **dvc_files(declared, results, records),
    }
    return {arguments.out: content, **{arguments.out.parent / name: made.encode() for name, made in beside.items()}}


def render_front(arguments: argparse.Namespace) -> dict[Path, bytes]:
    """Render the page that lists the reports of all studies."""
    return {arguments.out: front_page(arguments.reports, arguments.out, arguments.root)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bits.commands.render", description="Render exhibits and reports.")
    commands = parser.add_subparsers(required=True)
    exhibit = _command(commands, "exhibit", render_exhibit, plan=True)
    exhibit.add_argument("--exhibit", required=True, help="id of the exhibit, such as table-1")
    exhibit.add_argument("--out-dir", type=Path, required=True, help="folder to write to")
    exhibit.add_argument("--strict", action="store_true", help="fail if a cell or curve is missing")
    report = _command(commands, "report", render_report, plan=True)
    report.add_argument("--exhibits-dir", type=Path, required=True, help="folder of the rendered exhibits")
    report.add_argument("--out", type=Path, required=True, help="page to write")
    front = _command(commands, "front", render_front, plan=False)
    front.add_argument("--reports", type=Path, required=True, help="folder with one report per study")
    front.add_argument("--out", type=Path, required=True, help="page to write")
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    render: Callable[[argparse.Namespace], dict[Path, bytes]],
    plan: bool,
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=(render.__doc__ or "").splitlines()[0])
    command.set_defaults(render=render)
    command.add_argument("--root", type=Path, default=Path(), help="folder that paths in the plan are relative to")
    if plan:
        command.add_argument("--plan", type=Path, required=True, help="the study's plan.json")
        command.add_argument("--config", type=Path, default=ROOT / "config", help="folder of the declarations")
    return command


if __name__ == "__main__":
    sys.exit(main())
