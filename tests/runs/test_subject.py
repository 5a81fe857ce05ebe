"""A run on a data set as evaluators see it: features, codes, patches and videos of a smoke run's own networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from bits.data.batch import ImageBatch
from bits.data.images import collate, open_image_set
from bits.errors import BitsError, DatasetError
from bits.evaluation.declaration import Interpolation, Precision, Tokens
from bits.models.backbone import last_blocks, patch_tokens
from bits.views.views import whole_view

from .smoke_run import SmokeRun

WIDTH, SIDE, PATCH = 128, 16, 8  # of the smoke scale's backbone, features and patches


@pytest.fixture
def smoke(tmp_path: Path, scenes: Path, composed: Callable) -> SmokeRun:
    return SmokeRun(tmp_path, scenes, composed)


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_features_are_the_tokens_that_are_asked_for(tmp_path: Path, scenes: Path, composed: Callable) -> None:
    """Of features that hold more: the average of the patches and the class tokens of all three blocks."""
    smoke = SmokeRun(tmp_path, scenes, composed, "evaluation.linear.average_patches=true")
    subject = smoke.subject()
    object.__setattr__(subject, "_tokens", lambda split: Tokens(4, True, True))
    backbone, views = smoke.networks.teacher.backbone, smoke.views(smoke.val)
    with torch.no_grad():
        for blocks, average, width in ((1, False, 1), (2, False, 2), (4, False, 3), (1, True, 2), (4, True, 4)):
            found = subject.features("val", Tokens(blocks, average))
            assert found.shape == (len(smoke.val), width * WIDTH)
            close(found, last_blocks(backbone, views, blocks, average))
    assert len(list((tmp_path / "features").iterdir())) == 1, "extracted once"


def test_a_backbone_without_tokens_has_its_pooled_features(tmp_path: Path, scenes: Path, composed: Callable) -> None:
    smoke = SmokeRun(tmp_path, scenes, composed, "backbone.name=resnet10t", "evaluation.linear.average_patches=true")
    subject = smoke.subject()
    with torch.no_grad():
        pooled = smoke.networks.teacher.backbone(smoke.views(smoke.val))
    for tokens in (Tokens(), Tokens(4), Tokens(1, True)):
        close(subject.features("val", tokens), pooled)
    with pytest.raises(BitsError, match="bits-fixed: only a ViT has patch tokens"):
        next(subject.patches("val", 16))


def test_references_have_features_and_no_codes_or_patches(smoke: SmokeRun) -> None:
    widths = {"random-init": 3 * WIDTH, "pixels": 3 * SIDE * SIDE, "chance": 128}
    for source, width in widths.items():
        subject = smoke.subject(source)
        assert (subject.has_backbone, subject.seed) == (source == "random-init", smoke.recipe.seed)
        assert subject.features("val", Tokens(4)).shape == (len(smoke.val), width)
        with pytest.raises(BitsError, match=f"{source} has no trained head"):
            subject.codes("val")
        if source != "random-init":
            with pytest.raises(BitsError, match=f"{source}: only a ViT has patch tokens"):
                subject.patches_of(smoke.val.batch([0]), 16, 16)
            with pytest.raises(BitsError, match=f"{source} has no backbone that augmented images"):
                subject.augmented_features(10, Tokens(), "bilinear", "auto")


def test_augmented_features_are_new_ones_every_epoch_of_every_image_once(smoke: SmokeRun) -> None:
    batches = smoke.subject().augmented_features(150, Tokens(2), "bilinear", "auto")
    epochs = [list(batches(epoch)) for epoch in (0, 0, 1)]
    assert [len(labels) for _, labels in epochs[0]] == [150, 150, 100]
    features = [torch.cat([rows for rows, _ in epoch]) for epoch in epochs]
    labels = [torch.cat([labels for _, labels in epoch]) for epoch in epochs]
    assert features[0].shape == (400, 2 * WIDTH)
    assert torch.equal(features[0], features[1])
    assert not torch.equal(features[0], features[2])
    for seen in labels:
        assert torch.equal(seen.bincount(), smoke.train.labels.bincount())


def test_precision_and_interpolation_of_augmented_images_are_what_is_asked_for(smoke: SmokeRun) -> None:
    def features(interpolation: Interpolation, precision: Precision) -> Tensor:
        batches = smoke.subject().augmented_features(150, Tokens(2), interpolation, precision)
        return next(iter(batches(0)))[0]

    exact, half = features("bilinear", "float32"), features("bilinear", "bfloat16")
    assert torch.equal(features("bilinear", "auto"), exact), "on a CPU"
    assert exact.dtype == half.dtype == torch.float32
    difference = (half - exact).abs().mean() / exact.abs().mean()
    assert 1e-4 < difference < 0.05
    assert not torch.equal(features("bicubic", "float32"), exact)


@pytest.mark.parametrize("model", ["student", "teacher"])
def test_codes_are_what_the_head_says_of_its_backbones_features(smoke: SmokeRun, model: str) -> None:
    branch = getattr(smoke.networks, model)
    with torch.no_grad():
        expected = branch.head(branch.backbone(smoke.views(smoke.val)))
    subject = smoke.subject()
    codes = subject.codes("val", model)
    assert codes.shape == (len(smoke.val), smoke.recipe.head.outputs)
    assert codes.dtype == torch.float32
    close(codes, expected)
    assert subject.codes("val", model) is codes, "computed once"
    if model == "student":
        assert torch.equal(subject.codes("val"), codes)
        assert not torch.equal(subject.codes("val", "teacher").sign(), codes.sign())
        assert len(subject.codes("train")) == len(smoke.train)


def test_codes_of_a_head_with_a_batch_norm_follow_its_running_statistics(
    tmp_path: Path, scenes: Path, composed: Callable
) -> None:
    smoke = SmokeRun(tmp_path, scenes, composed, "head.batch_norm=true")
    branch = smoke.networks.student
    with torch.no_grad():
        features = branch.backbone(smoke.views(smoke.val))
        close(smoke.subject().codes("val"), branch.head(features))
        assert not torch.allclose(branch.head(features), branch.head.train()(features), atol=0.1)


def test_codes_of_damaged_heads_are_refused(smoke: SmokeRun) -> None:
    (smoke.folder / "heads.safetensors").write_bytes(b"no heads")
    with pytest.raises(BitsError, match=r"heads.safetensors: .*damaged"):
        smoke.subject().codes("val")


def test_patches_are_the_tokens_of_whole_images_in_their_order(smoke: SmokeRun) -> None:
    parts = list(smoke.subject().patches("val", 32))
    assert [len(part) for part in parts] == [64, 64, 64, 8]
    patches = torch.cat(parts)
    assert patches.shape == (len(smoke.val), WIDTH, 32 // PATCH, 32 // PATCH)
    norm = smoke.recipe.augmentation
    batch = smoke.val.batch(torch.arange(len(smoke.val)))
    views = whole_view(batch, height=32, width=32, mean=norm.mean, std=norm.std)
    with torch.no_grad():
        close(patches, patch_tokens(smoke.networks.teacher.backbone, views))
    with pytest.raises(BitsError, match="33 x 33 px are not whole patches of 8 x 8 px"):
        next(smoke.subject().patches("val", 33))


def test_patches_of_frames_keep_their_proportions(smoke: SmokeRun) -> None:
    frames = torch.randint(0, 256, (3, 3, 24, 48), dtype=torch.uint8)
    batch = ImageBatch(frames, torch.tensor([[24, 48]]).repeat(3, 1))
    assert smoke.subject().patches_of(batch, 24, 48).shape == (3, WIDTH, 3, 6)


def test_a_patch_is_where_the_image_has_it(smoke: SmokeRun) -> None:
    """Also in an image that is no square: what is right of the centre square changes the patches at the right."""
    image = torch.full((3, 24, 72), 100, dtype=torch.uint8)
    other = image.clone()
    other[:, :, 64:] = 255
    before, after = smoke.subject().patches_of(collate([image, other]), 24, 24)
    changed = (before - after).abs().sum(0)
    assert changed.max() > 0
    assert int(changed.amax(0).argmax()) == 2


def test_videos_are_those_of_the_scenes(smoke: SmokeRun) -> None:
    videos = smoke.subject().videos()
    assert list(videos.names) == ["video/000000"]
    assert videos.frames_of(0).shape == (3, 3, 24, 24)
    masks = videos.masks_of(0)
    assert masks.shape == (3, 24, 24)
    assert masks.unique().tolist()[:2] == [0, 1]


def test_folders_of_images_have_no_videos(smoke: SmokeRun, tmp_path: Path) -> None:
    Image.new("RGB", (24, 24)).save(_made(tmp_path / "images/val/a") / "0.png")
    images = open_image_set(tmp_path / "images", "mine", "val")
    smoke.dataset = smoke.dataset.model_copy(update={"kind": "images", "settings": {}, "name": "mine"})
    with pytest.raises(DatasetError, match="mine: a data set of kind images holds no videos"):
        smoke.subject(images=images).videos()


def test_whether_all_features_are_finite(smoke: SmokeRun) -> None:
    subject = smoke.subject()
    assert subject.finite()
    subject._kept["train"] = torch.full((400, 3 * WIDTH), torch.nan)
    assert not subject.finite()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
