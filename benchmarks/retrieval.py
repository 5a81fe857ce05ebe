"""Time of exact retrieval mAP, compared with scikit-learn's average_precision_score called for each query.

    OMP_NUM_THREADS=1 python benchmarks/retrieval.py

Both start from the same float32 features; scikit-learn's time includes the matrix product and the loop over queries.
Prints one JSON line per size with seconds, ratio (larger means that ours is faster) and difference in mAP.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import average_precision_score
from torch.nn.functional import normalize

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bits.evaluation.ranking.cosine import retrieval_map

# (queries, gallery, classes, dimension): the demo, about ImageNet val, and part of a large gallery.
SIZES = [(400, 1600, 20, 128), (200, 45_000, 1000, 384), (8, 500_000, 1000, 128)]
REPEATS = 3


def planted(n: int, classes: int, dimension: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy samples around class centres, which are the same in every call."""
    centres = torch.randn(classes, dimension, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(n) % classes
    return centres[labels] + 3 * torch.randn(n, dimension, generator=generator), labels


def per_query(query: torch.Tensor, gallery: torch.Tensor, labels: torch.Tensor, others: torch.Tensor) -> float:
    """mAP, with scikit-learn's average precision for each query."""
    similarity = (normalize(query, dim=1) @ normalize(gallery, dim=1).T).numpy()
    relevant = labels.numpy()[:, None] == others.numpy()[None]
    scores = [average_precision_score(r, s) for r, s in zip(relevant, similarity, strict=True)]
    return float(np.mean(scores))


def fastest(function, *arguments) -> tuple[float, float]:
    """(seconds, value): the fastest of REPEATS calls; the first warms up caches and imports."""
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        value = function(*arguments)
        seconds.append(time.perf_counter() - start)
    return min(seconds), value


def main() -> None:
    """Measure every size."""
    generator = torch.Generator().manual_seed(1)
    for queries, items, classes, dimension in SIZES:
        query, labels = planted(queries, classes, dimension, generator)
        gallery, others = planted(items, classes, dimension, generator)
        arguments = (query, gallery, labels, others)
        ours, value = fastest(lambda *a: retrieval_map(*a)["map"], *arguments)
        baseline, expected = fastest(per_query, *arguments)
        figures = {
            "queries": queries,
            "gallery": items,
            "seconds": round(ours, 4),
            "scikit_learn_seconds": round(baseline, 4),
            "ratio": round(baseline / ours, 1),
            "map_difference": abs(value - expected),
            "threads": torch.get_num_threads(),
        }
        print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
