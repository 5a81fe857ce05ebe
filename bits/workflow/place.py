"""Where a build writes: in the checkout, unless another folder is asked for, and not through links that DVC refuses."""

from __future__ import annotations

import shlex
from pathlib import Path

from bits.errors import BitsError
from bits.plan.model import REPORTS, RESULTS


class PlaceError(BitsError):
    """A folder in which nothing should be built. found: what is wrong with it; remedy: what to do."""

    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(f"{found}. {remedy}")
        self.found, self.remedy = found, remedy


def require_checkout(checkout: Path) -> None:
    """Raise PlaceError if the working directory is another."""
    here = Path.cwd()
    if here.samefile(checkout):
        return
    raise PlaceError(
        f"snakemake was called in {here}, and would write results/ and reports/ there; the project is {checkout}",
        f"Add --directory {checkout}, or --directory . if they are meant to lie here",
    )


def require_plain(*paths: str) -> None:
    """Raise PlaceError for a path that a shell would not take as one word: jobs on a cluster could not start.

    Snakemake (9.27) puts the interpreter into the commands that it submits as it is, and an apostrophe anywhere in them
    ends a quoted part.
    """
    for path in paths:
        if shlex.quote(path) != path:
            raise PlaceError(
                f"{path}: Snakemake does not quote all paths of the jobs that it submits to a cluster, and this one "
                "has a space, a quote or another character that a shell reads otherwise",
                "Move or clone the project to a folder whose path has letters, digits and . _ - only",
            )


def require_no_links(study: str) -> None:
    """Raise PlaceError if a folder whose files are shared is a link: DVC adds nothing behind one."""
    results, reports = RESULTS / study, REPORTS / study
    for folder in (RESULTS, results, results / "runs", results / "metrics", REPORTS, reports):
        if folder.is_symlink():
            raise PlaceError(
                f"{folder} is a link to {folder.readlink()}. DVC adds no files behind links, so what is made there "
                "could not be shared (make push)",
                "Put the whole project on that disk, or mount the folder in place of the link: "
                f"rm {folder}; mkdir {folder}; mount --bind {folder.resolve()} {folder}",
            )
