"""Threads that go through the same batches side by side: each batch is made once and given to all of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from threading import Condition
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")


class LeftBehind(BaseException):
    """Raised in the threads when the work is stopped; what they had done by then is theirs to keep."""


class LockStep(Generic[Key, Item]):
    """Sequences of batches that `members` threads ask for.

    When every member waits, the earliest batch that any of them wants is made, in the thread that asked last, and given
    to all that want it. So members at the same place share every batch, and one that is further ahead, because an
    earlier process left it there, waits for the others.

    open_sequence(key): its batches from the first. A sequence is asked for from its start to its end, sequences in
    the order of their keys.
    """

    def __init__(self, members: int, open_sequence: Callable[[Key], Iterator[Item]]) -> None:
        self._members = members
        self._open_sequence = open_sequence
        self._open: dict[Key, tuple[Iterator[Item], int]] = {}  # and the position that comes next
        self._wanted: dict[int, tuple[Key, int, int]] = {}  # position, and length of the sequence
        self._given: dict[int, Item | BaseException] = {}
        self._changed = Condition()
        self._stopped = False
        self.made = 0  # batches

    def sequence(self, member: int, key: Key, length: int) -> Iterator[Item]:
        """The `length` batches of a sequence, for one member. Raises what making them raised; LeftBehind."""
        for position in range(length):
            yield self._next(member, key, position, length)

    def leave(self, member: int) -> None:
        """The member has ended, well or not, and wants nothing more."""
        with self._changed:
            self._members -= 1
            self._wanted.pop(member, None)
            self._serve()

    @property
    def stopped(self) -> bool:
        return self._stopped

    def stop(self) -> None:
        """Raise LeftBehind in every member that waits or asks for a batch, and close all sequences."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            for sequence, _ in self._open.values():
                _close(sequence)
            self._open.clear()

    def _next(self, member: int, key: Key, position: int, length: int) -> Item:
        with self._changed:
            self._wanted[member] = (key, position, length)
            self._serve()
            self._changed.wait_for(lambda: member in self._given or self._stopped)
            if member not in self._given:
                raise LeftBehind
            found = self._given.pop(member)
        if isinstance(found, BaseException):
            raise found
        return found

    def _serve(self) -> None:
        """Make the earliest batch, if everyone waits for one."""
        if self._stopped or not self._wanted or len(self._wanted) < self._members:
            return
        turn = min(self._wanted.values())
        found: Item | BaseException
        try:
            found = self._made(*turn)
        except BaseException as error:
            found = error
        for member in [member for member, wanted in self._wanted.items() if wanted == turn]:
            self._given[member] = found
            del self._wanted[member]
        self._changed.notify_all()

    def _made(self, key: Key, position: int, length: int) -> Item:
        if position == 0:
            if key in self._open:  # someone comes to it again
                _close(self._open[key][0])
            self._open[key] = (self._open_sequence(key), 0)
        sequence, there = self._open.pop(key)
        assert there == position, f"{key}: batch {position} is wanted, and {there} comes next"
        item = next(sequence)
        if position + 1 < length:
            self._open[key] = (sequence, position + 1)
        else:
            _close(sequence)
        self.made += 1
        return item


def _close(sequence: Iterator[object]) -> None:
    with suppress(AttributeError):
        sequence.close()  # type: ignore[attr-defined]
