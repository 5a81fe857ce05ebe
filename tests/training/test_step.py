"""A step, compared with autograd on the whole batch and with the recipe's arithmetic written out."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bits.runs.build import objective_of, teacher_student
from bits.training.loop import Pretraining
from bits.training.update import Wants
from tests.training.planted import PLANTED, with_planted_terms
from tests.training.worlds import ManySizes

COMMON = (
    "schedule={epochs: 3, batch_size: 32, images_per_epoch: 64}",
    "crops={global_size: 16, local_size: 8, n_local: 2, global_scale: [0.4, 1.0], local_scale: [0.1, 0.4]}",
    "optimizer.warmup_epochs=1",
    "backbone.drop_path=0.4",
    "backbone.options.embed_dim=32",
    "backbone.options.num_heads=2",
    "curve.every_epochs=3",
    "head.init_std=0.2",
)
RATE = (
    "objective.coding_rate={weight: 0.3, eps: 0.05, rows: student, normalise: true, centred: false, "
    "virtual_ranks: 1, gamma: true}"
)
VARIANTS = {
    "dino": ("dino", "head.prototypes=60", "head.freeze_prototypes_epochs=0"),
    "dino with a rate": ("dino", "head.prototypes=40", "head.freeze_prototypes_epochs=0", RATE),
    "simdino": ("simdino",),
    "simdino, 4 virtual ranks": ("simdino", "objective.coding_rate.virtual_ranks=4"),
    "bits-fixed": ("bits-fixed",),
    "bits-fixed, centred mean": ("bits-fixed", "objective.coding_rate.centred=true", "objective.coding_rate.rows=mean"),
    "bits-cosine": ("bits-cosine", "objective.code_cosine.weight=3"),
    "bits-soft": ("bits-soft-0.1",),
    "bits-fixed, batch norm": ("bits-fixed", "head.batch_norm=true"),
    "simdino, batch norm": ("simdino", "head.batch_norm=true"),
    f"bits-fixed with {PLANTED}": ("bits-fixed",),
    f"dino with {PLANTED}": ("dino", "head.prototypes=60", "head.freeze_prototypes_epochs=0"),
}


@pytest.fixture
def exact(compose: Any, tmp_path: Any) -> Any:
    """exact(run, *overrides) -> a run in float64."""

    def made(run: str, *overrides: str, planted: bool = False) -> Pretraining:
        recipe, site = compose(run, *COMMON, *overrides)
        objective = with_planted_terms(recipe) if planted else objective_of(recipe)
        parts = teacher_student(recipe).double(), objective.double()
        return Pretraining(
            recipe, site, *parts, ManySizes(), tmp_path / "run", torch.device("cpu"), lambda backbone: 0.5
        )

    return made


def outputs_of(branch: nn.Module, views: list[Tensor], factors: Tensor | None = None) -> Tensor:
    """The head's outputs for the whole batch, with the batch norm of each view written out."""
    head = branch.head
    features, outputs = branch(views, factors)
    if head.norm is None:
        return outputs
    raw = head.mlp(features)
    deviation = (raw.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
    normed = (raw - raw.mean(1, keepdim=True)) / deviation * head.norm.weight + head.norm.bias
    return normed / normed.norm(dim=-1, keepdim=True) if head.normalise else normed


def loss_of(run: Pretraining, model: nn.Module, objective: nn.Module, images: Any, number: int) -> Tensor:
    """The objective's loss for the whole batch, each view in one pass; updates the centre."""
    views, factors = run.update._inputs(images, number)
    rendered = [view.double() for view in views.render(slice(None), slice(None))]
    with torch.no_grad():
        teacher = outputs_of(model.teacher, rendered[:2])
    loss, _ = objective.train()(outputs_of(model.student, rendered, factors), teacher)
    return loss


@pytest.mark.parametrize("micro", [0, 12])
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_gradient_is_that_of_the_objective(exact, variant, micro):
    name, *overrides = VARIANTS[variant]
    words = (*overrides, "optimizer.clip_norm=null", f"site.micro_batch={micro}")
    run = exact(name, *words, planted=variant.endswith(PLANTED))
    if run.model.student.head.norm is not None:
        norms = [branch.head.norm for branch in (run.model.student, run.model.teacher)]
        for weight in [weight for norm in norms for weight in norm.parameters()]:
            nn.init.uniform_(weight.data, 0.5, 1.5)
    model, objective = copy.deepcopy(run.model), copy.deepcopy(run.objective)
    images = run.images.batch(torch.arange(32))
    loss = loss_of(run, model, objective, images, 1)
    loss.backward()
    _, update = run.update(images, 1, Wants())
    assert update.loss == pytest.approx(loss.item(), abs=1e-12)
    for (key, ours), theirs in zip(run.model.student.named_parameters(), model.student.parameters(), strict=True):
        assert (ours.grad is None) == (theirs.grad is None), key
        if theirs.grad is not None:
            torch.testing.assert_close(
                ours.grad, theirs.grad, rtol=1e-8, atol=1e-9, msg=lambda text, k=key: f"{k} {text}"
            )
    assert len(list(objective.buffers())) == (name == "dino")
    for ours, theirs in zip(run.objective.buffers(), objective.buffers(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-14)


def halfway(start: float, end: float, share: float) -> float:
    """Half cosine from start (share 0) to end (share 1)."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


@pytest.mark.parametrize("by", ["tensor", "global"])
@pytest.mark.parametrize("method", ["dino", "bits-fixed"])
def test_three_steps_are_the_recipe_written_out(exact, method, by):
    """Clipping, learning rate with batch scaling and warm-up, AdamW with decay for matrices only, then the teacher."""
    run = exact(
        *VARIANTS[method],
        "optimizer.learning_rate=0.08",
        "optimizer.min_learning_rate=0.001",
        "optimizer.weight_decay=0.04",
        "optimizer.weight_decay_end=0.4",
        "optimizer.clip_norm=0.05",
        f"optimizer.clip_by={by}",
        "teacher={momentum: 0.9, momentum_end: 1.0}",
    )
    model, objective = copy.deepcopy(run.model), copy.deepcopy(run.objective)
    moments = {name: [torch.zeros_like(p), torch.zeros_like(p)] for name, p in model.student.named_parameters()}
    clipped = 0
    for number in range(4):
        images = run.images.batch(torch.arange(number, number + 32))
        run.update(images, number, Wants())
        model.zero_grad()
        loss_of(run, model, objective, images, number).backward()
        named = dict(model.student.named_parameters())
        whole = torch.stack([p.grad.norm() for p in named.values()]).norm()
        # 6 steps in all, 2 of them warm-up: 0 at the first, the peak of 0.08 x 32 / 256 at the second.
        rate = (0.0, 0.01, halfway(0.01, 0.001, 0.0), halfway(0.01, 0.001, 1 / 4))[number]
        decay = halfway(0.04, 0.4, number / 6)
        with torch.no_grad():
            for name, p in named.items():
                norm = p.grad.norm() if by == "tensor" else whole
                clipped += bool(norm > 0.05)
                gradient = p.grad * min(1.0, 0.05 / (float(norm) + 1e-6))
                first, second = moments[name]
                first.mul_(0.9).add_(gradient, alpha=0.1)
                second.mul_(0.999).add_(gradient**2, alpha=0.001)
                if p.ndim > 1 and not name.endswith(".bias"):
                    p.mul_(1 - rate * decay)
                ahead = first / (1 - 0.9 ** (number + 1))
                p.sub_(rate * ahead / ((second / (1 - 0.999 ** (number + 1))).sqrt() + 1e-8))
            momentum = halfway(0.9, 1.0, number / 6)
            for mine, theirs in zip(model.teacher.parameters(), model.student.parameters(), strict=True):
                mine.copy_(momentum * mine + (1 - momentum) * theirs)
    assert clipped > 10
    assert dict(run.model.named_buffers()).keys() == dict(model.named_buffers()).keys()
    for (name, ours), theirs in zip(run.model.named_parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-9, msg=lambda text, name=name: f"{name} {text}")
    if method == "dino":
        centre = objective.cross_entropy.centre
        torch.testing.assert_close(run.objective.cross_entropy.centre, centre, rtol=0, atol=1e-12)
        assert float(centre.abs().max()) > 1e-4


@pytest.mark.parametrize("clear", [True, False])
def test_a_reset_clears_the_heads_moments_if_asked_to_and_no_others(pretraining, tmp_path, clear):
    run = pretraining("bits-reset-1", "schedule.epochs=2", f"head_reset.clear_optimizer={str(clear).lower()}")
    reset, seen = run.model.reset_heads, []

    def noted(generator: torch.Generator) -> None:
        seen.append(run.step)
        reset(generator)

    run.model.reset_heads = noted
    steps: list[dict[str, float]] = []
    update = run.update

    def recorded(*arguments: Any) -> Any:
        found = update(*arguments)
        state = run.state.optimizer.state
        steps.append(
            {part: {float(state[p]["step"]) for p in getattr(run.model.student, part).parameters() if p in state}
             for part in ("head", "backbone")}
        )  # fmt: skip
        return found

    run.update = recorded
    run.run()
    assert seen == [1]
    assert steps[-1] == {"head": {1.0 if clear else 2.0}, "backbone": {2.0}}
