"""The set-ups whose results lie in a study's folder, by the words that they were made with.

A scale can be built with data=..., seeds=..., extra=... and set=...; its folder then holds several set-ups. Whatever
packs or sends results asks here which one is meant, so that nothing of one set-up passes for another.
"""

from __future__ import annotations

import ast
import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bits.plan.files import current_plan
from bits.plan.model import TRAINING, Plan, PlanError
from bits.plan.request import Request
from bits.records.digests import digest
from bits.records.files import write_json

SHARED = "setups"  # in a study's folder: the set-ups that git has, since plans belong to one machine
DATA = "site.data."
OWN = f"{DATA}images"
HOW_TO_NAME_IT = (
    "Give the words that it was made with (data=, seeds=, extra=, site=, set=), or a name once and for all: "
    "bits study new NAME --from SCALE ..."
)


@dataclass(frozen=True)
class SetUp:
    """What tells a set-up from others of its study: files of config/extra, and Hydra overrides for every run."""

    extra: tuple[str, ...]
    overrides: tuple[str, ...]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> SetUp:
        """Of a plan, or of what is shared of one, as JSON; what belongs to a machine, but for its data, is left out."""
        kept = tuple(word for word in values["overrides"] if not _of_the_machine(word))
        return cls(tuple(values["extra"]), kept)

    @property
    def anywhere(self) -> SetUp:
        """Without where the data lie on this machine."""
        return replace(self, overrides=tuple(word for word in self.overrides if not word.startswith(DATA)))

    def __str__(self) -> str:
        return said([*_extra(self.extra), *self.overrides])


PLAIN = SetUp((), ())  # a scale by itself


def made_plan(request: Request) -> Plan:
    """The plan of the set-up that is meant.

    It is the one that the request says, as a named study does. Where it says a scale alone, and nothing was made of
    that, it is the one that was made there. Raises PlanError, with the words that choose, where several were.
    """
    asked = SetUp.of({"extra": request.extra, "overrides": request.overrides})
    found = setups(request.folder) if request.study == request.scale and asked == PLAIN else []
    if not found or PLAIN in found:
        return current_plan(request)
    if len(found) > 1:
        raise PlanError(f"{request.folder}: several set-ups were made there. Say which:{_listed(request, found)}")
    (only,) = found
    return current_plan(replace(request, extra=only.extra, overrides=(*request.overrides, *only.overrides)))


def setups(study: Path) -> list[SetUp]:
    """The set-ups of which something was made or shared in a study's folder, the one planned last at the end."""
    plans = sorted((study / "plans").glob("*.json"), key=lambda path: path.stat().st_mtime)
    read = [values for values in map(_read, plans) if values is not None]
    measured = _measured(read)
    here = [SetUp.of(values) for values in measured or [values for values in read if _is_trained(study, values)]]
    known = {one.anywhere for one in here}
    shared = [values for values in map(_read, sorted((study / SHARED).glob("*.json"))) if values is not None]
    elsewhere = [SetUp.of(values) for values in shared if _is_trained(study, values)]
    return list(dict.fromkeys([*(one for one in elsewhere if one not in known), *here]))


def share_setup(plan: Plan) -> None:
    """Write down which set-up the results of a plan are of, for clones, which have no plans."""
    setup = SetUp.of(plan.model_dump(include={"extra", "overrides"})).anywhere
    path = plan.folder / SHARED / f"{digest([setup.extra, setup.overrides])[:8]}.json"
    write_json(path, {"extra": setup.extra, "overrides": setup.overrides, "runs": sorted(plan.runs)})


def require_made(plan: Plan) -> None:
    """Raise PlanError when something was made in the plan's folder, but nothing of the plan."""
    if any(run.outcome.is_file() for run in plan.runs.values()):
        return
    others = sorted(path.parent.name for path in (plan.folder / "runs").glob("*/outcome.json"))
    if others:
        request = Request(plan.study, plan.scale.name)
        raise PlanError(
            f"{plan.folder}: {len(others)} runs are there, as {others[0]}, but none of this set-up "
            f"({said(plan.asked)}). {HOW_TO_NAME_IT}{_listed(request, setups(plan.folder))}"
        )


