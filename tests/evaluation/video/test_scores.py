"""J and F against the official evaluation, a definition that grows outlines, and numbers worked out by hand."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from bits.evaluation.video.boundaries import boundary, tolerance
from bits.evaluation.video.scores import contour, objects_of, region, video_scores

from .straightforward import contour_score, outline

EVERY = 4  # of the official evaluation's frames; the first of each video among them


def blob(seed: int, height: int = 40, width: int = 51) -> npt.NDArray[np.bool_]:
    noise = np.random.default_rng(seed).standard_normal((height, width))
    return np.asarray(gaussian_filter(noise, 3) > 0.03)


def square(top: int, left: int, side: int, size: int = 20) -> npt.NDArray[np.bool_]:
    mask = np.zeros((size, size), dtype=bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_scores_are_those_of_the_official_evaluation(shared_data: Path) -> None:
    with (shared_data.parent / "oracles/davis_jf.csv").open() as file:
        rows = list(csv.DictReader(file))[::EVERY]
    with zipfile.ZipFile(shared_data / "davis_mini.zip") as archive:
        for row in rows:
            name = f"{row['sequence']}/{int(row['frame']):05d}.png"
            found, true = (
                np.array(Image.open(io.BytesIO(archive.read(f"{folder}/{name}")))) > 0
                for folder in ("predictions_osvos", "DAVIS/Annotations/480p")
            )
            assert region(found, true) == pytest.approx(float(row["J"]), abs=1e-6)
            assert contour(found, true) == pytest.approx(float(row["F"]), abs=1e-6)
    assert len(rows) == 40 / EVERY


@pytest.mark.parametrize("bound", [0.008, 0.04])
@pytest.mark.parametrize("seeds", [(0, 1), (2, 3), (4, 4)])
def test_boundary_accuracy_is_that_of_grown_outlines(seeds: tuple[int, int], bound: float) -> None:
    found, true = (blob(seed) for seed in seeds)
    assert contour(found, true, bound) == pytest.approx(contour_score(found, true, bound), abs=1e-12)
    lines = np.zeros_like(found)
    lines[tuple(boundary(found).T)] = True
    assert np.array_equal(lines, outline(found))


def test_scores_by_hand() -> None:
    one, moved = square(5, 5, 6), square(5, 7, 6)
    assert region(one, moved) == pytest.approx(24 / 48)
    # An outline has 6 + 1 pixels a side, 24 in all: from the row above and the column left of the square.
    assert len(boundary(one)) == 24
    assert tolerance(20, 20, 0.008) == 1 and tolerance(480, 854, 0.008) == 8
    # The outlines' rows 4 and 10 share the columns 6 to 10, and the pixel beside these is one px away. Of the columns
    # between, 4 and 10 against 6 and 12, only the two pixels next to a shared row are.
    assert contour(one, moved) == pytest.approx((2 * 6 + 2) / 24)
    assert contour(one, moved, bound=0.1) == 1.0


def test_empty_masks() -> None:
    none, some = square(0, 0, 0), square(5, 5, 3)
    assert (region(none, none), contour(none, none)) == (1.0, 1.0)
    assert (region(none, some), contour(none, some)) == (0.0, 0.0)
    assert (region(some, none), contour(some, none)) == (0.0, 0.0)
    whole = square(0, 0, 20)
    assert (region(whole, whole), contour(whole, whole), contour(whole, some)) == (1.0, 1.0, 0.0)


def test_objects_are_scored_apart_by_their_numbers_and_without_the_ends() -> None:
    """Two objects, 2 and 5; the second one vanishes in the third frame, where what replaces it is none of the first."""
    true = np.zeros((4, 20, 20), dtype=np.uint8)
    true[:, :8, :8], true[:2, 12:15, 12:15] = 2, 5
    true[2, 12:15, 12:15] = 7
    found = true.copy()
    found[2] = np.where(true[2] == 7, 5, true[2])
    found[[0, 3]] = 0  # must not count
    scores = video_scores(found, true, objects_of(true[0]))
    assert scores.objects == (2, 5) and scores.j.shape == scores.f.shape == (4, 2)
    assert scores.means == ([1.0, 0.5], [1.0, 0.5])
    assert scores.j[0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("length", [1, 2])
def test_videos_that_are_all_ends_have_no_mean(length: int) -> None:
    masks = np.ones((length, 5, 5), dtype=np.uint8)
    scores = video_scores(masks, masks, (1,))
    assert scores.means == ([], []) and scores.j.tolist() == [[1.0]] * length


def test_masks_of_other_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="expected the same"):
        video_scores(np.zeros((2, 4, 4), np.uint8), np.zeros((3, 4, 4), np.uint8), (1,))
