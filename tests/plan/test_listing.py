"""Lines that fit a terminal."""

from __future__ import annotations

from bits.plan.listing import WIDTH, by_reason, listed


def test_few_subjects_stand_on_one_line_and_many_below_their_reason():
    assert list(listed(["a", "b"], "not there")) == ["  a, b: not there"]
    assert list(listed(["a"], "x" * 200)) == [f"  a: {'x' * 200}"]
    subjects = [f"run-{number} on a data set, or two" for number in range(20)]
    first, *others = listed(subjects, "not there")
    assert first == "  20: not there"
    assert max(map(len, others)) <= WIDTH
    assert [part.strip() for line in others for part in line.split(";") if part.strip()] == subjects


def test_what_has_the_same_reason_is_listed_together():
    assert list(by_reason({"a": "one", "b": "two", "c": "one"})) == ["  a, c: one", "  b: two"]
