"""Where in a file a backbone lies: behind which prefix, and whose it is, a teacher's or a student's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from bits.models.weights.file import WeightsError

Branch = Literal["teacher", "student"]
FEW = 4  # a backbone of which less than one in FEW names is found is another one; more may be one of another depth
# Words in prefixes, between dots or underscores, by which public code tells the two networks apart.
_TEACHERS = {"teacher", "momentum", "ema", "target", "k"}
_STUDENTS = {"student", "online", "q"}


@dataclass(frozen=True)
class Layout:
    """prefix: of the backbone's tensors, such as "teacher.backbone."; "" where they have none. branch: whose it is by
    that prefix; None where the file tells of one network alone."""

    prefix: str
    branch: Branch | None


def layout_of(tensors: Mapping[str, Tensor], wanted: Collection[str], of: Branch | None, where: str) -> Layout:
    """Where most of the wanted names are found. of: None takes the teacher where there are both.

    Raises WeightsError where hardly any name is found, the branch that is asked for is not there, or where several
    networks would do that nothing tells apart.
    """
    counts = _prefixes(tensors, wanted)
    most = max(counts.values(), default=0)
    if FEW * most < len(wanted):
        raise WeightsError(_strangers(tensors, wanted, most, where))
    rivals = sorted(prefix for prefix, count in counts.items() if 2 * count >= most)
    branches = {prefix: _branch(prefix) for prefix in rivals}
    if "teacher" in branches.values():  # what has no name beside a teacher is what it teaches
        branches = {prefix: branch or "student" for prefix, branch in branches.items()}
    order = [of] if of else ["teacher", None, "student"]
    for branch in order:
        found = [prefix for prefix in rivals if branches[prefix] == branch]
        if len(found) > 1:
            named = ", ".join(repr(prefix) for prefix in found)
            raise WeightsError(
                f"{where}: holds several such backbones, behind {named}. Write the one that "
                "you mean into a file of its own."
            )
        if found:
            return Layout(found[0], branches[found[0]])
    there = ", ".join(f"{prefix!r} ({branches[prefix] or 'of no branch'})" for prefix in rivals)
    raise WeightsError(f"{where}: weights_of = {of}, but its backbones are {there}. Say another one, or leave it out.")


def _prefixes(tensors: Mapping[str, Tensor], wanted: Collection[str]) -> Counter[str]:
    """How many of the wanted names there are behind every prefix that ends at a dot."""
    found: Counter[str] = Counter()
    for name in tensors:
        parts = name.split(".")
        for cut in range(len(parts)):
            if ".".join(parts[cut:]) in wanted:
                found[".".join([*parts[:cut], ""])] += 1
    return found


def _branch(prefix: str) -> Branch | None:
    words = set(re.split(r"[._]", prefix))
    if words & _TEACHERS:
        return "teacher"
    return "student" if words & _STUDENTS else None


def _strangers(tensors: Mapping[str, Tensor], wanted: Collection[str], most: int, where: str) -> str:
    theirs, ours = (", ".join(list(names)[:4]) for names in (tensors, wanted))
    kind = ""
    if any("exp_avg" in name or "momentum_buffer" in name for name in tensors):
        kind = " (it has the state of an optimiser)"
    return (
        f"{where}: {most} of the backbone's {len(wanted)} tensors are in the file{kind}. It has {theirs}, ...; the "
        f"backbone {ours}, ... Choose the backbone that it was trained with (backbone=...)."
    )
