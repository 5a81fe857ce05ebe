"""Procedural scenes: the same bytes whatever the order, and factors that tell the truth about the pixels."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from bits.data.scene_set import GENERATOR_VERSION, SceneSet, SceneSettings, SceneVideos, prepare, render_split
from bits.errors import DatasetError
from bits.scenes.classes import HUES, PALETTES, class_table
from bits.scenes.factors import DRAWS, Draws, draw_factors
from bits.scenes.file import KIND, read_scenes
from bits.scenes.render import render
from bits.scenes.settings import FIELDS, MOST_CLASSES, OBJECTS
from bits.scenes.shapes import SHAPES
from bits.scenes.textures import TEXTURES
from bits.scenes.videos import video_factors

SMALL = SceneSettings(image_size=32, train=60, val=40, videos=3, video_frames=6)

# sha256 of the images and masks of twelve scenes. If this fails, pixels changed: raise GENERATOR_VERSION, so
# that files made before are refused, and pin the new values under the new version.
PINNED = {
    "1": {
        32: "169edb28ce077a5da8b13fa140f777241bc202bd421a0fcab1e1f5b171bc553b",
        48: "03dff5f26215c387c61e43280d7fb5170127807cb4c1156c7b8e7dd580ab8c99",
    }
}


@pytest.fixture(scope="module")
def scenes() -> dict[str, np.ndarray]:
    return render_split(SMALL, "train", 0, 400)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scenes") / "made" / "scenes.safetensors"
    prepare(SMALL, path)
    return path


@pytest.mark.parametrize("size", [32, 48])
def test_pixels_change_only_with_the_version(size: int) -> None:
    made = render_split(SceneSettings(image_size=size), "val", 5, 12)
    digest = hashlib.sha256(made["images"].tobytes() + made["masks"].tobytes()).hexdigest()
    assert digest == PINNED[GENERATOR_VERSION][size]


def test_a_scene_is_the_same_alone_in_a_crowd_and_in_any_order(scenes: dict[str, np.ndarray]) -> None:
    for start, count in ((0, 1), (17, 1), (30, 5), (31, 67)):
        part = render_split(SMALL, "train", start, count)
        assert part.keys() == scenes.keys()
        for name, value in part.items():
            np.testing.assert_array_equal(value, scenes[name][start : start + count], err_msg=name)
    backwards = draw_factors(SMALL, "train", np.arange(39, -1, -1))
    images, masks = render(backwards, SMALL.image_size, SMALL.noise)
    np.testing.assert_array_equal(images[::-1], scenes["images"][:40])
    np.testing.assert_array_equal(masks[::-1], scenes["masks"][:40])


def test_counts_change_no_scene_and_seed_and_split_change_all(scenes: dict[str, np.ndarray]) -> None:
    more = dataclasses.replace(SMALL, train=9999, val=1, videos=0)
    np.testing.assert_array_equal(render_split(more, "train", 3, 9)["images"], scenes["images"][3:12])
    other_seed = render_split(dataclasses.replace(SMALL, seed=1), "train", 0, 9)["images"]
    other_split = render_split(SMALL, "val", 0, 9)["images"]
    for images in (other_seed, other_split):
        assert (images != scenes["images"][:9]).any(axis=(1, 2, 3)).all()
    assert len({image.tobytes() for image in scenes["images"]}) == len(scenes["images"])


def test_types_and_shapes(scenes: dict[str, np.ndarray]) -> None:
    described = {name: (str(value.dtype), value.shape[1:]) for name, value in scenes.items()}
    assert described == {
        "images": ("uint8", (32, 32, 3)),
        "masks": ("uint8", (32, 32)),
        "labels": ("int64", ()),
        "multilabels": ("bool", (8,)),
        "boxes": ("int16", (4, 4)),
        "factors/visible": ("int32", (4,)),
        **{f"factors/{name}": ("int8", (4,)) for name in ("shape", "texture", "hue", "depth")},
        **{f"factors/{name}": ("int8", ()) for name in ("object_count", "palette", "background_texture")},
        "factors/field_hue": ("int8", (6,)),
        "factors/position": ("float16", (4, 2)),
        "factors/radius": ("float16", (4,)),
        "factors/light": ("float16", (4,)),
    }


def test_masks_boxes_areas_and_multilabels_agree_pixel_by_pixel(scenes: dict[str, np.ndarray]) -> None:
    for i in range(60):
        seen = set()
        for slot in range(OBJECTS):
            rows, columns = np.nonzero(scenes["masks"][i] == slot + 1)
            assert scenes["factors/visible"][i, slot] == len(rows)
            if len(rows) == 0:
                assert (scenes["boxes"][i, slot] == -1).all()
                continue
            box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert scenes["boxes"][i, slot].tolist() == box
            seen.add(int(scenes["factors/shape"][i, slot]))
        assert set(np.flatnonzero(scenes["multilabels"][i])) == seen
        assert scenes["masks"][i].max() <= scenes["factors/object_count"][i]


def test_every_object_used_is_in_sight_where_its_factors_say(scenes: dict[str, np.ndarray]) -> None:
    used = np.arange(OBJECTS) < scenes["factors/object_count"][:, None]
    visible, boxes = scenes["factors/visible"], scenes["boxes"].astype(float)
    assert (visible[used] >= 10).all()
    assert (visible[~used] == 0).all()
    for name in ("shape", "texture", "hue", "depth"):
        kind = scenes[f"factors/{name}"]
        assert (kind[used] >= 0).all(), name
        assert (kind[~used] == -1).all(), name
    assert np.isnan(scenes["factors/radius"][~used]).all()
    centre = scenes["factors/position"].astype(float) * SMALL.image_size
    reach = scenes["factors/radius"].astype(float) * SMALL.image_size + 1
    assert (boxes[..., :2][used] >= (centre - reach[..., None])[used] - 0.5).all()
    assert (boxes[..., 2:][used] <= (centre + reach[..., None])[used] + 0.5).all()


def test_an_object_alone_has_the_area_of_its_shape(scenes: dict[str, np.ndarray]) -> None:
    """What is rendered covers what the shape's own function covers on a fine grid."""
    grid = ((np.arange(400) + 0.5) / 200 - 1).astype(np.float32)
    x, y = np.meshgrid(grid, grid)
    share = [float((function(x, y) < 0).mean()) * 4 for function in SHAPES.values()]
    alone = scenes["factors/object_count"] == 1
    inside = (np.abs(scenes["factors/position"][:, 0].astype(float) - 0.5) < 0.12).all(axis=1)
    rows = np.flatnonzero(alone & inside)
    assert len(rows) > 20
    radius = scenes["factors/radius"][rows, 0].astype(float) * SMALL.image_size
    expected = np.array([share[shape] for shape in scenes["factors/shape"][rows, 0]]) * radius**2
    np.testing.assert_allclose(scenes["factors/visible"][rows, 0], expected, rtol=0.15)


