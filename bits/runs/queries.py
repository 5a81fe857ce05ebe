"""The drawn queries of an evaluation as a file: which images were searched for, by name."""

from __future__ import annotations

from pathlib import Path

from bits.config.evaluation import EvaluationSettings
from bits.data.images import ImageSet
from bits.evaluation import declaration
from bits.records.files import write_bytes


def write_queries(path: Path, val: ImageSet, settings: EvaluationSettings) -> None:
    """Write the names of the queries, one a line, where the evaluation draws any; the same bytes from every source.

    Evaluations of several runs write the same file; the last one wins. Raises EvaluationError for too few images.
    """
    known = declaration.evaluators()
    draw = {known[name].drawn: own for name, own in settings.evaluators().items()}
    names = sorted({name for drawn, own in draw.items() if drawn is not None for name in drawn(val, own)})
    content = "".join(f"{name}\n" for name in names).encode()
    if content and not (path.is_file() and path.read_bytes() == content):
        write_bytes(path, content)
