"""Which gallery items are relevant to a query, and which are the query itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bits.evaluation.ranking.similarity import EvaluationError


@dataclass(frozen=True)
class Relevance:
    """Labels and identities of Q queries and G gallery items, on one device.

    query_labels, gallery_labels: int64 [N], equal labels are relevant; or bool [N, K], a shared label is.
    query_codes, gallery_codes: int64 [N], equal codes are the same image; None: no query is in the gallery.
    """

    query_labels: Tensor
    gallery_labels: Tensor
    query_codes: Tensor | None = None
    gallery_codes: Tensor | None = None

    def relevant(self, rows: slice) -> Tensor:
        """bool [q, G]: relevant and not the query itself."""
        query = self.query_labels[rows]
        if query.ndim == 1:
            shared = query[:, None] == self.gallery_labels
        else:
            shared = query.float() @ self.gallery_labels.float().T > 0.5
        same = self.same(rows)
        return shared if same is None else shared & ~same

    def same(self, rows: slice) -> Tensor | None:
        """bool [q, G]: the query itself; None when there are no identities."""
        if self.query_codes is None or self.gallery_codes is None:
            return None
        return self.query_codes[rows][:, None] == self.gallery_codes


def relevance(
    query_labels: Tensor,
    gallery_labels: Tensor,
    query_identities: Sequence[str] | None,
    gallery_identities: Sequence[str] | None,
    device: torch.device,
) -> Relevance:
    """The checked relevance; identities are either given for both sides or for neither.

    Raises EvaluationError when kinds, label counts or lengths don't belong together.
    """
    _check_labels(query_labels, gallery_labels)
    labels = query_labels.to(device), gallery_labels.to(device)
    if query_identities is None and gallery_identities is None:
        return Relevance(*labels)
    if query_identities is None or gallery_identities is None:
        raise EvaluationError("retrieval: give identities for both the queries and the gallery, or for neither")
    for name, identities, of in (
        ("query", query_identities, query_labels),
        ("gallery", gallery_identities, gallery_labels),
    ):
        if len(identities) != len(of):
            raise EvaluationError(f"retrieval: {len(identities)} {name} identities for {len(of)} {name} labels")
    code_of: dict[str, int] = {}
    gallery = [code_of.setdefault(identity, len(code_of)) for identity in gallery_identities]
    query = [code_of.get(identity, -1) for identity in query_identities]
    return Relevance(*labels, torch.tensor(query, device=device), torch.tensor(gallery, device=device))


def _check_labels(query: Tensor, gallery: Tensor) -> None:
    single = all(labels.ndim == 1 and labels.dtype == torch.int64 for labels in (query, gallery))
    multi = all(labels.ndim == 2 and labels.dtype == torch.bool for labels in (query, gallery))
    if not single and not (multi and query.shape[1] == gallery.shape[1]):
        raise EvaluationError(
            "retrieval: expected int64 labels [N] on both sides, or bool [N, K] with one K, got "
            f"{query.dtype} {tuple(query.shape)} and {gallery.dtype} {tuple(gallery.shape)}"
        )
