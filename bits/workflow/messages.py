"""What a build says about data that are not there."""

from __future__ import annotations

from bits.data.layout import LAYOUT
from bits.plan import Plan


def missing_data_message(plan: Plan) -> str:
    """Which data are missing and how to supply them."""
    lines = [f"\nScale {plan.scale.name} needs data that are not there:"]
    for gap in plan.missing:
        lines += [
            f"  {gap.dataset}: site.data.{gap.dataset} = {gap.root or 'not set'}",
            f"    {gap.reason}",
            f"    Expected {LAYOUT}.",
            "    Supply it with --config data=PATH, or copy config/site/example.yaml to config/site/local.yaml",
            f"    and set data.{gap.dataset} there.",
        ]
    return "\n".join(lines)


def left_out_message(plan: Plan) -> str:
    """Which exhibits are left out because their data sets are not on this machine."""
    lines = [f"\nLeft out at scale {plan.scale.name}, because their data sets are not here:"]
    lines += [f"  {name}: {reason}" for name, reason in plan.left_out.items()]
    lines.append(f"  Expected {LAYOUT} for each.")
    return "\n".join(lines)


def elsewhere_message(plan: Plan) -> str:
    """Which data sets are known from shared manifests alone, so that nothing can be made from them here."""
    lines = [f"\nNot on this machine, at scale {plan.scale.name}; results made from them are as they were shared:"]
    lines += [f"  {role}: {plan.datasets[role].title}" for role in plan.elsewhere]
    names = sorted({plan.datasets[role].name for role in plan.elsewhere})
    places = ", ".join(f"site.data.{name}" for name in names)
    lines.append(f"  To make them anew: {places} ({LAYOUT}).")
    return "\n".join(lines)


def absent_message(plan: Plan, role: str) -> str:
    """That the data set of one role is not on this machine, for whoever asks for something made from it."""
    place = plan.roots[role] or "no place that the site names"
    where = f"site.data.{plan.datasets[role].name} says where it is looked for"
    return f"{role}: nothing at {place}. Expected {LAYOUT}; {where}."
