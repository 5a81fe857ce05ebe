"""The variance spectrum as an evaluator."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from bits.analysis.spectrum import variance_spectrum
from bits.analysis.variance import EVALUATOR, Variance


@pytest.mark.parametrize(("centred", "normalised"), [(True, False), (False, True)])
def test_it_is_the_spectrum_of_the_val_images(centred: bool, normalised: bool) -> None:
    rows = {"val": torch.randn(30, 5, generator=torch.Generator().manual_seed(0)) + 1}
    subject = SimpleNamespace(features=rows.__getitem__)
    found = EVALUATOR.measure(subject, Variance(centred=centred, normalised=normalised))
    assert found == variance_spectrum(rows["val"], centred=centred, normalised=normalised)
