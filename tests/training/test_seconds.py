"""A run records the time that it took over all attempts."""

from __future__ import annotations

import pytest


def test_time_adds_up_over_starts(pretraining):
    first = pretraining("bits-fixed")
    first.state.since -= 100  # as if it had worked for that long
    first.state.save()
    second = pretraining("bits-fixed")
    assert second.state.seconds < 50
    assert second.state.resume()
    assert 100 <= second.state.seconds < 150
    second.state.since -= 30
    second.state.step = 1
    second.state.save()
    third = pretraining("bits-fixed")
    assert third.state.resume()
    assert third.state.seconds == pytest.approx(130, abs=20)
