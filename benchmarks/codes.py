"""Time of exact mAP by Hamming distance and of entropies, compared with faiss, a sort, and numpy.unique.

    pip install faiss-cpu        # no dependency of the project; into an environment that may be thrown away
    python -m benchmarks.codes [--threads 1] [--queries 5000] [--gallery 50000]

Codes of 256 bits, planted around the codes of 1,000 classes. Ours counts items at each distance, and gives the
expectation over the order of ties. faiss (IndexBinaryFlat, k = all) and argsort (torch, same distances) only give
a ranking, ties as they come; both are measured on part of the queries, and scaled. Then the entropies and mutual
information of as many codes as the gallery has, against numpy.unique of each block's values. Prints one
JSON line each with the fastest of the repeats and ratios (larger means that ours is faster). Without faiss it says
so and leaves it out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from bits.analysis import entropy
from bits.evaluation.ranking.hamming import hamming_scores
from bits.evaluation.ranking.relevance import relevance

BITS, CLASSES, REPEATS = 256, 1000, 2
PART = 200  # queries of the slow ways


def planted(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """(codes, labels): the class's code with a quarter of the bits flipped."""
    centres = torch.rand(CLASSES, BITS, generator=torch.Generator().manual_seed(0)) > 0.5
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(CLASSES, (count,), generator=generator)
    return centres[labels] ^ (torch.rand(count, BITS, generator=generator) < 0.25), labels


def seconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def searches(queries: int, gallery: int) -> dict[str, float | int]:
    """mAP@ALL of so many queries."""
    (query, labels), (items, item_labels) = planted(queries, 1), planted(gallery, 2)
    known = relevance(labels, item_labels, None, None, torch.device("cpu"))
    ours = seconds(lambda: hamming_scores(query, items, known))
    scale = queries / min(PART, queries)
    signs = items.float() * 2 - 1
    sort = scale * seconds(lambda: ((query[:PART].float() * 2 - 1) @ signs.T).argsort(dim=1, descending=True))
    found: dict[str, float | int] = {
        "queries": queries,
        "gallery": gallery,
        "bits": BITS,
        "seconds": round(ours, 3),
        "argsort_ratio": round(sort / ours, 2),
        "map": round(float(hamming_scores(query, items, known).whole.mean()), 4),
        "threads": torch.get_num_threads(),
    }
    if importlib.util.find_spec("faiss") is None:
        print("faiss is left out, because it is not installed: pip install faiss-cpu")
        return found
    import faiss

    index = faiss.IndexBinaryFlat(BITS)
    index.add(np.packbits(items.numpy(), axis=1))
    packed = np.packbits(query[:PART].numpy(), axis=1)
    return {**found, "faiss_ratio": round(scale * seconds(lambda: index.search(packed, gallery)) / ours, 2)}


def entropies(images: int) -> dict[str, float | int]:
    """Of so many codes."""
    codes = planted(images, 3)[0].numpy()
    blocks = seconds(lambda: entropy.block_entropies(codes))

    def unique() -> list[np.ndarray]:
        return [np.unique(column, return_counts=True)[1] for column in np.packbits(codes, axis=1).T]

    return {
        "images": images,
        "bits": BITS,
        "block_entropy_seconds": round(blocks, 3),
        "unique_ratio": round(seconds(unique) / blocks, 2),
        "marginal_entropy_seconds": round(seconds(lambda: entropy.marginal_entropies(codes)), 3),
        "mutual_information_seconds": round(seconds(lambda: entropy.mutual_information(codes)), 3),
        "total_correlation_seconds": round(seconds(lambda: entropy.total_correlation(codes, 100, 0)), 3),
    }


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--queries", type=int, default=5_000)
    parser.add_argument("--gallery", type=int, default=50_000)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if importlib.util.find_spec("faiss") is not None:
        import faiss

        faiss.omp_set_num_threads(arguments.threads)
    print(json.dumps(searches(arguments.queries, arguments.gallery)), flush=True)
    print(json.dumps(entropies(arguments.gallery)), flush=True)


if __name__ == "__main__":
    main()
