"""A scale's report, results, configurations, provenance and environment as one RO-Crate, ready to deposit.

    bits archive [scale=demo] [--out FILE.zip] [--weights] [--sources] [--incomplete]

Packs what results/<scale>/plan.json names; trains and renders nothing. Absolute paths of this machine are removed
from what is archived. The same content gives the same zip. Exit code: 0, or 2 with a message.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from bits.archive.contents import contents, read_plan
from bits.archive.crate import metadata
from bits.archive.errors import ArchiveError
from bits.archive.pack import Packed, pack
from bits.archive.validate import problems
from bits.commands.guard import guarded
from bits.records.code import ROOT, code_state
from bits.records.digests import digest
from bits.records.provenance import now

ORIGIN = ("data", "code", "versions", "hardware", "started", "finished")
OUTCOME = ("outcome", "detail")
SHOWN = 5  # missing files that an error lists


def main() -> int:
    """Write the archive and print its place."""
    arguments = _parser().parse_intermixed_args()
    scale = _scale(arguments.words)
    plan = read_plan(Path("results") / scale / "plan.json")
    items, missing = contents(plan, Path(), ROOT, arguments.weights)
    if missing and not arguments.incomplete:
        raise ArchiveError(_incomplete(missing, scale))
    origins = _origins(plan)
    texts = {"environment.json": _environment(origins)}
    if missing:
        texts["MISSING.txt"] = ("\n".join(missing) + "\n").encode()
    if arguments.sources:
        texts |= _sources()
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    published = max((origin["finished"] for origin in origins.values()), default=now())[:10]
    identity: list[str] = []

    def describe(packed: Sequence[Packed]) -> tuple[str, bytes]:
        identity.append(digest([[file.name, file.sha256] for file in packed])[:8])
        return metadata(plan, citation, packed, origins, published, _remarks(plan, missing, packed))

    draft = (arguments.out.parent if arguments.out else Path("archive")) / f".bits-{scale}-draft.zip"
    pack(draft, items, texts, {Path.cwd(), ROOT, Path(sys.prefix)}, describe)
    final = arguments.out or draft.with_name(f"bits-{scale}-{identity[0]}.zip")
    _publish(draft, final)
    print(f"{final}: {final.stat().st_size / 1e6:.1f} MB, {len(items) + len(texts)} files, {len(origins)} runs")
    return 0


def _publish(draft: Path, final: Path) -> None:
    """Give a crate that validates its name; an older one of that name stays where the new one does not."""
    wrong = problems(draft)
    if wrong:
        draft.unlink()
        raise ArchiveError(f"{final} would be no valid RO-Crate, and was not written:\n  " + "\n  ".join(wrong[:SHOWN]))
    draft.replace(final)


def _incomplete(missing: Sequence[str], scale: str) -> str:
    more = f"\n  and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
    return (
        f"scale {scale} is not complete: {len(missing)} files are missing:\n  "
        + "\n  ".join(missing[:SHOWN])
        + more
        + "\n"
        f"Make them (snakemake --cores all --config scale={scale}), or archive what is there, marked as incomplete: "
        "--incomplete."
    )


def _remarks(plan: Mapping[str, Any], missing: Sequence[str], packed: Sequence[Packed]) -> list[str]:
    """What a reader of the description must know of the contents."""
    remarks = []
    if missing:
        remarks.append(f"INCOMPLETE: {len(missing)} files of the scale were not there; MISSING.txt lists them.")
    absent = [*plan["left_out"], *plan["pending"]]
    if absent:
        remarks.append(f"Exhibits of the paper that are not computed here: {', '.join(absent)}.")
    if any(file.changed for file in packed):
        remarks.append("Absolute paths of the machine that it was made on were removed.")
    return remarks


def _origins(plan: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Run id -> its provenance with its outcome, of the runs that ended."""
    found = {}
    for identity, run in plan["runs"].items():
        paths = Path(run["provenance"]), Path(run["outcome"])
        if all(path.is_file() for path in paths):
            origin, outcome = (_read(path, keys) for path, keys in zip(paths, (ORIGIN, OUTCOME), strict=True))
            found[identity] = {**origin, "outcome": outcome}
    return found


def _read(path: Path, keys: Sequence[str]) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(path.read_text())
        absent = [key for key in keys if key not in value]
    except ValueError as error:
        raise ArchiveError(f"{path}: no JSON ({error}). Remove the run's folder and make it again.") from None
    if absent:
        raise ArchiveError(f"{path}: expected {', '.join(absent)} in it. Remove the run's folder and make it again.")
    return value


def _environment(origins: Mapping[str, Mapping[str, Any]]) -> bytes:
    """The machines and the package versions that runs were made with, each once, with the runs."""
    found: dict[str, dict[str, Any]] = {}
    for identity, origin in origins.items():
        values = {key: origin[key] for key in ("hardware", "versions", "code")}
        found.setdefault(digest(values), {**values, "runs": []})["runs"].append(identity)
    return (json.dumps(list(found.values()), indent=1) + "\n").encode()


def _sources() -> dict[str, bytes]:
    """The committed sources, as git packs them."""
    commit = code_state(ROOT)["commit"]
    try:
        command = ["git", "-C", str(ROOT), "archive", "--format=zip", "HEAD"]
        done = subprocess.run(command, capture_output=True, check=True, timeout=300)
    except (OSError, subprocess.SubprocessError) as error:
        raise ArchiveError(
            f"--sources: git archive failed in {ROOT} ({error}). Clone with git, or leave it out."
        ) from None
    return {f"sources-{commit}.zip": done.stdout}


def _scale(words: Sequence[str]) -> str:
    options = dict(word.split("=", 1) for word in words if "=" in word)
    if set(options) - {"scale"} or len(options) < len(words):
        raise ArchiveError(f"bits archive {' '.join(words)}: expected scale=NAME alone; the plan says everything else.")
    return options.get("scale", "demo")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bits archive", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("words", nargs="*", metavar="scale=NAME", help="demo unless said")
    parser.add_argument("--out", type=Path, help="the zip; archive/bits-<scale>-<digest>.zip unless said")
    parser.add_argument("--weights", action="store_true", help="with teacher, student and heads where they are here")
    parser.add_argument("--sources", action="store_true", help="with the committed sources (git archive)")
    parser.add_argument("--incomplete", action="store_true", help="also when files are missing; the crate says so")
    return parser


if __name__ == "__main__":
    sys.exit(guarded(main))
