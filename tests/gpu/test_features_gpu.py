"""Features of a backbone on a CUDA device, compared with those on the CPU."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from bits.config.compose import Composer
from bits.config.recipe import Recipe
from bits.evaluation.features import extract_all
from bits.runs.build import backbone_of, extractor_of
from tests.training.conftest import RandomImages

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


def composed() -> Recipe:
    with Composer("smoke") as composer:
        return composer.compose("bits-fixed")[0].recipe


@pytest.mark.parametrize(("blocks", "average_patches"), [(1, False), (2, False), (1, True)])
def test_features_are_the_cpus(blocks: int, average_patches: bool) -> None:
    recipe, found = composed(), {}
    for name in ("cpu", "cuda"):
        device, crop = torch.device(name), recipe.curve.features
        extract = extractor_of(backbone_of(recipe), recipe, crop, blocks, device, average_patches)
        found[name] = extract_all(extract, RandomImages(), 16)
        assert found[name].device.type == "cpu" and found[name].dtype == torch.float32
    assert F.cosine_similarity(found["cpu"], found["cuda"]).min() > 1 - 1e-4
    torch.testing.assert_close(found["cuda"], found["cpu"], rtol=0.02, atol=0.02)
