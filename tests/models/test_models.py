"""Backbones by name, the head, and weights that timm can load."""

from __future__ import annotations

import pytest
import timm
import torch
from timm.layers import resample_abs_pos_embed
from torch import nn

from bits.models.backbone import BackboneError, create_backbone, is_vit, last_blocks, width
from bits.models.batch_norm import BatchNorm
from bits.models.head import Head
from bits.models.positions import interpolate_as_dino
from bits.models.teacher_student import Branch, TeacherStudent
from bits.training.checkpoint import write_tensors


@pytest.mark.parametrize("name", ["vit_convstem_nano", "vit_tiny_patch16_224", "deit_tiny_patch16_224"])
def test_any_timm_vit_takes_any_multiple_of_its_patch(name):
    torch.manual_seed(0)
    backbone = create_backbone(name, 32, 0.0, {}).eval()
    assert is_vit(backbone)
    for side in (32, 64):
        assert backbone(torch.randn(2, 3, side, side)).shape == (2, width(backbone))
    images = torch.randn(2, 3, 32, 32)
    wide = last_blocks(backbone, images, 2)
    assert wide.shape == (2, 2 * width(backbone))
    assert torch.allclose(wide[:, -width(backbone) :], backbone(images), atol=1e-5)


@pytest.mark.parametrize("name", ["vit_base_patch16_224", "deit_base_distilled_patch16_224"])
def test_a_class_token_starts_as_in_the_public_recipe(name):
    tokens = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        tokens.append(create_backbone(name, 224, 0.0, {"depth": 1}, 0.02, "timm").cls_token.detach())
    assert float(tokens[0].std()) == pytest.approx(0.02, rel=0.1)
    assert torch.equal(tokens[0], tokens[1]) and not torch.equal(tokens[0], tokens[2])


def test_position_embeddings_are_interpolated_as_asked():
    vits = {}
    for way in ("dino", "timm"):
        torch.manual_seed(0)
        vits[way] = create_backbone("vit_tiny_patch16_224", 224, 0.0, {"depth": 1}, None, way).eval()
    tokens = {}
    for side in (224, 96):
        images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(side))
        tokens[side] = [vit.forward_features(images) for vit in vits.values()]
    assert torch.equal(*tokens[224])
    made = vits["dino"].pos_embed
    ours = interpolate_as_dino(made, (14, 14), (6, 6), 1)
    theirs = resample_abs_pos_embed(made, [6, 6], [14, 14])
    assert torch.equal(ours[:, 0], theirs[:, 0])
    difference = float((ours - theirs)[:, 1:].detach().norm() / theirs[:, 1:].detach().norm())
    assert difference > 0.5  # of embeddings as they are drawn, in 10 of 12 views of the paper's recipe
    assert not torch.allclose(*tokens[96], atol=1e-3)
    with pytest.raises(BackboneError, match="position_interpolation=timm"):
        create_backbone("deit_base_distilled_patch16_224", 224, 0.0, {"depth": 1})


@pytest.mark.parametrize(
    "options", [{"class_token": False, "global_pool": "avg"}, {"reg_tokens": 2}, {"no_embed_class": True}]
)
def test_interpolation_fits_vits_of_other_prefixes(options):
    torch.manual_seed(0)
    ours = create_backbone("vit_tiny_patch16_224", 32, 0.0, {"depth": 1, **options}).eval()
    torch.manual_seed(0)
    theirs = create_backbone("vit_tiny_patch16_224", 32, 0.0, {"depth": 1, **options}, None, "timm").eval()
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(ours(images), theirs(images))
    assert ours(torch.randn(2, 3, 48, 64)).shape == (2, width(ours))


def test_the_average_of_the_patches_comes_before_the_class_token():
    backbone = create_backbone("vit_tiny_patch16_224", 32, 0.0, {"depth": 2}).eval()
    images = torch.randn(3, 3, 32, 48)
    tokens = backbone.forward_features(images)  # [N, 1 + patches, D], after the final LayerNorm
    expected = torch.cat([tokens[:, 1:].mean(1), tokens[:, 0]], dim=1)
    assert torch.allclose(last_blocks(backbone, images, 1, average_patches=True), expected, atol=1e-5)
    plain = create_backbone("resnet10t", 32, 0.0, {}).eval()
    assert last_blocks(plain, images, 1, average_patches=True).shape == (3, width(plain))


def test_other_backbones_give_pooled_features():
    backbone = create_backbone("resnet10t", 32, 0.0, {}).eval()
    assert not is_vit(backbone)
    assert last_blocks(backbone, torch.randn(2, 3, 32, 32), 4).shape == (2, width(backbone))


def test_an_unknown_backbone_is_refused_with_near_matches():
    with pytest.raises(BackboneError, match="vit_base_patch16_224"):
        create_backbone("vit_base_patch16_24", 224, 0.0, {})
    with pytest.raises(BackboneError, match="no_such_option"):
        create_backbone("vit_convstem_nano", 32, 0.0, {"no_such_option": 1})


def test_timm_loads_what_is_written(tmp_path):
    backbone = create_backbone("vit_convstem_nano", 32, 0.0, {}).eval()
    path = tmp_path / "teacher.safetensors"
    write_tensors(path, backbone.state_dict(), {"run": "x"})
    loaded = timm.create_model("vit_convstem_nano", num_classes=0, checkpoint_path=str(path)).eval()
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(backbone(images), loaded(images))


