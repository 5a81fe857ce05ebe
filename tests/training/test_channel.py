"""The channel of a run, measured on held-out images at the points of its curve."""

from __future__ import annotations

import json

import pytest
import torch

from bits.objectives.channel import state_of
from bits.training.channel import ChannelMeasure

SHORT = ("schedule.epochs=4", "curve.every_epochs=2", "optimizer.warmup_epochs=1")


@pytest.fixture
def measure(pretraining):
    def made(run: object, count: int = 30) -> ChannelMeasure:
        return ChannelMeasure(run.recipe, run.images, count, 0, torch.device("cpu"))  # type: ignore[attr-defined]

    return made


@pytest.mark.parametrize("method", ["dino", "simdino", "bits-fixed"])
def test_it_depends_on_the_weights_alone_and_leaves_them_in_training(pretraining, measure, method):
    run = pretraining(method, *SHORT, "backbone.drop_path=0.3")
    taken = measure(run)
    first = taken(run.model, run.objective)
    assert run.model.training
    torch.manual_seed(5)
    assert taken(run.model, run.objective) == first
    run.model.teacher.head.mlp[0].bias.data += 1
    assert taken(run.model, run.objective) != first
    assert all(torch.isfinite(torch.tensor(list(first.values()))))


def test_all_images_in_parts_are_the_images_in_one(pretraining, measure, monkeypatch):
    run = pretraining("bits-fixed", *SHORT)
    whole = measure(run, 40)(run.model, run.objective)
    assert measure(run, 1000)(run.model, run.objective) == whole
    fewer = measure(run, 10)(run.model, run.objective)
    assert fewer != whole and fewer.keys() == whole.keys()


def test_a_batch_norm_takes_each_views_statistics_over_all_of_the_images(pretraining, measure):
    """As training does: running statistics, which lag behind, have no say and are left alone."""
    run = pretraining("bits-fixed", *SHORT, "head.batch_norm=true")
    taken, norms = measure(run), [branch.head.norm for branch in (run.model.student, run.model.teacher)]
    first = taken(run.model, run.objective)
    assert first["code_entropy"] > 0.5, "about half of the bits are ones wherever an image's outputs are centred"
    for norm in norms:
        norm.running_mean += 100.0
        before = norm.running_mean.clone()
        assert taken(run.model, run.objective) == first
        assert torch.equal(norm.running_mean, before) and norm.training
    run.model.eval()
    assert taken(run.model, run.objective) == first
    assert not any(norm.training for norm in norms)


def test_a_run_writes_it_at_every_point_and_in_its_outcome_and_goes_on_from_it(pretraining, measure):
    run = pretraining("bits-fixed", *SHORT)
    run.channel = measure(run)
    outcome = run.run()
    entries = map(json.loads, (run.folder / "log.jsonl").read_text().splitlines())
    logged = [entry for entry in entries if entry.get("event") == "evaluation"]
    assert [entry["epoch"] for entry in logged] == [0, 2, 4]
    assert len(run.state.channel) == 3
    for entry, carried in zip(logged, run.state.channel, strict=True):
        assert entry["bits_sent"] == pytest.approx(carried["bits_sent"], rel=1e-5)
    assert outcome.channel == state_of(run.state.channel[-1])
    assert outcome.facts()["channel"] == outcome.channel
    again = pretraining("bits-fixed", *SHORT)
    again.channel = measure(again)
    assert again.run() == outcome
    assert again.state.channel == run.state.channel