def test_a_nearer_object_covers_a_farther_one() -> None:
    settings = dataclasses.replace(SMALL, distractor=0)
    factors = draw_factors(settings, "train", np.arange(200))
    together = dataclasses.replace(factors, position=np.full_like(factors.position, 0.5))
    alone = np.where(factors.depth == 0, factors.radius, 1e-3)  # the nearest keeps its size, the rest vanish
    _, covered = render(together, 32, 0.0)
    _, single = render(dataclasses.replace(together, radius=alone), 32, 0.0)
    nearest = factors.depth.argmin(axis=1)
    used = nearest < factors.count
    assert used.sum() > 50
    for i in np.flatnonzero(used):
        np.testing.assert_array_equal(covered[i] == nearest[i] + 1, single[i] == nearest[i] + 1)


def test_labels_follow_from_the_factors() -> None:
    certain = dataclasses.replace(SMALL, distractor=0, background_tie=1, palette_tie=1)
    made, table = render_split(certain, "train", 0, 200), class_table(20)
    np.testing.assert_array_equal(made["labels"], np.arange(200) % 20)
    for name, own in (("background_texture", table.background), ("palette", table.palette)):
        np.testing.assert_array_equal(made[f"factors/{name}"], own[made["labels"]])
    for name, own in (("shape", table.shape), ("texture", table.texture)):
        kinds = made[f"factors/{name}"]
        expected = np.broadcast_to(own[made["labels"]][:, None], kinds.shape)
        np.testing.assert_array_equal(kinds[kinds >= 0], expected[kinds >= 0])


