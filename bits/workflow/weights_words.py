"""The words that name anyone's weights, among those of a set-up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from bits.config.imports import SETTABLE, ImportLine, import_line
from bits.errors import BitsError
from bits.plan import PRETRAINING_ROLE

OWN = ("weights", "weights_of", "backbone")
ROLE = "role"  # of the data set that is measured on
_HOW = "bits evaluate weights=FILE backbone=NAME data=PATH [scale=small] [word=value ...]"


def weights_words(words: Sequence[str]) -> tuple[ImportLine, str, list[str]]:
    """(what they say of the weights, as a line of runs.yaml would; the role of the data set; the other words).

    Raises BitsError where there is no file or no backbone, and for a value that cannot be.
    """
    pairs = [word.partition("=") for word in words]
    found = {key: value for key, _, value in pairs if key in OWN}
    dotted = {key: yaml.safe_load(value) for key, _, value in pairs if key in SETTABLE}
    missing = [key for key in ("weights", "backbone") if not found.get(key)]
    if missing:
        raise BitsError(f"{missing[0]}=...: not given. Expected {_HOW}; bits evaluate --help says more.")
    role = next((value for key, _, value in pairs if key == ROLE), PRETRAINING_ROLE)
    others = [word for word, (key, _, _) in zip(words, pairs, strict=True) if key not in (*OWN, *SETTABLE, ROLE)]
    return import_line("weights", {**found, **dotted}, Path("command line")), role, others
