"""The evaluator of codes on planted ones: what they say, how they retrieve, and how many bits a length stands for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from bits.analysis.code_language import chosen_bits, language
from bits.analysis.code_retrieval import CodeSearch
from bits.analysis.codes import EVALUATOR, Codes
from bits.evaluation.declaration import Workload
from bits.evaluation.intervals import Estimate, intervals_of, values_of
from bits.exhibits.metrics import metric_called

CLASSES, EACH = 8, 12
LABELS = torch.arange(CLASSES * EACH) % CLASSES
VAL = SimpleNamespace(labels=LABELS, relevance=LABELS, identities=tuple(f"{index}.png" for index in range(len(LABELS))))


def settings(**changed: Any) -> Codes:
    retrieval = {"protocol": "query-gallery", "queries_per_class": 4, "seed": 0}
    values = {"model": "teacher", "lengths": [256, 64], "subsets": 3, "blocks": 4, "seed": 0, "retrieval": retrieval}
    return Codes.model_validate({**values, **changed})


def planted(bits: int) -> Tensor:
    """Logits whose signs tell the class: of eight classes, each by its own random code."""
    return torch.randn(CLASSES, bits, generator=torch.Generator().manual_seed(1))[LABELS]


def noise(bits: int, seed: int = 2) -> Tensor:
    return torch.randn(len(LABELS), bits, generator=torch.Generator().manual_seed(seed))


def subject(teacher: Tensor, student: Tensor, features: Tensor) -> Any:
    logits = {"teacher": teacher, "student": student}
    return SimpleNamespace(val=VAL, codes=lambda split, model: logits[model], features=lambda split: features)


def test_codes_that_tell_the_class_retrieve_it_and_noise_does_not() -> None:
    found = values_of(EVALUATOR.measure(subject(planted(64), noise(64), planted(40)), settings()))
    assert found["map_256"] == found["map_256_asymmetric"] == found["map_256_projected"] == 1.0
    assert found["map_64"] > 0.9 and found["map_64_chosen"] > 0.9, "16 of 64 bits tell eight classes apart"
    assert found["other_map"] < 0.25
    other = values_of(EVALUATOR.measure(subject(planted(64), noise(64), noise(40)), settings(model="student")))
    assert (other["map_256"], other["other_map"]) == (found["other_map"], found["map_256"])
    assert other["map_256_projected"] < 0.25
    assert found["code_length"] == 64
    assert found["total_correlation"] > 3 > 1.5 > found["total_correlation_shuffled"], "96 are few for 256 values"


def test_every_number_is_declared_and_those_of_images_or_queries_have_intervals() -> None:
    measured = EVALUATOR.measure(subject(noise(32), noise(32, 3), noise(20)), settings(lengths=[256, 128, 64, 32]))
    unknown = [name for name in measured if metric_called(name, EVALUATOR.metrics) is None]
    assert unknown == []
    intervals = intervals_of(measured)
    assert {"marginal_entropy", "block_entropy", "mutual_information", "total_correlation"} <= set(intervals)
    queries = {name: one["n"] for name, one in intervals.items() if name.startswith("map_")}
    assert set(queries.values()) == {4 * CLASSES}
    for name, one in measured.items():
        if isinstance(one, Estimate):
            assert one.low <= one.value <= one.high, name


@pytest.mark.parametrize(("bits", "kept"), [(256, 64), (512, 128), (32, 8), (3, 1), (1, 1)])
def test_a_shorter_code_keeps_the_same_share(bits: int, kept: int) -> None:
    assert CodeSearch(VAL, settings()).kept(64, bits) == kept  # type: ignore[arg-type]


def test_what_a_short_code_has_not_is_null() -> None:
    assert language(noise(5) > 0, settings())["block_entropy"] is None
    alone = language(noise(1) > 0, settings())
    assert alone["mutual_information"] is alone["total_correlation"] is None
    assert alone["marginal_entropy"].value > 0.9


def test_bits_are_chosen_for_entropy_and_little_in_common() -> None:
    fair = np.random.default_rng(0).integers(0, 2, (400, 3)).astype(bool)
    rare = np.random.default_rng(1).random((400, 1)) < 0.02
    codes = np.concatenate([rare, fair[:, :1], fair[:, :1], fair[:, 1:2], fair[:, 1:2], fair[:, 2:]], axis=1)
    chosen = chosen_bits(codes, 3)
    assert set(chosen) == {1, 3, 5} or {tuple(sorted(chosen))} <= {(a, b, 5) for a in (1, 2) for b in (3, 4)}
    assert set(chosen_bits(codes, 6)) == set(range(6))


def test_lengths_fall_from_the_whole_code() -> None:
    for wrong in ([64, 256], [256, 256], []):
        with pytest.raises(ValidationError):
            settings(lengths=wrong)


def test_it_costs_a_pass_and_a_search_for_every_number() -> None:
    load = Workload(train=10, val=100, classes=10, width=64, blocks=12, bare=False)
    cost = EVALUATOR.cost(load, settings())
    once = 2.0 * 64 * 40 * 60
    assert cost.passes == 100
    # two lengths by Hamming distance, by probabilities and projected; one chosen, three random; the other head
    assert cost.flops == {"ranking": once * 11}