def require_rendered(plan: Plan) -> None:
    """Raise PlanError when the report in the plan's folder shows another set-up; one that is not there shows none."""
    path = plan.reports / "summary.json"
    if not path.is_file():
        return
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        shown, overrides = summary["report_digest"], summary["overrides"]
    except (ValueError, KeyError, TypeError) as error:
        raise PlanError(f"{path}: not a report's summary ({error!r}). Render it again: snakemake {path}") from error
    if shown != plan.report_digest:
        raise PlanError(
            f"{plan.reports}: the report there was made with {said(overrides)}, and you ask for {said(plan.asked)} "
            f"(or config/ was edited since; snakemake then renders it anew). {HOW_TO_NAME_IT}"
        )


def options_of(plan: Plan) -> dict[str, str]:
    """The words of a plan's set-up, as snakemake --config takes them."""
    words = dict(word.partition("=")[::2] for word in _words([*_extra(plan.extra), *plan.overrides]))
    if plan.study == plan.scale.name:
        return {"scale": plan.study, **words}
    return {"study": plan.study, **{key: value for key, value in words.items() if key == "site"}}


def said(overrides: Iterable[str]) -> str:
    """The overrides of a set-up in the words that commands take."""
    return " ".join(shlex.quote(word) for word in _words(list(overrides))) or "nothing changed"


def _words(overrides: list[str]) -> Iterator[str]:
    """data= stands for the place of the pretraining images, with which it sets that of "images"; set= for every other
    key."""
    places = dict(word.partition("=")[::2] for word in overrides if word.startswith(DATA))
    together = OWN in places and len(set(places.values())) == 1
    if together:
        yield f"data={_unquoted(places[OWN])}"
    keys = []
    for word in overrides:
        key, _, value = word.partition("=")
        if key in ("site", "extra"):
            yield word
        elif key == "seeds":
            yield f"seeds={value.strip('[]')}"
        elif not (together and word.startswith(DATA)):
            keys.append(word)
    if keys:
        yield f"set={' '.join(keys)}"


def _extra(names: tuple[str, ...]) -> list[str]:
    return [f"extra={','.join(names)}"] if names else []


def _unquoted(value: str) -> str:
    try:
        return str(ast.literal_eval(value))
    except (ValueError, SyntaxError):
        return value


def _listed(request: Request, found: list[SetUp]) -> str:
    """Set-ups, one a line, in the words that choose them."""
    name = f"{'scale' if request.study == request.scale else 'study'}={request.study}"
    return "".join(f"\n  {name} {one}" if one != PLAIN else f"\n  {name}" for one in found)


def _of_the_machine(word: str) -> bool:
    """Whether an override says where or how fast, other than where the data lie, which tells set-ups apart."""
    key = word.partition("=")[0].lstrip("+")
    return key == "site" or (key.startswith("site.") and not key.startswith(DATA))


def _read(path: Path) -> dict[str, Any] | None:
    """A plan, or what is shared of one, as JSON; None for what is none of this version."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return values if {"extra", "overrides", "runs"} <= set(values) else None
    except (OSError, ValueError, TypeError):
        return None


def _is_trained(study: Path, values: Mapping[str, Any]) -> bool:
    return any((study / "runs" / identity / "outcome.json").is_file() for identity in values["runs"])


def _measured(plans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The plans of which something was measured, but for those of which only that is there which another shares."""
    there = [{path for path in _metrics(values) if path.is_file()} for values in plans]
    return [
        values for values, own in zip(plans, there, strict=True) if own and not any(own < others for others in there)
    ]


def _metrics(values: Mapping[str, Any]) -> Iterator[Path]:
    """The metrics files of a plan's runs, without their curves."""
    for identity in values["runs"]:
        yield from (Path(path) for role, path in values["metrics"][identity].items() if role != TRAINING)
