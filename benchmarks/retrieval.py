"""CPU time of exact retrieval mAP, compared with what any exact way must do and with what is usually done.

    OMP_NUM_THREADS=1 python benchmarks/retrieval.py [--large]

product: the matrix product of the unit features alone, which every exact ranking needs. argsort: the product and
torch's argsort of each row, as retrieval scripts have it. scikit_learn: the product, and average_precision_score called
for each query. All start from the same float32 features; the last two are measured on part of the queries, and scaled.
Prints one JSON line per size with CPU seconds of one thread and ratios (larger than 1 means that the alternative takes
longer), and the difference in mAP. --large adds a gallery of 1.28 million images (8 GB of memory), with the hours that
50,000 queries would take there.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import average_precision_score
from torch import Tensor
from torch.nn.functional import normalize

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bits.evaluation.ranking.cosine import retrieval_map
from bits.evaluation.ranking.similarity import blocks, cosine_block

# (queries, gallery, classes, dimension): the demo, ImageNet's val split, and its training images.
DEMO, VAL, TRAIN = (400, 1600, 20, 128), (5000, 50_000, 1000, 768), (128, 1_281_167, 1000, 768)
PART = 100  # queries of the slow alternatives
REPEATS = 2


def planted(n: int, classes: int, dimension: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Noisy samples around class centres, which are the same in every call."""
    centres = torch.randn(classes, dimension, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(n) % classes
    features = torch.randn(n, dimension, generator=generator).mul_(3)
    for rows in blocks(n, dimension, None, features.device):
        features[rows] += centres[labels[rows]]
    return features, labels


def products(query: Tensor, gallery: Tensor) -> None:
    """All similarities of unit rows, in the blocks that the evaluation holds."""
    for rows in blocks(len(query), len(gallery), None, query.device):
        cosine_block(query[rows], gallery)


def argsorts(query: Tensor, gallery: Tensor) -> None:
    """Likewise, with the order of each row."""
    for rows in blocks(len(query), len(gallery), None, query.device):
        cosine_block(query[rows], gallery).argsort(dim=1, descending=True)


def per_query(query: Tensor, gallery: Tensor, labels: Tensor, others: Tensor) -> float:
    """mAP of unit rows, with scikit-learn's average precision for each query."""
    similarity = (query @ gallery.T).numpy()
    relevant = labels.numpy()[:, None] == others.numpy()[None]
    return float(np.mean([average_precision_score(r, s) for r, s in zip(relevant, similarity, strict=True)]))


def fastest(function: Callable[..., Any], *arguments: object) -> tuple[float, Any]:
    """(CPU seconds of this thread, value): the fastest of REPEATS calls."""
    seconds = []
    for _ in range(REPEATS):
        start = time.thread_time()
        value = function(*arguments)
        seconds.append(time.thread_time() - start)
    return min(seconds), value


def measured(size: tuple[int, int, int, int]) -> dict[str, float]:
    """Seconds and ratios at one size."""
    queries, items, classes, dimension = size
    generator = torch.Generator().manual_seed(1)
    query, labels = planted(queries, classes, dimension, generator)
    gallery, others = planted(items, classes, dimension, generator)
    ours, _ = fastest(lambda: retrieval_map(query, gallery, labels, others)["map"])
    units = normalize(query, dim=1), gallery.div_(gallery.norm(dim=1, keepdim=True))
    product, _ = fastest(products, *units)
    part = units[0][:PART], units[1]
    share = len(part[0]) / queries
    argsort, _ = fastest(argsorts, *part)
    baseline, expected = fastest(per_query, *part, labels[:PART], others)
    value = retrieval_map(*part, labels[:PART], others)["map"]
    return {
        "queries": queries,
        "gallery": items,
        "dimension": dimension,
        "seconds": round(ours, 3),
        "product_ratio": round(product / ours, 2),
        "argsort_ratio": round(argsort / share / ours, 2),
        "scikit_learn_ratio": round(baseline / share / ours, 2),
        "map_difference": abs(value - expected),
        "gflops_of_product": round(2e-9 * queries * items * dimension / product, 1),
    }


def main() -> None:
    """Measure every size."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--large", action="store_true", help="also a gallery of 1.28 million images")
    large = parser.parse_args().large
    torch.set_num_threads(1)
    for size in (DEMO, VAL, TRAIN)[: 3 if large else 2]:
        figures = measured(size)
        if size == TRAIN:
            figures["hours_of_50000_queries"] = round(figures["seconds"] * 50_000 / size[0] / 3600, 2)
        figures["peak_memory_gib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
        print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
