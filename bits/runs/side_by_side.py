"""Evaluators that train on the same augmented images, side by side: each image is decoded and cut once for all of them,
and passes once through the backbone of each source.

What is measured is the same either way, and so is what an evaluator that is stopped goes on from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Thread
from typing import Any

from torch import Tensor

from bits.config.site import Site
from bits.data.workers import decoding_threads
from bits.evaluation.declaration import evaluators
from bits.evaluation.progress import Progress, State
from bits.runs.crops import Crop, TrainingCrops
from bits.runs.last_pass import LastPass
from bits.runs.lockstep import LeftBehind, LockStep
from bits.runs.subject import SourceOnData
from bits.runs.unfinished import Unfinished
from bits.training.interrupt import Now, StopRequest


@dataclass(frozen=True, order=True)
class Epoch:
    """One pass over all training images; the lower number comes first."""

    number: int
    order: str
    crops: TrainingCrops = field(compare=False)

    @classmethod
    def of(cls, crops: TrainingCrops, number: int) -> Epoch:
        return cls(number, repr(crops), crops)


@dataclass(frozen=True)
class Member:
    """One source on the data set that all share. wanted: the evaluators that pass over its images and that it lacks."""

    subject: SourceOnData
    unfinished: Unfinished
    wanted: tuple[str, ...]


class SideBySide:
    """Every evaluator of every member, a thread each. failed: source -> why, once they have ended."""

    def __init__(self, members: Sequence[Member], site: Site) -> None:
        self._members = members
        threads = sum(len(member.wanted) for member in members)
        self._steps: LockStep[Epoch, Crop] = LockStep(threads, partial(_epoch, members[0].subject, site))
        self.failed: dict[str, BaseException] = {}

    def run(self, request: StopRequest) -> bool:
        """Measure them all; whether a signal stopped them. What had been measured by then is in each `unfinished`."""
        threads = list(self._threads())
        for thread in threads:
            thread.start()
        try:
            with request.at_once():
                for thread in threads:
                    thread.join()
        except Now:
            return True
        finally:
            self._steps.stop()
            for thread in threads:
                thread.join()
        return False

    def _threads(self) -> Iterator[Thread]:
        place = 0
        for member in self._members:
            last_pass = LastPass()
            for name in member.wanted:
                yield Thread(
                    target=self._measure,
                    args=(place, member, name, last_pass),
                    name=f"{member.subject.source} {name}",
                )
                place += 1

    def _measure(self, place: int, member: Member, name: str, last_pass: LastPass) -> None:
        subject = replace(
            member.subject,
            shared_crops=self._shared_crops(place, len(member.subject.train)),
            last_pass=last_pass,
            progress=UntilStopped(member.unfinished, self._steps),
        )
        asked = subject.extraction.settings.evaluators()
        try:
            member.unfinished.finished(name, evaluators()[name].measure(subject, asked[name]))
        except LeftBehind:
            pass
        except BaseException as error:  # is raised when the others have ended
            self.failed[subject.source] = error
        finally:
            self._steps.leave(place)

    def _shared_crops(self, place: int, images: int) -> Callable[[TrainingCrops, int], Iterable[Crop]]:
        def epoch(crops: TrainingCrops, number: int) -> Iterable[Crop]:
            return self._steps.sequence(place, Epoch.of(crops, number), crops.batches(images))

        return epoch


@dataclass(frozen=True)
class UntilStopped:
    """A Progress that ends an evaluator's thread at the next thing that it keeps, once the work is stopped."""

    progress: Progress
    steps: LockStep[Any, Any]

    def state(self, part: str) -> State | None:
        return self.progress.state(part)

    def keep(self, part: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any], done: int, total: int) -> None:
        self.progress.keep(part, tensors, facts, done, total)
        if self.steps.stopped:
            raise LeftBehind


def _epoch(subject: SourceOnData, site: Site, epoch: Epoch) -> Iterator[Crop]:
    return epoch.crops.epoch(epoch.number, subject.train, subject.device, decoding_threads(site))
