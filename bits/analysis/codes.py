"""What the binary codes of the evaluation images say, and how well they retrieve (Section 5.5).

The message is the sign of the teacher's logits; the student's head, which learned to predict it, is measured beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator

from bits.config.section import Positive, Section
from bits.evaluation.declaration import Cost, Evaluator, Tokens, Workload
from bits.evaluation.retrieval import Retrieval, pairs
from bits.exhibits.metrics import Metric

if TYPE_CHECKING:
    from bits.evaluation.subject import Subject


class CodeRetrieval(Section):
    """Which images are searched for which; `ties` and `cutoffs` are those of rankings by code."""

    protocol: Literal["query-gallery", "each-against-all", "sampled-queries"]  # as those of retrieval
    queries_per_class: Positive  # of query-gallery
    queries: Positive | None = None  # of sampled-queries, in all
    seed: int  # of the split into queries and gallery


class Codes(Section):
    """Of which codes, and how many of their bits."""

    model: Literal["teacher", "student"]  # whose backbone and head send them
    # bits that are kept, the whole code first, in the paper's count; a scale with a share of its bits keeps that share
    lengths: tuple[Positive, ...] = Field(min_length=1)
    subsets: Positive  # random choices of bits for every length but the first
    blocks: Positive  # random blocks of eight bits, for the total correlation
    seed: int  # of all random choices
    retrieval: CodeRetrieval  # which images are searched for which

    @field_validator("lengths")
    @classmethod
    def _whole_code_first(cls, lengths: tuple[int, ...]) -> tuple[int, ...]:
        if list(lengths) != sorted(set(lengths), reverse=True):
            raise ValueError(f"lengths = {list(lengths)}: expected each once, the whole code first, then fewer")
        return lengths


def measure(subject: Subject, settings: Codes) -> dict[str, Any]:
    """Entropies of the codes, what their bits share, and mAP with all and fewer bits; see EVALUATOR's metrics."""
    from bits.analysis.code_language import language
    from bits.analysis.code_retrieval import CodeSearch

    other: Literal["teacher", "student"] = "student" if settings.model == "teacher" else "teacher"
    search = CodeSearch(subject.val, settings)
    logits = subject.codes("val", settings.model)
    found = {**language(logits > 0, settings), **search.by_length(logits)}
    beside = subject.codes("val", other)
    found |= {f"other_{name}": value for name, value in search.whole(beside).items()}
    found |= {f"other_{name}": value for name, value in language(beside > 0, settings, briefly=True).items()}
    return found | search.projected(subject.features("val"), logits.shape[1])


def cost(load: Workload, settings: Codes) -> Cost:
    shorter = len(settings.lengths) - 1
    searches = 3 * len(settings.lengths) + shorter * (1 + settings.subsets) + 1
    once = pairs(load, Retrieval.model_validate({**settings.retrieval.model_dump(), "cutoffs": (), "ties": "expected"}))
    # Codes are as long as features are wide, within a factor of a few; the other head's backbone sees every image.
    return Cost(passes=load.val, flops={"ranking": 2.0 * load.width * once * searches})


_ENTROPY = {"unit": "bits", "direction": "higher", "decimals": 3}
_SHARED = {"unit": "bits", "direction": "lower", "decimals": 4}
_MAP = {"unit": "%", "direction": "higher"}

EVALUATOR = Evaluator(
    name="codes",
    settings=Codes,
    needs=("codes", "features"),
    metrics={
        "code_length": Metric(label="number of bits", unit="count", direction="higher", decimals=0),
        "marginal_entropy": Metric(label="mean entropy of a bit", **_ENTROPY),
        "block_entropy": Metric(label="mean entropy of contiguous 8-bit blocks", **_ENTROPY),
        "block_entropy_corrected": Metric(label="the same, corrected for few images (Miller-Madow)", **_ENTROPY),
        "mutual_information": Metric(label="mean mutual information of two bits", **_SHARED),
        "mutual_information_shuffled": Metric(label="the same of bits that are shuffled over images", **_SHARED),
        "total_correlation": Metric(label="mean total correlation of random 8-bit blocks", **_SHARED),
        "total_correlation_shuffled": Metric(label="the same of bits that are shuffled over images", **_SHARED),
        "map_{bits}": Metric(label="code mAP, {bits} bits (the first)", **_MAP),
        "map_{bits}_random": Metric(label="code mAP, {bits} bits, mean over random choices", **_MAP),
        "map_{bits}_deviation": Metric(
            label="standard deviation of code mAP over random choices of {bits} bits", unit="%", direction="lower"
        ),
        "map_{bits}_chosen": Metric(label="code mAP, {bits} bits chosen for entropy and little in common", **_MAP),
        "map_{bits}_asymmetric": Metric(label="code mAP, {bits} bits, a query's probabilities", **_MAP),
        "map_{bits}_projected": Metric(label="mAP of {bits} signs of random projections of the embedding", **_MAP),
        "other_marginal_entropy": Metric(label="mean entropy of a bit of the other head", **_ENTROPY),
        "other_block_entropy": Metric(label="mean entropy of 8-bit blocks of the other head", **_ENTROPY),
        "other_map": Metric(label="code mAP of the other head, all bits", **_MAP),
    },
    measure=measure,
    tokens=lambda settings, backbone: Tokens(),
    cost=cost,
)
