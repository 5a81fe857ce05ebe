"""Each process's views equal its share of the views of the global batch."""

from __future__ import annotations

import pytest
import torch

from bits.training.views import StepViews, seeded, step_views, view_specs
from bits.views.parameters import draw
from tests.training.worlds import ManySizes


def test_a_share_of_the_views_is_the_views_of_the_share(compose) -> None:
    recipe, _ = compose("bits-fixed", "crops.n_local=3", "crops.local_size=8")
    specs = view_specs(recipe.crops, recipe.augmentation)
    images, cpu = ManySizes(), torch.device("cpu")
    whole = step_views(images.batch(range(12)), specs, 5, 7, cpu)
    assert [tuple(view.shape) for view in whole] == [(12, 3, 16, 16)] * 2 + [(12, 3, 8, 8)] * 3
    share = StepViews(images.batch(range(4, 10)), specs, 5, 7, cpu, first=4, total=12)
    assert (len(share), share.total) == (6, 12)
    for views in (slice(0, 2), slice(2, None)):
        for part in (slice(0, 6), slice(2, 5)):
            for found, expected in zip(share.render(views, part), whole[views], strict=True):
                # another canvas size rounds differently
                torch.testing.assert_close(found, expected[4 + part.start : 4 + part.stop], rtol=0, atol=1e-5)


def test_a_share_outside_the_batch_is_refused(compose) -> None:
    recipe, _ = compose("bits-fixed")
    spec = view_specs(recipe.crops, recipe.augmentation)[0]
    with pytest.raises(ValueError, match="images 3 to 6 don't lie in a batch of 5"):
        draw(spec, torch.full((3, 2), 20), seeded(0), first=3, total=5)