def test_ties_and_distractors_come_as_often_as_the_settings_say() -> None:
    settings = dataclasses.replace(SMALL, distractor=0.4, background_tie=0.7, palette_tie=0.5)
    factors, table = draw_factors(settings, "train", np.arange(4000)), class_table(20)
    own = factors.shape == table.shape[factors.label][:, None]
    assert own[:, 0].all()
    assert own[:, 1:].mean() == pytest.approx(0.6 + 0.4 / len(SHAPES), abs=0.02)
    tied = (factors.texture[:, 0] == table.background[factors.label]).mean()
    assert tied == pytest.approx(0.7 + 0.3 / len(TEXTURES), abs=0.03)
    same = (factors.palette == table.palette[factors.label]).mean()
    assert same == pytest.approx(0.5 + 0.5 / len(PALETTES), abs=0.03)


def test_hues_are_those_of_the_palette_and_show_in_the_pixels() -> None:
    plain = dataclasses.replace(SMALL, noise=0, light=0, hue_jitter=0)
    made = render_split(plain, "train", 0, 200)
    palettes = np.array(PALETTES)[made["factors/palette"]]
    np.testing.assert_array_equal(np.sort(made["factors/field_hue"], axis=1), palettes.repeat(2, axis=1))
    primary = {"red": (1, 0, 0), "yellow": (1, 1, 0), "green": (0, 1, 0)}
    primary |= {"cyan": (0, 1, 1), "blue": (0, 0, 1), "magenta": (1, 0, 1)}
    for i, slot in np.argwhere(made["factors/hue"] >= 0):
        pixels = made["images"][i][made["masks"][i] == slot + 1].astype(float).mean(axis=0)
        wanted = np.array(primary[HUES[made["factors/hue"][i, slot]]], dtype=bool)
        assert pixels[wanted].min() > pixels[~wanted].max()


def test_background_textures_differ_in_the_pixels() -> None:
    """The same scene on two background textures differs on a good part of its background."""
    factors = draw_factors(SMALL, "train", np.zeros(len(TEXTURES), dtype=np.int64))
    texture = factors.texture.copy()
    texture[:, :FIELDS] = np.arange(len(TEXTURES))[:, None]
    images, masks = render(dataclasses.replace(factors, texture=texture), 32, 0.0)
    assert (masks == masks[0]).all()
    behind = images[:, masks[0] == 0].astype(int)
    for a in range(len(TEXTURES)):
        for b in range(a):
            assert (np.abs(behind[a] - behind[b]).max(axis=1) > 20).mean() > 0.1, (a, b)


@pytest.mark.parametrize("name", TEXTURES)
def test_a_texture_shows_both_colours_and_softens_within_a_pixel(name: str) -> None:
    line = (np.arange(300, dtype=np.float32) / 50)[None, None, :]
    pixel = np.full((1, 1, 1), 0.02, dtype=np.float32)
    share = TEXTURES[name](line, line.transpose(0, 2, 1), pixel)
    assert share.dtype == np.float32
    assert share.min() == 0
    assert share.max() == 1
    assert 0.05 < share.mean() < 0.95
    assert ((share > 0) & (share < 1)).mean() < 0.25


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_a_distance_inside_the_unit_circle(name: str) -> None:
    """Positive outside the circle, no steeper than a distance can be, and mostly as steep."""
    grid = ((np.arange(240) + 0.5) / 100 - 1.2).astype(np.float32)
    x, y = np.meshgrid(grid, grid)
    distance = SHAPES[name](x, y)
    assert distance.dtype == np.float32
    assert (distance[x * x + y * y > 1.02] > 0).all()
    for axis in (0, 1):
        assert np.abs(np.diff(distance.astype(float), axis=axis)).max() < 0.01 * 1.001
    assert np.median(np.hypot(*np.gradient(distance.astype(float), 0.01))) > 0.95


def test_all_classes_are_there_balanced_and_distinct() -> None:
    labels = render_split(SMALL, "val", 0, 60)["labels"]
    assert np.bincount(labels).tolist() == [3] * 20
    for classes in (2, 20, 64):
        table = class_table(classes)
        assert len(set(table.names)) == classes
        assert len(set(zip(table.shape.tolist(), table.texture.tolist(), strict=True))) == classes
    table = class_table(32)
    assert len(set(zip(table.texture.tolist(), table.background.tolist(), strict=True))) == 32
    assert len(set(class_table(20).palette.tolist())) == 20


