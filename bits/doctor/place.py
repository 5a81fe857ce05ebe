"""The folder that everything is built in, as the workflow will check it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from bits.doctor.finding import Finding
from bits.workflow.place import PlaceError, require_no_links, require_plain

SUBJECT = "Disk"


def place(study: str, cluster: bool) -> list[Finding]:
    """Why snakemake would refuse to build there; nothing where it would not."""
    return list(_refusals(study, cluster))


def _refusals(study: str, cluster: bool) -> Iterator[Finding]:
    try:
        require_no_links(study)
        if cluster:
            require_plain(sys.executable, str(Path.cwd()))
    except PlaceError as error:
        yield Finding(SUBJECT, "error", error.found, error.remedy)
