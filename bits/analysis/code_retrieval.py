"""mAP of codes with all and fewer of their bits, and of codes that take no training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from bits.analysis.code_language import chosen_bits
from bits.data.images import ImageSet
from bits.evaluation.intervals import means
from bits.evaluation.ranking.average_precision import AveragePrecision
from bits.evaluation.ranking.hamming import asymmetric_scores, hamming_scores
from bits.evaluation.ranking.relevance import relevance
from bits.evaluation.retrieval import Retrieval, queries_and_gallery

if TYPE_CHECKING:
    from bits.analysis.codes import Codes


class CodeSearch:
    """Searches of a data set's val images by code."""

    def __init__(self, val: ImageSet, settings: Codes) -> None:
        self.val, self.settings = val, settings
        protocol = Retrieval.model_validate({**settings.retrieval.model_dump(), "cutoffs": (), "ties": "expected"})
        self.queries, self.gallery = queries_and_gallery(val, protocol)
        labels, names = val.relevance, val.identities
        self.known = relevance(
            labels[self.queries],
            labels[self.gallery],
            [names[index] for index in self.queries.tolist()],
            [names[index] for index in self.gallery.tolist()],
            labels.device,
        )

    def by_length(self, logits_NB: Tensor) -> dict[str, Any]:
        """ "map_256" and the like: of the first bits, random and chosen ones, and asymmetric; with intervals."""
        codes, whole = logits_NB > 0, self.settings.lengths[0]
        generator = np.random.default_rng(self.settings.seed)
        found: dict[str, Any] = {}
        scores: dict[str, Tensor] = {}
        for length in self.settings.lengths:
            kept = self.kept(length, codes.shape[1])
            scores[f"map_{length}"] = self._hamming(codes[:, :kept]).whole
            scores[f"map_{length}_asymmetric"] = self._asymmetric(logits_NB[:, :kept]).whole
            if length == whole:
                continue
            chosen = torch.from_numpy(chosen_bits(codes.cpu().numpy(), kept))
            scores[f"map_{length}_chosen"] = self._hamming(codes[:, chosen]).whole
            subsets = [
                torch.from_numpy(generator.choice(codes.shape[1], kept, replace=False))
                for _ in range(self.settings.subsets)
            ]
            drawn = [float(self._hamming(codes[:, subset]).whole.mean()) for subset in subsets]
            found[f"map_{length}_random"] = float(np.mean(drawn))
            found[f"map_{length}_deviation"] = float(np.std(drawn, ddof=1)) if len(drawn) > 1 else None
        return {**means({name: _mean(score) for name, score in scores.items()}, scores), **found}

    def whole(self, logits_NB: Tensor) -> dict[str, float]:
        """ "map": with all bits."""
        return {"map": _mean(self._hamming(logits_NB > 0).whole)}

    def projected(self, features_ND: Tensor, bits: int) -> dict[str, Any]:
        """ "map_256_projected" and the like: of the signs of random projections of centred features, as many as the
        code has bits (locality-sensitive hashing)."""
        generator = torch.Generator().manual_seed(self.settings.seed)
        directions = torch.randn(features_ND.shape[1], bits, generator=generator)
        codes = (features_ND - features_ND.mean(dim=0)) @ directions > 0
        scores = {
            f"map_{length}_projected": self._hamming(codes[:, : self.kept(length, bits)]).whole
            for length in self.settings.lengths
        }
        return dict(means({name: _mean(score) for name, score in scores.items()}, scores))

    def kept(self, length: int, bits: int) -> int:
        """How many of a code's bits a length in the paper's count stands for, at least one."""
        return max(round(bits * length / self.settings.lengths[0]), 1)

    def _hamming(self, codes_NB: Tensor) -> AveragePrecision:
        return hamming_scores(codes_NB[self.queries], codes_NB[self.gallery], self.known)

    def _asymmetric(self, logits_NB: Tensor) -> AveragePrecision:
        return asymmetric_scores(logits_NB[self.queries], logits_NB[self.gallery] > 0, self.known)


def _mean(score: Tensor) -> float:
    return min(float(score.mean()), 1.0)
