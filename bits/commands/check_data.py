"""Check every image of a study's data sets before anything is made from them.

    bits check-data [scale=paper] [data=PATH] [word=value ...] [--only ROLE ...] [--out FOLDER] [--json]

Decodes every image once, on all cores, and says what is wrong: broken images, copies in other splits or classes, images
much longer than wide, classes that a split lacks or that are too small, files that are not read, counts other than the
published ones. Two files a data set go to --out (results/<study>/data unless said): ROLE.parquet, a row an image with
its split, labels, size, digest and whether it is left out; and ROLE-notes.csv, everything that is wrong. What was
decoded is remembered by its bytes (data/.digests), so that the next check, plan and doctor decode only what is new.

The keys dataset.policy.* (targets.ROLE.policy.* of target sets) say what is refused, and what is left out instead.

Exit code: 0 nothing is wrong, or there are warnings only; 1 at least one error; 2 the call or the configuration is
wrong, or there is no data set to check.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bits.commands.guard import guarded
from bits.config.declared import CONFIG_DIR
from bits.config.near import did_you_mean
from bits.costs.assumptions import load_assumptions
from bits.data.kind import kind_of
from bits.data.manifest import write_manifest, write_notes
from bits.doctor import data
from bits.doctor.finding import Finding
from bits.doctor.text import as_text
from bits.errors import BitsError, DatasetError
from bits.plan import Plan, make_plan
from bits.plan.files import kept_plan
from bits.workflow.options import add_words, requested


@dataclass(frozen=True)
class Checked:
    """What was found of one data set. counts: split -> (images, classes) that count. files: that were written."""

    role: str
    place: str
    findings: tuple[Finding, ...]
    identity: str = ""
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    files: tuple[str, ...] = ()


def main() -> int:
    """Print what was found; returns the exit code."""
    arguments = _parser().parse_intermixed_args()
    request = requested(arguments.words)
    plan = kept_plan(request) or make_plan(request)
    folder = arguments.out or plan.folder / "data"
    _require_writable(folder)
    found = [_checked(plan, role, folder) for role in _roles(plan, arguments.only)]
    findings = [finding for one in found for finding in one.findings]
    findings += [] if arguments.only else data.left_out(plan)[:1]  # the rest says where to get them: bits doctor
    print(json.dumps([asdict(one) for one in found], indent=1) if arguments.json else as_text(findings))
    return int(any(finding.status == "error" for finding in findings))


def _roles(plan: Plan, only: Sequence[str] | None) -> list[str]:
    """The roles to check; raises BitsError for one that does not exist, or where there is nothing to check."""
    for role in only or ():
        if role not in plan.datasets:
            raise BitsError(f"--only {role}: no such data set in study {plan.study}{did_you_mean(role, plan.datasets)}")
    asked = [role for role in plan.datasets if role in only] if only else list(plan.datasets)
    read = [role for role in asked if kind_of(plan.datasets[role]).inspection is not None]
    if not read:
        raise BitsError(f"{', '.join(asked)}: made here, so there is nothing to check. Say scale=small data=PATH")
    return read


def _require_writable(folder: Path) -> None:
    """Raises BitsError before hours of decoding, and not after them."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BitsError(
            f"{folder}: nothing can be written there: {error.strerror}. Name another folder: --out FOLDER"
        ) from error


def _checked(plan: Plan, role: str, folder: Path) -> Checked:
    dataset, place = plan.datasets[role], plan.roots[role]
    inspection = kind_of(dataset).inspection
    if inspection is None or not plan.is_here(role) or role in plan.elsewhere:
        return Checked(role, place, tuple(data.absent(plan, role)))
    images = load_assumptions(CONFIG_DIR).images.get(dataset.name)
    title = f"{dataset.title} ({role})"
    try:
        found = inspection(dataset, place, images.published if images else {})
    except DatasetError as error:
        said, remedy = error.told()
        return Checked(role, place, (Finding(title, "error", said, remedy),))
    files = (folder / f"{role}.parquet", folder / f"{role}-notes.csv")
    write_manifest(files[0], dataset.name, place, found)
    write_notes(files[1], found.notes)
    findings = [Finding(title, check.status, check.found, check.remedy) for check in found.checks]
    findings += [Finding(title, "error", one.found, one.remedy) for one in plan.unfit if one.role == role]
    findings += _kept(title, found.counts, found.identity, files)
    return Checked(role, place, tuple(dict.fromkeys(findings)), found.identity, dict(found.counts), (*map(str, files),))


def _kept(title: str, counts: Mapping[str, tuple[int, int]], identity: str, files: Sequence[Path]) -> Iterator[Finding]:
    held = (f"{split} {images:,} images of {classes:,} classes" for split, (images, classes) in counts.items())
    yield Finding(title, "ok", f"counts: {', '.join(held)}; identity {identity}")
    yield Finding(title, "ok", f"written: {', '.join(map(str, files))}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bits check-data", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_words(parser)
    parser.add_argument("--only", nargs="+", metavar="ROLE", help="these data sets alone, such as imagenet1k")
    parser.add_argument("--out", type=Path, help="folder for the manifests and notes")
    parser.add_argument("--json", action="store_true", help="what was found as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(guarded(main))
