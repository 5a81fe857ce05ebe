"""The features of one batch are made once for all that ask."""

from __future__ import annotations

import pytest
import torch

from bits.runs.last_pass import LastPass


def test_features_of_the_same_views_are_made_once_each_way() -> None:
    passes, made = LastPass(), []

    def features(views: torch.Tensor, how: str) -> torch.Tensor:
        return passes.features(views, how, lambda: made.append(how) or views + len(made))

    views = torch.zeros(2)
    first, again = features(views, "bfloat16"), features(views, "bfloat16")
    assert first is again and made == ["bfloat16"]
    assert features(views, "float32") is not first
    assert features(torch.zeros(2), "bfloat16") is not first, "equal, but another batch"
    assert made == ["bfloat16", "float32", "bfloat16"]


def test_an_error_is_that_of_all_who_want_the_batch() -> None:
    passes, views, tries = LastPass(), torch.zeros(2), []

    def failing() -> torch.Tensor:
        tries.append(1)
        raise RuntimeError("out of memory")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="out of memory"):
            passes.features(views, "float32", failing)
    assert len(tries) == 1
    assert passes.features(torch.ones(2), "float32", lambda: views) is views
