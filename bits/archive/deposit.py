"""Write the archive of a scale: collect its files, describe them, check the result, give it its name."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bits.archive.check import refuse_changed
from bits.archive.citation import read_citation
from bits.archive.contents import contents, untracked
from bits.archive.crate import CHANGED, metadata
from bits.archive.errors import ArchiveError
from bits.archive.origins import Origin, environment, read_origins
from bits.archive.pack import Packed, pack
from bits.archive.validate import problems
from bits.plan.model import SHORT, Plan
from bits.plan.setups import require_made, require_rendered, said
from bits.records.code import ROOT, code_state
from bits.records.digests import digest
from bits.records.provenance import now

FOLDER = Path("archive")
MOST_SHOWN = 5  # missing files or faults that an error lists


@dataclass(frozen=True)
class Deposit:
    """An archive that was written. files: how many it holds beside the metadata. runs: how many of them have ended.

    left_out: files of the checkout that git does not track.
    """

    path: Path
    files: int
    runs: int
    left_out: tuple[str, ...]


def deposit(
    plan: Plan, out: Path | None, stale: Sequence[str], *, weights: bool, sources: bool, incomplete: bool
) -> Deposit:
    """Archive what was made of a plan, in `out` or archive/bits-<study>-<digest>.zip.

    stale: what is there but would be made again, with the reason. weights: with teacher, student and heads where they
    exist. sources: with the committed sources. incomplete: even when files are missing, which the archive then says.
    Raises ArchiveError when something is stale, changed or of another run, and PlanError when what is there is of
    another set-up; an older archive of the same name is replaced only by a valid one.
    """
    require_made(plan)
    require_rendered(plan)
    if stale:
        raise ArchiveError(_stale(stale, plan))
    refuse_changed(plan)
    items, missing = contents(plan, Path(), ROOT, weights)
    if missing and not incomplete:
        raise ArchiveError(_incomplete(missing, plan))
    origins = read_origins(plan)
    texts = {"environment.json": environment(origins)}
    texts |= {"MISSING.txt": ("\n".join(missing) + "\n").encode()} if missing else {}
    texts |= _sources() if sources else {}
    folder = out.parent if out else FOLDER
    with _draft(folder) as draft:
        roots = {Path.cwd(), ROOT, Path(sys.prefix)}
        packed = pack(draft, items, texts, roots, _describer(plan, origins, missing))
        final = out or folder / f"bits-{plan.study}-{digest([[file.name, file.sha256] for file in packed])[:SHORT]}.zip"
        _publish(draft, final)
    return Deposit(final, len(packed), len(origins), tuple(untracked(ROOT)))


def _listed(lines: Sequence[str]) -> str:
    """The first few, a line each, and how many more there are."""
    more = [f"and {len(lines) - MOST_SHOWN} more"] if len(lines) > MOST_SHOWN else []
    return "".join(f"\n  {line}" for line in (*lines[:MOST_SHOWN], *more))


def _incomplete(missing: Sequence[str], plan: Plan) -> str:
    return (
        f"study {plan.study} is not complete: {len(missing)} files are missing:{_listed(missing)}\n"
        f"Make them (snakemake --cores all --config study={plan.study}), or archive what is there, marked as "
        "incomplete: --incomplete"
    )


def _stale(stale: Sequence[str], plan: Plan) -> str:
    return (
        f"study {plan.study}: code, configuration or files have changed since these were made:{_listed(stale)}\n"
        f"Make them again (snakemake --cores all; {said(plan.asked)}), or go back to what they were made with."
    )


def _sources() -> dict[str, bytes]:
    """The committed sources, as git packs them."""
    commit = code_state(ROOT)["commit"]
    try:
        command = ["git", "-C", str(ROOT), "archive", "--format=zip", "HEAD"]
        done = subprocess.run(command, capture_output=True, check=True, timeout=300)
    except (OSError, subprocess.SubprocessError) as error:
        raise ArchiveError(
            f"--sources: git archive failed in {ROOT} ({error}). Get the project by git clone, or leave --sources out."
        ) from None
    return {f"sources-{commit}.zip": done.stdout}


def _describer(
    plan: Plan, origins: Mapping[str, Origin], missing: Sequence[str]
) -> Callable[[Sequence[Packed]], tuple[str, bytes]]:
    """What makes the metadata file of the packed files."""
    citation = read_citation(ROOT / "CITATION.cff")
    published = max((origin.provenance.finished for origin in origins.values()), default=now())[:10]
    return lambda packed: metadata(plan, citation, packed, origins, published, _remarks(plan, missing, packed))


def _remarks(plan: Plan, missing: Sequence[str], packed: Sequence[Packed]) -> list[str]:
    """What readers of the description need to know about the contents."""
    remarks = []
    if missing:
        remarks.append(f"INCOMPLETE: {len(missing)} files of the scale were not there; MISSING.txt lists them.")
    absent = [*plan.left_out, *plan.pending]
    if absent:
        remarks.append(f"Exhibits of the paper that are not computed here: {', '.join(absent)}.")
    if any(file.changed for file in packed):
        remarks.append(CHANGED)
    return remarks


@contextmanager
def _draft(folder: Path) -> Iterator[Path]:
    """A path in `folder` for an archive that has no name yet; nothing is left there afterwards."""
    path = folder / f".bits-{os.getpid()}.zip"
    try:
        yield path
    except OSError as error:
        raise ArchiveError(
            f"{folder}: the archive could not be written ({error}). Check permissions and free disk space, or choose "
            "another place: --out FILE.zip"
        ) from error
    finally:
        with suppress(OSError):
            path.unlink()


def _publish(draft: Path, final: Path) -> None:
    """Give a valid crate its name; otherwise an older one of that name stays."""
    wrong = problems(draft)
    if wrong:
        raise ArchiveError(
            f"{final} would not be a valid RO-Crate and was not written:\n  " + "\n  ".join(wrong[:MOST_SHOWN])
        )
    draft.replace(final)
