"""What a build says about data that are not there, and about what it made."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bits.data.kind import kind_of
from bits.data.obtain import expected
from bits.plan import Plan
from bits.plan.imports import HOW_TO_SUPPLY
from bits.plan.model import REPORTS, DataRemark
from bits.plan.needs import lost as roles_lost

FRONT_PAGE = str(REPORTS / "index.html")
MOST_SHOWN = 8  # files that were made


def missing_message(plan: Plan) -> str:
    """Which data and weights are missing and how to supply them."""
    return "\n".join([*_missing_data(plan), *_missing_weights(plan)])


def _missing_weights(plan: Plan) -> list[str]:
    lines = [f"\nStudy {plan.study} needs weights that are not there:"] if plan.missing_weights else []
    for gap in plan.missing_weights:
        lines += [f"  {gap.run}: weights = {gap.file}", f"    {gap.reason}. {HOW_TO_SUPPLY}"]
    return lines


def _missing_data(plan: Plan) -> list[str]:
    lines = [f"\nStudy {plan.study} needs data that are not there:"] if plan.missing else []
    for gap in plan.missing:
        lines += [
            f"  {gap.dataset}: site.data.{gap.dataset} = {gap.root or 'not set'}",
            f"    {gap.reason}",
            f"    {expected(plan.datasets[gap.role])}",
            "    Supply it with --config data=PATH, or copy config/site/example.yaml to config/site/local.yaml",
            f"    and set data.{gap.dataset} there.",
        ]
    return lines


def unfit_message(plan: Plan) -> str:
    """Why data that are here cannot serve what is planned."""
    return "\n".join([f"\nThe data of study {plan.study} cannot serve what is planned:", *_remarks(plan, plan.unfit)])


def remarks_message(plan: Plan) -> str:
    """What should be known of the data."""
    return "\n".join([f"\nwarning: on the data of study {plan.study}:", *_remarks(plan, plan.remarks)])


def _remarks(plan: Plan, remarks: Iterable[DataRemark]) -> list[str]:
    lines = []
    for remark in remarks:
        dataset = plan.datasets[remark.role]
        lines += [f"  {dataset.name} ({plan.roots[remark.role]}): {remark.found}.", f"    {remark.remedy}"]
    return lines


def left_out_message(plan: Plan, command: Iterable[str] = ()) -> str:
    """Which exhibits are left out because their data sets are not on this machine, in a line; "" where none is meant.

    command: its words; where they name exhibits, others that are left out are nobody's business.
    """
    asked = set(command) & {*plan.needs, *plan.left_out}
    lost = [name for name in plan.left_out if not asked or name in asked]
    if not lost:
        return ""
    absent = [role for role in plan.datasets if any(role in roles_lost(plan.left_out[name]) for name in lost)]
    return (
        f"\nLeft out of study {plan.study}, because {', '.join(absent)} are not here: {', '.join(lost)} "
        f"(bits doctor study={plan.study} says what to put where)"
    )


def elsewhere_message(plan: Plan) -> str:
    """Which data sets are known from shared manifests alone, so that nothing can be made from them here."""
    lines = [f"\nNot on this machine, in study {plan.study}; results made from them are as they were shared:"]
    lines += [f"  {role}: {plan.datasets[role].title}" for role in plan.elsewhere]
    names = sorted({plan.datasets[role].name for role in plan.elsewhere})
    places = ", ".join(f"site.data.{name}" for name in names)
    lines.append(f"  To make them anew, say where the data lie: {places}.")
    return "\n".join([*lines, *_expected(plan, plan.elsewhere)])


def absent_message(plan: Plan, role: str) -> str:
    """That the data set of one role is not on this machine, for whoever asks for something made from it."""
    place = plan.roots[role] or "no place that the site names"
    where = f"{plan.datasets[role].name} is looked for where site.data.{plan.datasets[role].name} says"
    return f"{role}: nothing at {place}. {expected(plan.datasets[role])} {where}."


def on_request_message(exhibit: str, extra: str) -> str:
    """How to ask for an exhibit that is made only on request."""
    return (
        f"{exhibit} is made only on request: add extra={extra} to --config, or make a study with it "
        f"(bits study new NAME --from SCALE extra={extra})"
    )


def lost_logs_message(plan: Plan) -> str:
    """Which trained runs have lost their log, which no rule makes: Snakemake would delete it before it resumes a run.

    "" if none has.
    """
    lost = [run for run in plan.runs.values() if run.outcome.is_file() and not run.log.is_file()]
    if not lost:
        return ""
    lines = [f"  {run.log}" for run in lost[:MOST_SHOWN]]
    more = [f"  and {len(lost) - MOST_SHOWN} more"] if len(lost) > MOST_SHOWN else []
    return "\n".join(
        [
            f"\nTrained runs of study {plan.study} without their log, which the archive asks for:",
            *lines,
            *more,
            "  Get them where they are shared (make pull), or remove a run's outcome.json to have it trained anew.",
        ]
    )


def made_message(targets: Iterable[Any]) -> str:
    """Where to look for what was asked for. targets: Snakemake's jobs; of one that only gathers, what it gathers.

    The front page where it is among them, for it leads to everything else; else pages, else whatever files there are.
    """
    files = sorted({str(file) for job in targets for file in (job.output or job.input)})
    pages = [file for file in files if file == FRONT_PAGE] or [file for file in files if file.endswith(".html")]
    shown = pages or files
    more = [f"  and {len(shown) - MOST_SHOWN} more"] if len(shown) > MOST_SHOWN else []
    lines = [f"  {Path(file).absolute()}" for file in shown[:MOST_SHOWN]]
    return "\n".join([f"\n{'The report' if pages == [FRONT_PAGE] else 'Made'}:", *lines, *more])


def _layout(plan: Plan, role: str) -> str:
    return kind_of(plan.datasets[role]).layout


def _expected(plan: Plan, roles: Iterable[str]) -> list[str]:
    """What has to lie where the data sets of some roles are looked for, one line for each layout."""
    of_layout: dict[str, list[str]] = {}
    for role in roles:
        of_layout.setdefault(_layout(plan, role), []).append(role)
    return [f"  Expected of {', '.join(mine)}: {layout}." for layout, mine in of_layout.items()]
