"""What messages carry, against planted channels and sums written out."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from bits.objectives.channel import binary_entropy, state_of
from tests.objectives.terms import objective_of

G, V, N = 2, 4, 20_000


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def carried(student: Tensor, teacher: Tensor, **terms: dict[str, object]) -> dict[str, float]:
    objective = objective_of(student.shape[-1], **(terms or {"bce": {}}))
    sums = objective.channel_sums(student, teacher)
    return objective.channel({key: total / student.shape[1] for key, total in sums.items()})


def test_a_calibrated_student_sends_exactly_the_mutual_information():
    """Bits drawn by the student's own probabilities: H(z) - CE is then the information, known for one logit's size."""
    logit = 1.3
    certainty = 1 / (1 + math.exp(-logit))
    logits = logit * draw(1, N, 3).sign()
    chances = torch.rand(N, 3, generator=torch.Generator().manual_seed(1))
    teacher = (chances < logits[0].sigmoid()).float().expand(G, N, 3) - 0.5
    found = carried(logits.expand(V, N, 3), teacher)
    lost = -(certainty * math.log2(certainty) + (1 - certainty) * math.log2(1 - certainty))
    assert found["code_entropy"] == pytest.approx(1, abs=1e-3)
    assert found["code_cross_entropy"] == pytest.approx(lost, abs=0.01)
    assert found["bits_sent"] == pytest.approx(3 * (1 - lost), abs=0.03)
    assert found["bits_sent_by_sign"] == pytest.approx(found["bits_sent"], abs=0.03)
    assert found["bits_sent_per_bit"] == pytest.approx(found["bits_sent"] / 3)
    assert state_of({**found, "effective_rank": 9.0}) == "live"


def test_constant_and_noise_codes_send_nothing_and_are_told_apart():
    sure = torch.full((V, N, 8), 9.0)
    constant = carried(sure, torch.ones(G, N, 8))
    assert constant["code_entropy"] == 0
    assert constant["bits_sent"] == pytest.approx(0, abs=1e-2)
    assert state_of(constant) == "constant codes"
    noise = carried(1e-3 * draw(V, N, 8), draw(G, N, 8, seed=1))
    assert noise["code_entropy"] == pytest.approx(1, abs=1e-3)
    assert noise["code_cross_entropy"] == pytest.approx(1, abs=1e-3)
    assert abs(noise["bits_sent_per_bit"]) < 1e-3
    assert state_of(noise) == "noise codes"
    assert state_of({**noise, "effective_rank": 1.5}) == "collapsed features"


def test_a_student_whose_logits_are_not_calibrated_still_sends_by_their_signs():
    teacher = draw(1, N, 4).expand(G, N, 4)
    found = carried(1000 * (teacher[:1] + 0.2 * draw(V, N, 4, seed=2)), teacher, code_cosine={})
    assert found["bits_sent"] < 0
    assert found["bits_sent_by_sign"] > 2
    assert state_of(found) == "live"


def test_sums_are_means_over_pairs_of_different_views_and_add_up():
    student, teacher = draw(5, 12, 3), draw(G, 12, 3, seed=3)
    objective = objective_of(3, bce={})
    whole = objective.channel_sums(student, teacher)
    expected = torch.zeros(3)
    pairs = [(i, v) for i in range(G) for v in range(5) if v != i]
    for i, v in pairs:
        bits = (teacher[i] > 0).float()
        expected += torch.nn.functional.binary_cross_entropy_with_logits(student[v], bits, reduction="none").sum(0)
    assert torch.allclose(whole["bce", "cross_entropy"], expected / len(pairs), atol=1e-5)
    wrong = sum(((student[v] > 0) != (teacher[i] > 0)).float().sum(0) for i, v in pairs)
    assert torch.allclose(whole["bce", "wrong"], wrong / len(pairs), atol=1e-5)
    parts = [objective.channel_sums(student[:, part], teacher[:, part]) for part in (slice(0, 5), slice(5, 12))]
    for key, total in whole.items():
        assert torch.allclose(parts[0][key] + parts[1][key], total, atol=1e-5)
    assert objective.means(student, teacher)["bce"].item() == pytest.approx(float(expected.mean()) / len(pairs) / 12)


def test_prototypes_that_say_nothing_are_uniform_and_sure_ones_send_their_index():
    k = 64
    uniform = carried(1e-4 * draw(V, 500, k), 1e-4 * draw(G, 500, k, seed=1), cross_entropy={})
    assert uniform["prototype_entropy"] == pytest.approx(6, abs=1e-3)
    assert uniform["prototype_cross_entropy"] == pytest.approx(uniform["uniform_entropy"], abs=1e-3)
    assert state_of(uniform) == "uniform prototypes"
    index = torch.nn.functional.one_hot(torch.arange(512) % k, k).float()
    sure = carried(3 * index.expand(V, 512, k), index.expand(G, 512, k), cross_entropy={})
    assert sure["bits_sent"] == pytest.approx(6, abs=1e-3)
    assert sure["prototype_entropy_per_image"] == pytest.approx(0, abs=1e-3)
    assert state_of(sure) == "live"
    same = index[:1].expand(512, k)
    constant = carried(3 * same.expand(V, 512, k), same.expand(G, 512, k), cross_entropy={})
    assert state_of(constant) == "constant prototypes"


def test_a_cosine_is_the_similarity_and_has_no_state_but_the_features():
    student, teacher = draw(V, 10, 6), draw(G, 10, 6, seed=4)
    found = carried(student, teacher, cosine={})
    assert found["cosine"] == pytest.approx(-float(objective_of(6, cosine={}).means(student, teacher)["cosine"]))
    assert state_of({**found, "effective_rank": 20.0}) == "live"
    assert state_of({**found, "effective_rank": 1.0}) == "collapsed features"


def test_binary_entropy_at_its_ends():
    assert binary_entropy(torch.tensor([0.0, 0.5, 1.0, 0.11])).tolist() == pytest.approx([0, 1, 0, 0.4999], abs=1e-4)
