"""Threads that share batches: each is made once, everyone gets all of theirs, and nobody waits for ever."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pytest

from bits.runs.lockstep import LeftBehind, LockStep

PATIENCE = 30  # seconds, after which a thread counts as stuck
LENGTH = 5


class Counting:
    """Sequences of (key, position); counts what is made, and what is closed."""

    def __init__(self, broken: tuple[int, int] | None = None) -> None:
        self.broken, self.opened, self.made, self.closed = broken, [], [], []  # type: ignore[var-annotated]

    def __call__(self, key: int) -> Iterator[tuple[int, int]]:
        self.opened.append(key)
        try:
            for position in range(LENGTH):
                if (key, position) == self.broken:
                    raise ValueError("image 7 is broken")
                self.made.append((key, position))
                yield key, position
        finally:
            self.closed.append(key)


def together(steps: LockStep, *members: Callable[[int], Any]) -> list[Any]:
    """What each member returns, or what it raised."""
    found: list[Any] = [None] * len(members)

    def work(number: int) -> None:
        try:
            found[number] = members[number](number)
        except BaseException as error:
            found[number] = error
        finally:
            steps.leave(number)

    threads = [Thread(target=work, args=(number,), daemon=True) for number in range(len(members))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive(), "a member waits for ever"
    return found


def epochs(steps: LockStep, first: int, last: int, pause: float = 0.0) -> Callable[[int], list[Any]]:
    """A member that goes through the epochs first to last - 1."""

    def member(number: int) -> list[Any]:
        found = []
        for epoch in range(first, last):
            for batch in steps.sequence(number, epoch, LENGTH):
                found.append(batch)
                time.sleep(pause)
        return found

    return member


def batches(first: int, last: int) -> list[tuple[int, int]]:
    return [(epoch, position) for epoch in range(first, last) for position in range(LENGTH)]


def test_every_batch_is_made_once_and_given_to_all() -> None:
    source = Counting()
    steps: LockStep = LockStep(3, source)
    members = [epochs(steps, 0, 4), epochs(steps, 0, 4, 0.001), epochs(steps, 0, 4)]
    assert together(steps, *members) == [batches(0, 4)] * 3
    assert source.made == batches(0, 4)
    assert source.closed == source.opened == [0, 1, 2, 3], "no decoding thread is left behind"
    assert steps.made == 4 * LENGTH


def test_members_that_are_ahead_wait_for_the_others() -> None:
    source = Counting()
    steps: LockStep = LockStep(3, source)
    found = together(steps, epochs(steps, 2, 4), epochs(steps, 0, 4), epochs(steps, 3, 4))
    assert found == [batches(2, 4), batches(0, 4), batches(3, 4)]
    assert source.made == batches(0, 4)


def test_a_member_that_ends_early_stops_nobody() -> None:
    source = Counting()
    steps: LockStep = LockStep(3, source)

    def fails(number: int) -> None:
        for batch in steps.sequence(number, 0, LENGTH):
            if batch == (0, 2):
                raise RuntimeError("diverged")

    failed, whole, nothing = together(steps, fails, epochs(steps, 0, 2), lambda _: None)
    assert str(failed) == "diverged"
    assert whole == batches(0, 2)
    assert nothing is None
    assert source.made == batches(0, 2)


def test_an_error_in_a_batch_reaches_all_that_wanted_it() -> None:
    source = Counting(broken=(1, 3))
    steps: LockStep = LockStep(2, source)
    found = together(steps, epochs(steps, 0, 2), epochs(steps, 0, 2))
    assert [type(error) for error in found] == [ValueError, ValueError]
    assert source.made == batches(0, 1) + batches(1, 2)[:3]
    assert source.closed == source.opened


def test_stopping_frees_everyone_and_closes_what_is_open() -> None:
    source = Counting()
    steps: LockStep = LockStep(2, source)

    def stops(number: int) -> None:
        for batch in steps.sequence(number, 0, LENGTH):
            if batch == (0, 1):
                steps.stop()

    found = together(steps, stops, epochs(steps, 0, 9))
    assert [type(error) for error in found] == [LeftBehind, LeftBehind]
    assert source.made == batches(0, 1)[:2]
    assert source.closed == [0]


def test_a_sequence_can_be_asked_for_again() -> None:
    source = Counting()
    steps: LockStep = LockStep(1, source)
    again = together(steps, lambda number: epochs(steps, 0, 1)(number) + epochs(steps, 0, 1)(number))
    assert again == [batches(0, 1) * 2]


@pytest.mark.parametrize("seed", range(5))
def test_any_timing_gives_the_same(seed: int) -> None:
    import random

    draw = random.Random(seed)
    source = Counting()
    steps: LockStep = LockStep(4, source)
    starts = [draw.randrange(4) for _ in range(4)]
    found = together(steps, *[epochs(steps, start, 5, draw.random() * 0.002) for start in starts])
    assert found == [batches(start, 5) for start in starts]
    assert source.made == batches(min(starts), 5)
