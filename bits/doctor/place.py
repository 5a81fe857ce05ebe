"""The folder that everything is built in, as the workflow will check it."""

from __future__ import annotations

import sys
from pathlib import Path

from bits.doctor.disk import SUBJECT
from bits.doctor.finding import Finding
from bits.workflow.place import PlaceError, require_no_links, require_plain


def place(study: str, cluster: bool) -> list[Finding]:
    """Why snakemake would refuse to build there; nothing where it would not."""
    try:
        require_no_links(study)
        if cluster:
            require_plain(sys.executable, str(Path.cwd()))
    except PlaceError as error:
        return [Finding(SUBJECT, "error", error.found, error.remedy)]
    return []
