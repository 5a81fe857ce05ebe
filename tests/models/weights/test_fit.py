"""Files in the layouts of public code give the features of the network that they hold, to the last bit."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from bits.models.backbone import create_backbone
from bits.models.positions import interpolate_as_dino
from bits.models.weights.file import WeightsError
from bits.models.weights.fit import fitted
from tests.models.weights.layouts import LAYOUTS, SIDE, behind, dino, head, resnet, vit

IMAGES = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def loaded(path: Path, backbone: nn.Module, of=None) -> nn.Module:
    backbone.load_state_dict(fitted(path, backbone, of).tensors)
    return backbone.eval()


def saved(path: Path, content) -> Path:
    torch.save(content, path)
    return path


@pytest.fixture(scope="module")
def networks():
    torch.manual_seed(0)
    return {kind: (make(), make()) for kind, make in {"vit": vit, "resnet": resnet}.items()}


@pytest.mark.parametrize("kind", ["vit", "resnet"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_teachers_features(layout, kind, networks, tmp_path):
    student, teacher = networks[kind]
    path = saved(tmp_path / "x.pth", LAYOUTS[layout](student.state_dict(), teacher.state_dict()))
    with torch.no_grad():
        found = loaded(path, {"vit": vit, "resnet": resnet}[kind]())
        assert torch.equal(found(IMAGES), teacher(IMAGES))
        assert not torch.equal(found(IMAGES), student(IMAGES))


@pytest.mark.parametrize("layout", ["DINO, SimDINO and iBOT, whole", "DINOv2, whole", "solo-learn", "lightly", "DeiT"])
def test_the_student_is_taken_where_it_is_asked_for(layout, networks, tmp_path):
    student, teacher = networks["vit"]
    path = saved(tmp_path / "x.pth", LAYOUTS[layout](student.state_dict(), teacher.state_dict()))
    with torch.no_grad():
        assert torch.equal(loaded(path, vit(), "student")(IMAGES), student(IMAGES))
    assert fitted(path, vit(), "student").branch == "student" and fitted(path, vit()).branch == "teacher"


def test_safetensors_are_read_and_half_precision_is_widened_and_told(networks, tmp_path):
    teacher = networks["vit"][1]
    state = {name: tensor.half().contiguous() for name, tensor in teacher.state_dict().items()}
    save_file(state, tmp_path / "x.safetensors")
    found = fitted(tmp_path / "x.safetensors", vit())
    assert {tensor.dtype for tensor in found.tensors.values()} == {torch.float32}
    assert all(torch.equal(found.tensors[name], tensor.float()) for name, tensor in state.items())
    assert found.changed == (f"{len(state)} tensors were float16, and are float32 here",)


def test_what_was_left_out_and_what_was_not_given_is_listed(networks, tmp_path):
    vits, nets = networks["vit"], networks["resnet"]
    found = fitted(saved(tmp_path / "x.pth", dino(vits[0].state_dict(), vits[1].state_dict())), vit())
    own = len(vits[1].state_dict())
    assert (found.prefix, found.branch, found.not_given) == ("teacher.backbone.", "teacher", ())
    assert found.in_file == 2 * own + 2 * len(head()) + 3
    assert found.left_out == {
        "dino_loss.center": 1,
        "optimizer.state": 1,
        "student.backbone": own,
        "student.head": 2,
        "teacher.backbone": 1,
        "teacher.head": 2,
    }
    counters = {name for name in nets[0].state_dict() if name.endswith("num_batches_tracked")}
    state = {name: tensor for name, tensor in nets[0].state_dict().items() if name not in counters}
    state["fc.weight"] = torch.randn(10, 64)
    found = fitted(saved(tmp_path / "y.pth", state), resnet())
    assert set(found.not_given) == counters and found.left_out == {"fc.weight": 1}


@pytest.mark.parametrize("way", ["dino", "timm"])
def test_position_embeddings_of_another_size_are_those_of_the_network_at_that_size(way, tmp_path):
    """A network made for 48 px that is given images of 32 px interpolates by itself."""
    options = {"patch_size": 8, "depth": 2, "embed_dim": 64, "num_heads": 2}
    large, small = (
        create_backbone("vit_tiny_patch16_224", side, 0.0, options, None, way).eval() for side in (48, SIDE)
    )
    nn.init.normal_(large.pos_embed)
    found = fitted(saved(tmp_path / "x.pth", large.state_dict()), small)
    small.load_state_dict(found.tensors)
    with torch.no_grad():
        assert torch.equal(small(IMAGES), large(IMAGES))
    assert "6 x 6 patches were interpolated to 4 x 4" in found.changed[0]
    if way == "dino":
        assert torch.equal(small.pos_embed, interpolate_as_dino(large.pos_embed, (6, 6), (4, 4), 1))


def test_registers_take_the_class_tokens_position_with_it(tmp_path):
    """DINOv2 adds position embeddings to class token and patches, then puts registers between them."""
    made = vit(reg_tokens=4, no_embed_class=True, init_values=1e-5)
    with torch.no_grad():
        for block in made.blocks:  # a scale of 1e-5 would hide the blocks
            block.ls1.gamma.fill_(0.3), block.ls2.gamma.fill_(0.4)
    state = {name: tensor.clone() for name, tensor in made.state_dict().items()}
    of_class = torch.randn(1, 1, 64)
    state["pos_embed"] = torch.cat([of_class, state["pos_embed"]], dim=1)
    state["register_tokens"] = state.pop("reg_token")
    state["mask_token"] = torch.zeros(1, 64)
    with torch.no_grad():
        made.cls_token += of_class
        found = loaded(saved(tmp_path / "x.pth", state), vit(reg_tokens=4, no_embed_class=True, init_values=1e-5))
        assert torch.equal(found(IMAGES), made(IMAGES))


def test_packed_gates_have_timms_names(tmp_path):
    from timm.layers import SwiGLUPacked

    options = {"mlp_layer": SwiGLUPacked, "mlp_ratio": 2.0, "act_layer": nn.SiLU}
    made = vit(**options)
    renamed = {
        name.replace("mlp.fc1", "mlp.w12").replace("mlp.fc2", "mlp.w3"): tensor
        for name, tensor in made.state_dict().items()
    }
    with torch.no_grad():
        assert torch.equal(loaded(saved(tmp_path / "x.pth", renamed), vit(**options))(IMAGES), made(IMAGES))


def test_names_that_the_backbone_has_itself_are_not_taken_for_chunks(tmp_path):
    made, other = (create_backbone("mobilenetv3_small_050", SIDE, 0.0, {}).eval() for _ in range(2))
    with torch.no_grad():
        assert torch.equal(loaded(saved(tmp_path / "x.pth", made.state_dict()), other)(IMAGES), made(IMAGES))


@pytest.mark.parametrize("name", ["convnext_atto", "densenet121", "mixer_s32_224"])
def test_any_model_of_timm_takes_what_timm_wrote(name, tmp_path):
    whole = timm.create_model(name).eval()  # with a classifier
    found = loaded(saved(tmp_path / "x.pth", whole.state_dict()), create_backbone(name, 224, 0.0, {}))
    images = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        assert torch.equal(found(images), whole.forward_head(whole.forward_features(images), pre_logits=True))


def without(state, *words):
    return {name: tensor for name, tensor in state.items() if not any(word in name for word in words)}


REFUSED = {
    "another patch size": (lambda: vit(patch_size=16).state_dict(), "patches of 16 x 16 px, the backbone of 8 x 8"),
    "another width": (lambda: vit(embed_dim=32).state_dict(), "is 32 wide, the backbone 64"),
    "deeper": (lambda: vit(depth=5).state_dict(), "has 5 blocks, the backbone 3"),
    "less deep": (lambda: vit(depth=2).state_dict(), "has 2 blocks, the backbone 3"),
    "another shape": (lambda: vit(mlp_ratio=2.0).state_dict(), r"mlp.fc1.weight is 128 x 64, the backbone's 256 x 64"),
    "no final norm": (lambda: without(vit().state_dict(), "norm.weight", "norm.bias"), r"lacks norm.weight, norm.bias"),
    "one bias missing": (
        lambda: without(vit().state_dict(), "blocks.1.attn.qkv.bias"),
        r"lacks blocks.1.attn.qkv.bias",
    ),
    "layer scale": (lambda: vit(init_values=1e-5).state_dict(), r"has blocks.0.ls1.gamma, .* no place"),
    "no square": (
        lambda: vit().state_dict() | {"pos_embed": torch.zeros(1, 13, 64)},
        "has 13 position embeddings, which are 1 of tokens and no square",
    ),
    "not finite": (
        lambda: vit().state_dict() | {"norm.bias": torch.full((64,), float("nan"))},
        "norm.bias not finite",
    ),
    "infinite": (
        lambda: vit().state_dict() | {"cls_token": torch.full((1, 1, 64), -torch.inf)},
        "cls_token not finite",
    ),
    "optimiser alone": (
        lambda: {"optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}}},
        r"0 of the backbone's .* state of an optimiser",
    ),
    "another network": (lambda: resnet().state_dict(), r"\d+ of the backbone's \d+ tensors are in the file"),
    "two of the same": (
        lambda: {"a": behind("x.", vit().state_dict()), "b": behind("y.", vit().state_dict())},
        "several such backbones, behind 'a.x.', 'b.y.'",
    ),
    "wrapped and not": (
        lambda: {"model": {"module": vit().state_dict(), **vit().state_dict()}},
        "would both be model",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_weights_that_do_not_fit_are_refused(what, tmp_path):
    content, message = REFUSED[what]
    path = saved(tmp_path / "x.pth", content())
    with pytest.raises(WeightsError, match=message) as error:
        fitted(path, vit())
    assert str(path) in str(error.value)


def test_statistics_of_batch_norms_must_be_there(tmp_path):
    with pytest.raises(WeightsError, match=r"lacks .*running_mean"):
        fitted(saved(tmp_path / "x.pth", without(resnet().state_dict(), "running_mean")), resnet())


def test_a_branch_that_is_not_there_is_refused(tmp_path):
    path = saved(tmp_path / "x.pth", {"teacher": vit().state_dict()})
    with pytest.raises(WeightsError, match=r"weights_of = student, but its backbones are 'teacher.' \(teacher\)"):
        fitted(path, vit(), "student")
