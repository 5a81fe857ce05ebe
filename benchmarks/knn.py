"""Time of k-NN classification, compared with the search alone of faiss (IndexFlatIP).

    pip install faiss-cpu        # no dependency of the project; into an environment that may be thrown away
    python -m benchmarks.knn [--threads 1]

Both start from the same float32 features. Ours normalises, searches and votes, for all four k; faiss is given rows that
are normalised, and only adds and searches them for the largest k. Prints one JSON line per size with the fastest of the
repeats, which alternate, their ratio (larger means that ours is faster), and the difference in accuracy. Without faiss
it says so and measures nothing.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from bits.evaluation.ranking.neighbours import knn_accuracy

KS = (10, 20, 100, 200)
# (training images, test images, classes, dimension): the demo, a fine-grained set, and part of ImageNet.
SIZES = [(2_000, 400, 20, 96), (75_750, 2_000, 101, 768), (200_000, 1_000, 1000, 768)]
REPEATS = 3


def planted(count: int, classes: int, dimension: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Noisy samples around class centres, which are the same in every call."""
    centres = torch.randn(classes, dimension, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(count) % classes
    noise = 0.3 * dimension**0.5  # so that some are nearer to another class, whatever the dimension
    return centres[labels] + noise * torch.randn(count, dimension, generator=generator), labels


def faiss_neighbours(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(similarities, indices) of the nearest training rows of each test row."""
    import faiss

    index = faiss.IndexFlatIP(train.shape[1])
    index.add(train)
    return index.search(test, max(KS))


def voted(similarities: np.ndarray, voters: np.ndarray, truth: np.ndarray, classes: int, k: int = 20) -> float:
    """The accuracy of the votes of the first k neighbours, test row by test row."""
    right = 0
    for near, labels, own in zip(similarities[:, :k], voters[:, :k], truth, strict=True):
        right += int(np.bincount(labels, np.exp(near.astype(float) / 0.07), classes).argmax() == own)
    return right / len(truth)


def measured(train_images: int, test_images: int, classes: int, dimension: int) -> dict[str, float | int]:
    """One size."""
    generator = torch.Generator().manual_seed(1)
    train, labels = planted(train_images, classes, dimension, generator)
    test, truth = planted(test_images, classes, dimension, generator)
    units = [normalize(rows, dim=1).numpy() for rows in (train, test)]
    seconds: dict[str, list[float]] = {"ours": [], "faiss": []}
    for _ in range(REPEATS):
        start = time.perf_counter()
        scores = knn_accuracy(train, labels, test, truth, ks=KS)
        middle = time.perf_counter()
        similarities, neighbours = faiss_neighbours(*units)
        seconds["ours"].append(middle - start)
        seconds["faiss"].append(time.perf_counter() - middle)
    expected = voted(similarities, labels.numpy()[neighbours], truth.numpy(), classes)
    ours, theirs = min(seconds["ours"]), min(seconds["faiss"])
    return {
        "train": train_images,
        "test": test_images,
        "dimension": dimension,
        "seconds": round(ours, 4),
        "faiss_seconds": round(theirs, 4),
        "ratio": round(theirs / ours, 2),
        "top1_k20": scores["top1_k20"],
        "difference": abs(scores["top1_k20"] - expected),
        "threads": torch.get_num_threads(),
    }


def main() -> None:
    """Measure every size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    if importlib.util.find_spec("faiss") is None:
        print("skipped: faiss is not installed. It is no dependency; install it with: pip install faiss-cpu")
        return
    import faiss

    torch.set_num_threads(arguments.threads)
    faiss.omp_set_num_threads(arguments.threads)
    for size in SIZES:
        print(json.dumps(measured(*size)), flush=True)


if __name__ == "__main__":
    main()
