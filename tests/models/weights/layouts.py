"""A small ViT and a ResNet with known weights, and files of them in the layouts of public code."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from bits.models.backbone import create_backbone

State = dict[str, Tensor]
SIDE, DEPTH = 32, 3


def vit(side: int = SIDE, **options: Any) -> nn.Module:
    """Another one at every call: 3 blocks, 64 wide, patches of 8 px."""
    given = {"patch_size": 8, "depth": DEPTH, "embed_dim": 64, "num_heads": 2, **options}
    backbone = create_backbone("vit_tiny_patch16_224", side, 0.0, given)
    return _moved(backbone)


def resnet() -> nn.Module:
    return _moved(create_backbone("resnet10t", SIDE, 0.0, {"channels": (8, 16, 32, 64)}))


def _moved(backbone: nn.Module) -> nn.Module:
    """With norms and statistics that are not those of a start, so that one which is lost shows."""
    with torch.no_grad():
        for tensor in backbone.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(torch.rand_like(tensor) * 0.1)
    return backbone.eval()


def behind(prefix: str, state: State) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in state.items()}


def head(width: int = 64) -> dict[str, Tensor]:
    """As DINO's."""
    return {"mlp.0.weight": torch.randn(8, width), "last_layer.weight_g": torch.randn(4, 1)}


def chunked(state: State) -> dict[str, Tensor]:
    """DINOv2's blocks.<chunk>.<block>, two blocks a chunk."""

    def name(old: str) -> str:
        parts = old.split(".")
        return ".".join(["blocks", str(int(parts[1]) // 2), *parts[1:]]) if parts[0] == "blocks" else old

    return {name(old): tensor for old, tensor in state.items()}


def dino(student: State, teacher: State) -> dict[str, Any]:
    """A full checkpoint of DINO, SimDINO or iBOT."""
    return {
        "student": behind("module.backbone.", student) | behind("module.head.", head()),
        "teacher": behind("backbone.", teacher)
        | behind("head.", head())
        | {"backbone.masked_embed": torch.zeros(1, 64)},
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
        "epoch": 100,
        "dino_loss": {"center": torch.zeros(1, 8)},
    }


# name -> (student, teacher) -> content of a file; where a layout has one network, that is the teacher.
LAYOUTS: dict[str, Callable[[State, State], Any]] = {
    "timm": lambda _, teacher: dict(teacher),
    "DINO and SimDINO, backbone alone": lambda _, teacher: OrderedDict(teacher),
    "DINO, SimDINO and iBOT, whole": dino,
    "iBOT, backbone alone": lambda _, teacher: {"state_dict": teacher | {"masked_embed": torch.zeros(1, 64)}},
    "DINOv2, backbone alone": lambda _, teacher: teacher | {"mask_token": torch.zeros(1, 64)},
    "DINOv2, chunked teacher": lambda _, teacher: {
        "teacher": behind("backbone.", chunked(teacher)) | behind("dino_head.", head()) | behind("ibot_head.", head())
    },
    "DINOv2, whole": lambda student, teacher: {
        "model": behind("student.backbone._fsdp_wrapped_module.", chunked(student))
        | behind("teacher.backbone._fsdp_wrapped_module.", chunked(teacher))
        | behind("teacher.dino_head.", head()),
        "iteration": 1,
    },
    "solo-learn": lambda student, teacher: {
        "state_dict": behind("backbone.", student)
        | behind("momentum_backbone.", teacher)
        | behind("momentum_head.", head())
        | {"classifier.weight": torch.randn(5, 64)},
        "pytorch-lightning_version": "1.6",
        "optimizer_states": [{"state": {}}],
    },
    "lightly": lambda student, teacher: {
        "state_dict": behind("student_backbone.", student)
        | behind("teacher_backbone.", teacher)
        | behind("student_head.", head())
        | behind("teacher_head.", head())
    },
    "lightly, masked ViT": lambda student, teacher: {
        "state_dict": behind("student_backbone.vit.", student) | behind("teacher_backbone.vit.", teacher)
    },
    "compiled": lambda student, teacher: {
        "student": behind("_orig_mod.module.backbone.", student),
        "teacher": behind("module._orig_mod.backbone.", teacher),
    },
    "timm, trained with an average": lambda student, teacher: {"state_dict": student, "state_dict_ema": teacher},
    "DeiT": lambda student, teacher: {"model": student, "model_ema": teacher},
}
