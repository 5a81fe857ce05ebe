"""What a build says about data that are not there."""

from __future__ import annotations

from collections.abc import Iterable

from bits.data.kind import kind_of
from bits.plan import Plan


def missing_data_message(plan: Plan) -> str:
    """Which data are missing and how to supply them."""
    lines = [f"\nStudy {plan.study} needs data that are not there:"]
    for gap in plan.missing:
        lines += [
            f"  {gap.dataset}: site.data.{gap.dataset} = {gap.root or 'not set'}",
            f"    {gap.reason}",
            f"    Expected {_layout(plan, gap.role)}.",
            "    Supply it with --config data=PATH, or copy config/site/example.yaml to config/site/local.yaml",
            f"    and set data.{gap.dataset} there.",
        ]
    return "\n".join(lines)


def left_out_message(plan: Plan, command: Iterable[str] = ()) -> str:
    """Which exhibits are left out because their data sets are not on this machine, in a line; "" where none is meant.

    command: its words; where they name exhibits, others that are left out are nobody's business.
    """
    asked = set(command) & {*plan.needs, *plan.left_out}
    lost = [name for name in plan.left_out if not asked or name in asked]
    if not lost:
        return ""
    absent = [role for role in plan.datasets if any(role in plan.left_out[name] for name in lost)]
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
    where = f"site.data.{plan.datasets[role].name} says where it is looked for"
    return f"{role}: nothing at {place}. Expected {_layout(plan, role)}; {where}."


def on_request_message(exhibit: str, extra: str) -> str:
    """How to ask for an exhibit that is made only on request."""
    return (
        f"{exhibit} is made only on request: add extra={extra} to --config, or make a study with it "
        f"(bits study new NAME --from SCALE extra={extra})"
    )


def _layout(plan: Plan, role: str) -> str:
    return kind_of(plan.datasets[role]).layout


def _expected(plan: Plan, roles: Iterable[str]) -> list[str]:
    """What has to lie where the data sets of some roles are looked for, one line for each layout."""
    of_layout: dict[str, list[str]] = {}
    for role in roles:
        of_layout.setdefault(_layout(plan, role), []).append(role)
    return [f"  Expected of {', '.join(mine)}: {layout}." for layout, mine in of_layout.items()]
