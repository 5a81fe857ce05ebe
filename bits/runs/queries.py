"""The drawn queries of an evaluation as a file: which images were searched for, by name."""

from __future__ import annotations

from pathlib import Path

from bits.config.evaluation import EvaluationSettings
from bits.data.images import ImageSet
from bits.evaluation.retrieval import Retrieval, queries_and_gallery
from bits.records.files import write_bytes

DRAWN = ("query-gallery", "sampled-queries")  # protocols that draw queries


def write_queries(path: Path, val: ImageSet, settings: EvaluationSettings) -> None:
    """Write the names of the queries, one a line, where the evaluation draws any; the same bytes from every source.

    Evaluations of several runs write the same file; the last one wins. Raises EvaluationError for too few images.
    """
    retrieval = settings.evaluators().get("retrieval")
    if not isinstance(retrieval, Retrieval) or retrieval.protocol not in DRAWN:
        return
    queries, _ = queries_and_gallery(val, retrieval)
    names = sorted(val.identities[position] for position in queries.tolist())
    content = "".join(f"{name}\n" for name in names).encode()
    if not path.is_file() or path.read_bytes() != content:
        write_bytes(path, content)
