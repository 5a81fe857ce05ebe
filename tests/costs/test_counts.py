"""FLOPs, against formulas and the design's figure."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bits.config.recipe import Backbone, Head
from bits.costs.counts import Counts, training_flops
from bits.records.code import ROOT

VIT = Backbone(name="vit_base_patch16_224", image_size=224, drop_path=0.1)
HEAD = Head(
    hidden=2048,
    layers=3,
    outputs=256,
    outputs_scale=1.0,
    init_std=0.02,
    batch_norm=False,
    normalise=False,
    prototypes=None,
    freeze_prototypes_epochs=0,
)


def vit_flops(size: int, width: int = 768, depth: int = 12, patch: int = 16) -> int:
    """Of a plain ViT: projections 4 D^2 and MLP 8 D^2 a token, attention 2 T D a token; twice for a multiply-add."""
    patches = (size // patch) ** 2
    tokens = patches + 1
    blocks = depth * tokens * (12 * width**2 + 2 * tokens * width)
    return 2 * (blocks + patches * 3 * patch**2 * width)


@pytest.mark.parametrize("size", [224, 96])
def test_a_vit_takes_what_the_formula_says(counts, size):
    found = counts.backbone(VIT, size)
    assert found.flops == pytest.approx(vit_flops(size), rel=0.02)
    assert (found.width, found.blocks) == (768, 12)
    assert found.parameters == pytest.approx(86e6, rel=0.01)


def test_a_head_takes_twice_its_weights(counts):
    weights = 768 * 2048 + 2048 * 2048 + 2048 * 256
    assert counts.head(HEAD, 768).flops == 2 * weights
    assert counts.head(HEAD, 768).parameters == weights + 2048 + 2048 + 256
    dino = HEAD.model_copy(update={"prototypes": 65536})
    assert counts.head(dino, 768).flops == 2 * (weights + 65536 * 256)


def test_a_small_backbone_behind_convolutions_is_counted_in_full(counts):
    """Against a forward pass with hooks that count multiply-adds of convolutions and linear layers."""
    from bits.models.backbone import create_backbone

    settings = Backbone(name="vit_convstem_nano", image_size=32, drop_path=0.0, options={"depth": 2, "embed_dim": 96})
    backbone = create_backbone(settings.name, 32, 0.0, settings.options).eval()
    seen = []

    def hook(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        weight = module.weight
        seen.append(2 * output.numel() * weight.numel() // weight.shape[0])

    for module in backbone.modules():
        if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)):
            module.register_forward_hook(hook)
    backbone(torch.zeros(1, 3, 32, 32))
    attention = 2 * 2 * 2 * 17 * 17 * 96  # two blocks, two products
    assert counts.backbone(settings, 32).flops == sum(seen) + attention


def test_the_paper_takes_what_the_design_says(counts, plans):
    plan = plans("paper")
    recipe = plan.runs[plan.sources["bits-fixed"][0]].recipe
    whole = training_flops(recipe, counts)
    assert whole == pytest.approx(0.47e12, rel=0.05)
    views = 3 * (2 * vit_flops(224) + 10 * vit_flops(96)) + 2 * vit_flops(224)
    assert whole == pytest.approx(views, rel=0.03)
    assert training_flops(recipe, counts, 64) == pytest.approx(whole + 2 * vit_flops(224), rel=0.01)
    normed = recipe.model_copy(update={"head": recipe.head.model_copy(update={"batch_norm": True})})
    assert training_flops(normed, counts) == whole
    assert training_flops(normed, counts, 64) == pytest.approx(
        whole + 2 * vit_flops(224) + 10 * vit_flops(96), rel=0.01
    )


def test_what_was_counted_is_read_again_without_torch(tmp_path):
    path = tmp_path / "flops.json"
    first = Counts(path).head(HEAD, 100)
    assert len(json.loads(path.read_text())) == 1
    program = (
        "import sys, pathlib, json; from bits.costs.counts import Counts; from bits.config.recipe import Head;"
        f"found = Counts(pathlib.Path({str(path)!r})).head(Head(**json.loads({HEAD.model_dump_json()!r})), 100);"
        f"sys.exit('torch' in sys.modules or found.flops != {first.flops})"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT, timeout=60)


def test_a_file_that_is_not_to_change_stays(tmp_path: Path):
    path = tmp_path / "flops.json"
    assert Counts(path, keep=False).head(HEAD, 10).flops > 0
    assert not path.exists()


def test_a_half_written_file_of_counts_is_made_anew(tmp_path: Path):
    path = tmp_path / "flops.json"
    path.write_text("{half")
    assert Counts(path).head(HEAD, 10).flops > 0