def test_head_shapes_norms_and_prototypes():
    features = torch.randn(5, 8)
    assert Head(8, 16, 3, 4, False, None)(features).shape == (5, 4)
    unit = Head(8, 16, 3, 4, True, None)(features)
    assert torch.allclose(unit.norm(dim=-1), torch.ones(5), atol=1e-5)
    head = Head(8, 16, 3, 4, True, 32)
    logits = head(features)
    assert logits.shape == (5, 32)
    assert logits.abs().max() <= 1 + 1e-5  # cosines: both sides are unit vectors
    with torch.no_grad():
        head.prototypes.mul_(3)
    assert torch.allclose(head(features), logits, atol=1e-6)  # because the gain is frozen at 1


def test_a_batch_norm_is_torchs_of_each_view_and_moves_only_when_told_to():
    torch.manual_seed(0)
    head, ours = Head(8, 16, 3, 4, True, None, batch_norm=True), torch.randn(3, 7, 8)
    plain = nn.BatchNorm1d(4, momentum=None)
    nn.init.uniform_(head.norm.weight), nn.init.uniform_(head.norm.bias)
    plain.load_state_dict(head.norm.state_dict())
    raw = head.raw(ours)
    assert torch.equal(raw, head.mlp(ours))
    expected = torch.stack([plain(view) for view in raw])
    assert torch.allclose(head.norm(raw), expected, atol=1e-6)
    assert torch.allclose(head(ours), nn.functional.normalize(expected, dim=-1), atol=1e-6)
    assert torch.allclose(head(ours[0]), head(ours)[0], atol=1e-6)
    assert head.norm.running_mean.abs().max() == 0 and int(head.norm.num_batches_tracked) == 0
    head.norm.track(raw)
    for mine, other in zip(head.norm.buffers(), plain.buffers(), strict=True):
        torch.testing.assert_close(mine, other)
    head.eval(), plain.eval()
    assert torch.allclose(head.norm(raw), plain(raw.flatten(0, 1)).view(raw.shape), atol=1e-6)
    assert head.norm(raw.bfloat16()).dtype == torch.float32
    with pytest.raises(ValueError, match="no prototypes"):
        Head(8, 16, 3, 4, True, 32, batch_norm=True)


def test_the_running_statistics_are_an_average_at_first_and_move_by_a_tenth_later():
    torch.manual_seed(0)
    views = torch.randn(30, 6, 4).mul(2).add(5)
    ours, plain = BatchNorm(4), nn.BatchNorm1d(4, momentum=None)
    for number, view in enumerate(views):
        plain.momentum = None if number < 10 else 0.1
        ours.track(view[None]), plain(view)
        torch.testing.assert_close(ours.running_mean, plain.running_mean)
        torch.testing.assert_close(ours.running_var, plain.running_var)
    ours.reset_parameters()
    ours.track(views[:1])
    torch.testing.assert_close(ours.running_mean, views[0].mean(0))


def test_head_starts_where_the_paper_says():
    head = Head(768, 2048, 3, 256, False, None)
    linear = [module for module in head.mlp if isinstance(module, nn.Linear)]
    assert [layer.out_features for layer in linear] == [2048, 2048, 256]
    for layer in linear:
        assert float(layer.weight.detach().std()) == pytest.approx(0.02, rel=0.02)
        assert layer.bias.abs().max() == 0


def test_views_of_equal_size_share_a_pass_and_keep_their_order():
    torch.manual_seed(0)
    sizes: list[tuple[int, ...]] = []

    class Mean(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            sizes.append(tuple(images.shape))
            return images.flatten(2).mean(2)

    branch = Branch(Mean(), Head(3, 4, 2, 2, False, None))
    views = [torch.randn(2, 3, 8, 8), torch.randn(2, 3, 8, 8), torch.randn(2, 3, 4, 4)]
    features, outputs = branch(views)
    assert sizes == [(4, 3, 8, 8), (2, 3, 4, 4)]
    assert outputs.shape == (3, 2, 2)
    for index, view in enumerate(views):
        assert torch.allclose(features[index], view.flatten(2).mean(2))
        assert torch.allclose(outputs[index], branch.head(features[index]), atol=1e-6)


def test_teacher_starts_equal_and_takes_no_gradient():
    branches = [Branch(nn.Linear(2, 3), Head(3, 4, 2, 2, False, None)) for _ in range(2)]
    model = TeacherStudent(*branches)
    for mine, theirs in zip(model.teacher.parameters(), model.student.parameters(), strict=True):
        assert torch.equal(mine, theirs)
        assert not mine.requires_grad
        assert theirs.requires_grad


def test_a_heads_reset_is_drawn_on_the_cpu_wherever_its_weights_are():
    """A CPU generator cannot fill weights on another device; meta weights stand in for those on a GPU."""
    heads = {device: Head(8, 16, 3, 4, False, 5).to(device) for device in ("cpu", "meta")}
    for head in heads.values():
        head.reset(torch.Generator().manual_seed(3))
    again = Head(8, 16, 3, 4, False, 5)
    again.reset(torch.Generator().manual_seed(3))
    for mine, other in zip(heads["cpu"].parameters(), again.parameters(), strict=True):
        assert torch.equal(mine, other)
