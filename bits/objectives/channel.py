"""What the teacher's message carries, and how much of it the student's view tells: measured, never part of a loss.

For a message z and a student's prediction q of it, H(z) - E[-log q(z)] is a lower bound in bits on the information that
the student's view has of the message, whatever the student is (protocol, "A channel can be dead in two ways"). Summed
over bits, it counts what bits share as often as they share it. Never imports torch when it is imported.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bits.objectives.pairs import pair_mean

if TYPE_CHECKING:
    from torch import Tensor

# Bits (at most 1). Below this mean entropy nearly all images have the same code.
LEAST_CODE_ENTROPY = 0.05
# Bits a bit. Below this the student's view tells next to nothing of the teacher's bits.
LEAST_SENT_PER_BIT = 0.01
# Bits an image, of a message of prototypes. The same for those.
LEAST_SENT_PROTOTYPES = 0.1
# Below this effective rank of the features, a run counts as collapsed. Random initialisations and trained runs are an
# order of magnitude above.
LEAST_EFFECTIVE_RANK = 2.0


@dataclass(frozen=True)
class Channel:
    """How a term's message is measured.

    sums(student_VND, teacher_GND, settings, **state) -> sums over samples by name, of any shape; parts of a batch and
    shares of processes add up. values(means) -> numbers by name. means: the sums, divided by the number of samples.
    names: of the values.
    """

    sums: Callable[..., dict[str, Tensor]]
    values: Callable[[Mapping[str, Tensor]], dict[str, float]]
    names: tuple[str, ...]


def binary_entropy(share: Tensor) -> Tensor:
    """Of Bernoulli variables with these shares of ones, in bits; 0 at shares 0 and 1."""
    share = share.clamp(0, 1)
    return -(share.xlogy(share) + (1 - share).xlogy(1 - share)) / math.log(2)


def bit_sums(student_VND: Tensor, teacher_GND: Tensor) -> dict[str, Tensor]:
    """For each bit, [D]: ones the teacher sends; cross-entropy in nats of the student's logits; wrong signs.

    The teacher's bits are those of Eq. 7, also where the objective has it send probabilities. ones: a mean over the
    teacher's views. The others: means over all pairs of a teacher view and a different student view.
    """
    from torch.nn.functional import softplus

    sent = (teacher_GND > 0).to(teacher_GND.dtype)
    guessed = (student_VND > 0).to(student_VND.dtype)
    return {
        "ones": sent.mean(0).sum(0),
        "cross_entropy": pair_mean(lambda a, z: (softplus(a) - a * z).sum(1), student_VND, sent),
        "wrong": pair_mean(lambda s, z: (s + z - 2 * s * z).sum(1), guessed, sent),
    }


def bit_values(means: Mapping[str, Tensor]) -> dict[str, float]:
    """What a code carries, in bits.

    code_entropy: mean marginal entropy H of the bits. code_cross_entropy: mean over bits of the student's. bits_sent:
    the sum over bits of their difference; bits_sent_per_bit: its mean. bits_sent_by_sign: the sum over bits of H less
    the entropy of a wrong sign (Fano), which needs no calibrated logits. code_length: the number of bits.
    """
    entropy = binary_entropy(means["ones"])
    cross_entropy = means["cross_entropy"] / math.log(2)
    sent = entropy - cross_entropy
    return {
        "code_entropy": float(entropy.mean()),
        "code_cross_entropy": float(cross_entropy.mean()),
        "bits_sent": float(sent.sum()),
        "bits_sent_per_bit": float(sent.mean()),
        "bits_sent_by_sign": float((entropy - binary_entropy(means["wrong"].clamp(max=0.5))).sum()),
        "code_length": float(len(entropy)),
    }


BITS = Channel(
    lambda student, teacher, settings: bit_sums(student, teacher),
    bit_values,
    ("code_entropy", "code_cross_entropy", "bits_sent", "bits_sent_per_bit", "bits_sent_by_sign", "code_length"),
)


def state_of(values: Mapping[str, float]) -> str:
    """How the channel stands, from its values and the features' effective_rank (where given): "live", or why not."""
    if values.get("effective_rank", math.inf) < LEAST_EFFECTIVE_RANK:
        return "collapsed features"
    if "code_entropy" in values:
        if values["code_entropy"] < LEAST_CODE_ENTROPY:
            return "constant codes"
        sent = max(values["bits_sent"], values["bits_sent_by_sign"]) / values["code_length"]
        return "live" if sent >= LEAST_SENT_PER_BIT else "noise codes"
    if "prototype_entropy" in values and values["bits_sent"] < LEAST_SENT_PROTOTYPES:
        constant = values["prototype_entropy"] < LEAST_SENT_PROTOTYPES
        return "constant prototypes" if constant else "uniform prototypes"
    return "live"
