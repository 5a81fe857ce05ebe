"""What came of the batch that went through a backbone last, for all evaluators that want it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock

from torch import Tensor


class LastPass:
    """The features of one batch of views, made by whoever asks first; an error is everyone's, too.

    One batch is enough where evaluators go through the batches in step (`bits.runs.lockstep`).
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._views: Tensor | None = None
        self._found: dict[Hashable, Tensor | BaseException] = {}

    def features(self, views: Tensor, how: Hashable, extract: Callable[[], Tensor]) -> Tensor:
        """extract(), unless these very views were passed in that way before. how: tokens and precision."""
        with self._lock:
            if self._views is not views:
                self._views, self._found = views, {}
            if how not in self._found:
                try:
                    self._found[how] = extract()
                except BaseException as error:
                    self._found[how] = error
            found = self._found[how]
        if isinstance(found, BaseException):
            raise found
        return found
