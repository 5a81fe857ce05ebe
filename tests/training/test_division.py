"""The number of processes and micro-batches changes no loss, gradient or weight (in float64)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from bits.config.recipe import Recipe
from bits.config.site import Site
from bits.models.stochastic_depth import DropPath, path_factors
from bits.training.division import DivisionError
from bits.training.update import Wants
from bits.training.world import World
from tests.training.planted import PLANTED
from tests.training.worlds import Case, in_world, whole_runs

pytestmark = pytest.mark.xdist_group("division")  # the tests share a fixture that is expensive to make
Runs = dict[str, dict[str, Tensor]]
COMMON = (
    "schedule={epochs: 2, batch_size: 32, images_per_epoch: 32}",
    "crops={global_size: 16, local_size: 8, n_local: 2, global_scale: [0.4, 1.0], local_scale: [0.1, 0.4]}",
    "optimizer.warmup_epochs=0",
    "backbone.drop_path=0.4",
    "backbone.options.embed_dim=32",
    "backbone.options.num_heads=2",
    "curve.every_epochs=2",
    "head.init_std=0.2",
)
RATE = (
    "objective.coding_rate={weight: 0.3, eps: 0.05, rows: student, normalise: true, centred: false, "
    "virtual_ranks: 1, gamma: true}"
)
VARIANTS = {
    "dino": ("dino", "head.prototypes=300", "head.freeze_prototypes_epochs=1"),
    "dino with a rate": ("dino", "head.prototypes=40", RATE),
    "simdino": ("simdino",),
    "simdino, 4 virtual ranks": ("simdino", "objective.coding_rate.virtual_ranks=4"),
    "bits-fixed": ("bits-fixed", "optimizer.clip_norm=null"),
    "bits-fixed, 2 virtual ranks": ("bits-fixed", "objective.coding_rate.virtual_ranks=2"),
    "bits-fixed, centred mean": ("bits-fixed", "objective.coding_rate.centred=true", "objective.coding_rate.rows=mean"),
    "bits-reset": ("bits-reset-1", "head_reset.at_start=true"),
    "bits-cosine": ("bits-cosine",),
    "bits-soft": ("bits-soft-0.1",),
    "bits-fixed, batch norm": ("bits-fixed", "head.batch_norm=true", "optimizer.clip_norm=null"),
    "simdino, batch norm": ("simdino", "head.batch_norm=true"),
    f"bits-fixed with {PLANTED}": ("bits-fixed",),
    f"dino with {PLANTED}": ("dino", "head.prototypes=40"),
}
DIVISIONS = {"1 x 4 x 8": (1, 8), "1 x (12 + 12 + 8)": (1, 12), "2 x 16": (2, 0), "2 x 2 x 8": (2, 8)}


@pytest.fixture(scope="module")
def cases(compose: Callable[..., tuple[Recipe, Site]]) -> dict[str, Case]:
    return {name: compose(run, *COMMON, *overrides) for name, (run, *overrides) in VARIANTS.items()}


@pytest.fixture(scope="module")
def divided(cases: dict[str, Case], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Runs]:
    """Results by division, then by variant; "1 x 32" is the undivided batch."""
    found = {}
    together = {}
    for name, (size, micro) in {"1 x 32": (1, 0), **DIVISIONS}.items():
        folder = tmp_path_factory.mktemp("division")
        here = {key: (recipe, site.model_copy(update={"micro_batch": micro})) for key, (recipe, site) in cases.items()}
        if size == 1:
            found[name] = whole_runs(World(), here, folder)
        else:
            together |= {f"{name}/{key}": case for key, case in here.items()}
    folder = tmp_path_factory.mktemp("world")
    last = in_world(2, folder, whole_runs, together, folder)[-1]  # as seen by the process that writes nothing
    for key, run in last.items():
        found.setdefault(key.split("/")[0], {})[key.split("/")[1]] = run
    return found


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("division", DIVISIONS)
def test_losses_gradients_and_weights_do_not_depend_on_the_division(divided, division: str, variant: str) -> None:
    whole, parts = divided["1 x 32"][variant], divided[division][variant]
    assert whole.keys() == parts.keys()
    assert "1.loss" in whole and "0.gradient.backbone.blocks.0.mlp.fc1.weight" in whole
    for name, tensor in whole.items():
        rtol = 1e-5 if name.startswith("health") else 0  # measured in float32
        torch.testing.assert_close(
            parts[name], tensor, rtol=rtol, atol=1e-6, msg=lambda text, name=name: f"{name}: {text}"
        )


def test_what_is_compared_moves(divided) -> None:
    runs = divided["1 x 32"]
    assert not any(name.startswith("0.gradient") and "prototypes" in name for name in runs["dino"])  # frozen
    assert "1.gradient.head.prototypes" in runs["dino"]
    assert float(runs["dino"]["objective.cross_entropy.centre"].abs().max()) > 1e-4
    for name, run in runs.items():
        gradient = run["0.gradient.backbone.blocks.2.mlp.fc1.weight"]
        assert float(gradient.abs().max()) > 1e-4, name
        assert ("0.coding_rate" in run) == (name not in ("dino", f"dino with {PLANTED}"))
        assert ("0.spread" in run) == ("0.correlation" in run) == name.endswith(PLANTED)
        assert float(run["0.loss"]) != float(run["1.loss"])
        assert ("0.gradient.head.norm.weight" in run) == name.endswith("batch norm")
        if name.endswith("batch norm"):
            assert float(run["0.gradient.head.norm.weight"].abs().max()) > 1e-4, name
            moved = [run[f"model.{branch}.head.norm.running_mean"] for branch in ("student", "teacher")]
            assert float((moved[0] - moved[1]).abs().max()) > 1e-4, name


def test_bfloat16_micro_batches_have_a_gradient_near_the_whole_batchs(pretraining, tmp_path: Path) -> None:
    gradients = []
    for micro in (0, 8):
        run = pretraining(
            "simdino", *COMMON, "precision=bfloat16", f"site.micro_batch={micro}", folder=tmp_path / f"{micro}"
        )
        run.update(run.images.batch(torch.arange(32)), 0, Wants())
        gradients.append(torch.cat([weight.grad.flatten() for weight in run.model.student.parameters()]))
    assert float((gradients[0] - gradients[1]).norm() / gradients[0].norm()) < 0.1


def test_dropped_paths_are_scaled_and_belong_to_the_sample() -> None:
    factors = path_factors([0.25, 1.0], 3, 4000, torch.Generator().manual_seed(0))
    assert factors[0].unique().tolist() == [0.0, pytest.approx(4 / 3)]
    assert float(factors[0].mean()) == pytest.approx(1, abs=0.02)
    assert not factors[1].any()
    path = DropPath(0.5)
    with pytest.raises(ValueError, match="a factor for each of 2 rows and has none"):
        path(torch.ones(2, 3))
    path.factors = torch.tensor([0.0, 2.0])
    assert path(torch.ones(2, 3, 5)).sum((1, 2)).tolist() == [0, 30]
    assert path.eval()(torch.ones(3)).sum() == 3


def test_what_cannot_be_divided_is_refused(pretraining) -> None:
    with pytest.raises(DivisionError, match=r"batch_size = 16 does not divide evenly among 3 processes"):
        pretraining("bits-fixed", world=World(0, 3))
    for options, layer in (({}, "BatchNorm2d"), ({"drop_rate": 0.1}, "BatchNorm2d and dropout")):
        words = ["backbone.name=resnet10t", *[f"backbone.options.{key}={value}" for key, value in options.items()]]
        with pytest.raises(DivisionError, match=layer):
            pretraining("bits-fixed", *words, world=World(0, 2))
        with pytest.raises(DivisionError, match=layer):
            pretraining("bits-fixed", *words, "site.micro_batch=8")
    pretraining("bits-fixed", "backbone.name=resnet10t", "site.micro_batch=16")
