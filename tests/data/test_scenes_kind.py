"""The kind "scenes": every function that it declares, against what is rendered."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from bits.config.recipe import Dataset
from bits.data.kind import Check, Sizes, SplitFacts
from bits.data.kinds import scenes
from bits.data.kinds.scenes import KIND, generator
from bits.errors import DatasetError
from bits.scenes.classes import class_table
from bits.scenes.settings import SceneSettings
from bits.scenes.split import render_split

SETTINGS = {"image_size": 16, "classes": 3, "train": 40, "val": 7, "videos": 2, "video_frames": 3, "seed": 1}


def dataset(**settings: Any) -> Dataset:
    return Dataset(name="scenes", title="scenes", kind="scenes", settings={**SETTINGS, **settings})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `prepare` renders, in a folder that was not there."""
    path = tmp_path_factory.mktemp("made") / "data" / "scenes.safetensors"
    assert KIND.prepare is not None
    KIND.prepare(dataset(), path, None)
    return path


def test_settings_are_typed_and_defaults_are_the_generators() -> None:
    assert generator(dataset()) == SceneSettings(**SETTINGS)
    assert generator(Dataset(name="scenes", kind="scenes")) == SceneSettings()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"clases": 3}, r"dataset\.settings\.clases of scenes: no such setting; did you mean 'classes'\?"),
        ({"classes": 1}, r"dataset\.settings of scenes: scenes: classes = 1, expected 2 to 64"),
        ({"train": "many"}, r"dataset\.settings of scenes: "),
    ],
)
def test_settings_that_the_generator_does_not_take_are_refused(settings: dict[str, Any], message: str) -> None:
    unchecked = Dataset.model_construct(name="scenes", kind="scenes", eval_split="val", settings=settings)
    with pytest.raises(DatasetError, match=message):
        generator(unchecked)
    with pytest.raises(ValueError, match=message):
        KIND.check_settings(unchecked)


def test_it_lies_where_the_site_says_or_under_a_name_of_its_settings() -> None:
    assert KIND.root(dataset(), "elsewhere.safetensors") == "elsewhere.safetensors"
    here = KIND.root(dataset(), None)
    reordered = Dataset(name="other", kind="scenes", settings=dict(reversed(SETTINGS.items())))
    assert KIND.root(reordered, None) == here
    assert KIND.root(dataset(seed=2), None) != here


def test_another_generator_renders_to_another_file(monkeypatch: pytest.MonkeyPatch) -> None:
    here = KIND.root(dataset(), None)
    monkeypatch.setattr(scenes, "GENERATOR_VERSION", "next")
    assert KIND.root(dataset(), None) != here


def test_its_name_is_pinned() -> None:
    """Another name would render every set again, and change the id of every run."""
    assert KIND.root(Dataset(name="scenes", kind="scenes"), None) == "data/scenes-5358e433.safetensors"


def test_its_identity_is_its_name_whether_or_not_it_is_there() -> None:
    assert KIND.fingerprint(dataset(), "nowhere/scenes-1.safetensors") == "scenes-1"


def test_sizes_and_facts_are_those_of_what_is_rendered() -> None:
    assert KIND.sizes(dataset(), "nowhere") == Sizes(train=40, val=7, classes=3)
    for split, count in (("train", 40), ("val", 7)):
        labels = render_split(SceneSettings(**SETTINGS), split, 0, count)["labels"]
        tally = dict(zip(class_table(3).names, np.bincount(labels, minlength=3).tolist(), strict=True))
        facts = KIND.split_facts(dataset(), "nowhere", split)
        assert facts == SplitFacts("", count, tally)
        assert list(facts.images_per_class) == list(tally)


def test_an_image_is_a_square() -> None:
    assert KIND.image_size(dataset(image_size=20)) == (20, 20)


@pytest.mark.parametrize(("split", "count"), [("train", 40), ("val", 7)])
def test_a_split_is_what_was_rendered(made: Path, split: str, count: int) -> None:
    images = KIND.open(dataset(), made, split)
    assert (images.split, len(images), len(images.class_names)) == (split, count, 3)
    expected = render_split(SceneSettings(**SETTINGS), split, 0, count)
    assert images.decode(count - 1).permute(1, 2, 0).numpy().tolist() == expected["images"][-1].tolist()
    assert images.image_size(0) == KIND.image_size(dataset())


def test_its_videos_are_as_many_and_as_long_as_the_settings_say(made: Path) -> None:
    assert KIND.videos is not None
    videos = KIND.videos(dataset(), made)
    assert len(videos) == 2
    assert videos.frames_of(1).shape == (3, 3, 16, 16)
    assert videos.masks_of(1).shape == (3, 16, 16)


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="there is no file of scenes here"):
        KIND.open(dataset(), tmp_path / "none.safetensors", "train")


def test_the_frames_and_bytes_that_rendering_makes_are_foretold(tmp_path: Path, made: Path) -> None:
    assert KIND.prepare is not None
    assert KIND.frames_made is not None
    assert KIND.bytes_made is not None
    progress: list[tuple[int, int]] = []
    KIND.prepare(dataset(), tmp_path / "again.safetensors", lambda done, total: progress.append((done, total)))
    frames = 40 + 7 + 2 * 3
    assert KIND.frames_made(dataset()) == frames
    assert progress[-1] == (frames, frames)
    assert KIND.bytes_made(dataset()) == (3 + 1) * 16 * 16 * frames  # colours and masks
    assert KIND.bytes_made(dataset()) < made.stat().st_size < 2 * KIND.bytes_made(dataset())
    assert (tmp_path / "again.safetensors").read_bytes() == made.read_bytes()


def test_a_full_disk_is_said_before_anything_is_rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(2**26 - 1))
    assert KIND.prepare is not None
    with pytest.raises(DatasetError, match=r"less than 64 MiB of disk are left"):
        KIND.prepare(dataset(), tmp_path / "scenes.safetensors", None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("quick", [False, True])
def test_a_set_that_is_not_there_is_no_fault(made: Path, quick: bool) -> None:
    assert list(KIND.checks(dataset(), str(made), {}, quick)) == [Check("ok", f"{made} is there")]
    assert list(KIND.checks(dataset(), "nowhere", {}, quick)) == [Check("ok", "nowhere will be rendered")]


def test_its_images_can_be_scored_by_everything_that_is_known_of_them() -> None:
    assert set(KIND.labels) == {"classes", "several", "boxes", "masks"}
