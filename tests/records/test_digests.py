"""Digests of values."""

from __future__ import annotations

import pytest

from bits.records.digests import digest


def test_digest_ignores_key_order_and_kind_of_number():
    assert digest({"a": 1, "b": [1.0, 2]}) == digest({"b": [1, 2.0], "a": 1.0})
    assert digest({"a": 1}) != digest({"a": 1.5})
    with pytest.raises(ValueError):
        digest({"a": float("nan")})