def test_the_most_classes_are_every_shape_in_every_texture() -> None:
    assert len(SHAPES) * len(TEXTURES) == MOST_CLASSES


def test_a_scene_never_draws_more_than_is_reserved() -> None:
    draws = Draws(0, "train", np.array([1, 2]))
    draws.uniform(0, 1, DRAWS)
    with pytest.raises(IndexError, match="reserved"):
        draws.chance(0.5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"classes": 1},
        {"classes": 65},
        {"image_size": 8},
        {"train": 0},
        {"noise": 1.5},
        {"smallest_radius": 0.5},
    ],
)
def test_settings_outside_their_range_are_named(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SceneSettings(**wrong)  # type: ignore[arg-type]


def test_scene_set_gives_back_what_was_rendered(path: Path) -> None:
    made = render_split(SMALL, "val", 0, 40)
    scenes = SceneSet(path, "val")
    assert len(scenes) == 40
    assert scenes.identities[17] == "val/000017"
    assert scenes.class_names[0] == "striped disc"
    assert scenes.multilabels is None
    assert scenes.settings == SMALL
    torch.testing.assert_close(scenes.labels, torch.from_numpy(made["labels"]))
    torch.testing.assert_close(scenes.masks, torch.from_numpy(made["masks"]))
    torch.testing.assert_close(scenes.boxes, torch.from_numpy(made["boxes"]))
    for name, value in scenes.factors.items():
        torch.testing.assert_close(value, torch.from_numpy(made[f"factors/{name}"]), equal_nan=True)
    batch = scenes.batch(torch.tensor([3, 39, 0]))
    assert batch.sizes.tolist() == [[32, 32]] * 3
    for row, index in enumerate((3, 39, 0)):
        assert torch.equal(batch.pixels[row], torch.from_numpy(made["images"][index]).permute(2, 0, 1))
        assert torch.equal(scenes.decode(index), batch.pixels[row])
    assert scenes.image_size(0) == (32, 32)


def test_scene_set_with_shapes_as_targets(path: Path) -> None:
    scenes = SceneSet(path, "train", targets="shapes")
    assert scenes.class_names == tuple(SHAPES)
    assert scenes.multilabels is not None
    assert scenes.multilabels.shape == (60, 8)
    for seen, label in zip(scenes.multilabels, scenes.labels, strict=True):
        assert int(label) == int(torch.nonzero(seen)[0])


def test_every_class_looks_like_itself_more_than_like_others() -> None:
    """What crops of one image share tells the class: hue counts alone beat chance, far from always."""
    settings = SceneSettings(image_size=32)
    train, test = render_split(settings, "train", 0, 600), render_split(settings, "val", 0, 200)
    known = _hue_counts(train["images"])
    near = [np.abs(counts - known).sum(axis=1).argmin() for counts in _hue_counts(test["images"])]
    right = (train["labels"][near] == test["labels"]).mean()
    assert 0.2 < right < 0.95


def _hue_counts(images: np.ndarray) -> np.ndarray:
    """How often each of six hues comes, by which channels exceed the middle of their pixel: [..., 6]."""
    pixels = images.reshape(*images.shape[:-3], -1, 3).astype(int)
    middle = (pixels.max(-1) + pixels.min(-1))[..., None]
    code = ((2 * pixels > middle) * np.array([1, 2, 4])).sum(-1)
    return np.stack([(code == c).mean(-1) for c in range(1, 7)], axis=-1)


def test_objects_of_a_video_move_smoothly_and_keep_their_numbers() -> None:
    size, steps = SMALL.image_size, []
    settings = dataclasses.replace(SMALL, video_frames=12)
    for index in range(12):
        factors = video_factors(settings, index)
        assert (factors.shape == factors.shape[0]).all()
        assert (factors.count == factors.count[0]).all()
        steps.append(np.linalg.norm(np.diff(factors.position, axis=0), axis=2))
        _, masks = render(factors, size, settings.noise)
        centroids = np.array([[_centroid(mask == slot) for slot in range(1, 5)] for mask in masks])
        shown = np.array([[(mask == slot).sum() for slot in range(1, 5)] for mask in masks])
        whole = (shown[1:] > 25) & (shown[:-1] > 25)
        moved = np.linalg.norm(np.diff(centroids, axis=0), axis=2)
        assert (moved[whole] < 0.12 * size).all()
        assert (shown[0, : factors.count[0]] > 0).all()
    assert np.max(steps) <= SMALL.video_speed
    assert np.mean(steps) > SMALL.video_speed / 10


def _centroid(mask: np.ndarray) -> np.ndarray:
    return np.argwhere(mask).mean(axis=0) if mask.any() else np.full(2, np.nan)


def test_videos_round_trip(path: Path) -> None:
    videos = SceneVideos(path)
    assert len(videos) == 3
    assert videos.names[2] == "video/000002"
    assert videos.frames.shape == (3, 6, 32, 32, 3)
    frames, masks = render(video_factors(SMALL, 2), 32, SMALL.noise)
    assert torch.equal(videos.frames[2], torch.from_numpy(frames))
    assert torch.equal(videos.masks[2], torch.from_numpy(masks))
    one_more = dataclasses.replace(SMALL, video_frames=7)
    assert np.array_equal(render(video_factors(one_more, 2), 32, 0.0)[1][0], masks[0])


def test_preparation_is_whole_or_nothing(tmp_path: Path) -> None:
    path, seen = tmp_path / "scenes.safetensors", []

    def interrupted(done: int, total: int) -> None:
        seen.append((done, total))
        if done > 60:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(SMALL, path, interrupted)
    assert list(tmp_path.iterdir()) == []
    prepare(SMALL, path, lambda done, total: seen.append((done, total)))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert seen[-1] == (118, 118)
    first = path.read_bytes()
    prepare(SMALL, path)
    assert path.read_bytes() == first


def _rewritten(path: Path, name: str, metadata: dict[str, str]) -> Path:
    target = path.with_name(f"{name}.safetensors")
    save_file(load_file(path), target, metadata)
    return target


def test_files_that_cannot_be_used_are_explained(path: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"absent.*\n.*prepare"):
        SceneSet(tmp_path / "absent.safetensors", "train")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DatasetError, match="not a whole safetensors file"):
        SceneSet(cut, "train")
    foreign = tmp_path / "foreign.safetensors"
    foreign.write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(DatasetError, match="not a whole safetensors file"):
        SceneSet(foreign, "train")
    with pytest.raises(DatasetError, match="no split 'test'"):
        SceneSet(path, "test")
    settings = dataclasses.asdict(SMALL)
    for name, metadata, message in (
        ("weights", {"format": "pt"}, "not of scenes"),
        ("older", {KIND: json.dumps({"generator": "0", "settings": settings})}, r"version 0 .*\n.*Remake"),
        (
            "odd",
            {KIND: json.dumps({"generator": GENERATOR_VERSION, "settings": {"colour": 1}})},
            "does not hold",
        ),
        ("garbled", {KIND: "{"}, "does not hold"),
    ):
        with pytest.raises(DatasetError, match=message):
            SceneSet(_rewritten(path, name, metadata), "train")


@pytest.mark.parametrize("prefix", ["train", "val", "video"])
def test_a_flipped_bit_is_noticed_where_it_is_read(path: Path, tmp_path: Path, prefix: str) -> None:
    tensors, damaged = load_file(path), tmp_path / "damaged.safetensors"
    with safe_open(path, "np") as file:
        metadata = file.metadata()
    name = f"{prefix}/masks"
    tensors[name].reshape(-1)[-1] ^= 1
    save_file(tensors, damaged, metadata)
    with pytest.raises(DatasetError, match=rf"damaged: {prefix} is not what was rendered.*\n.*Remake"):
        read_scenes(damaged, prefix)
    for other in {"train", "val", "video"} - {prefix}:
        read_scenes(damaged, other)


def test_a_file_from_before_there_was_a_digest_is_read(path: Path) -> None:
    with safe_open(path, "np") as file:
        written = json.loads(file.metadata()[KIND])
    assert set(written.pop("sha256")) == {"train", "val", "video"}
    older = _rewritten(path, "older-form", {KIND: json.dumps(written)})
    assert torch.equal(SceneSet(older, "val").images, SceneSet(path, "val").images)
