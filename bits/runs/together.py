"""Probe several runs side by side on crops that are decoded and cut once for all of them.

A probe passes over its training images a hundred times, and decoding them costs more than a backbone's pass. What is
measured here lies where the evaluations of the runs go on from it: their numbers are the same either way.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Thread

from bits.config.site import Site
from bits.data.images import ImageSet
from bits.data.workers import decoding_threads
from bits.evaluation.declaration import evaluators
from bits.plan.model import Plan
from bits.plan.passes import SharedPass, run_beside
from bits.plan.runs import read_frozen_run
from bits.runs.crops import Crop, TrainingCrops
from bits.runs.evaluate import DataSetEvaluation, FrozenEvaluation, Splits
from bits.runs.lockstep import LeftBehind, LockStep
from bits.runs.subject import SourceOnData
from bits.runs.unfinished import Unfinished
from bits.training.interrupt import Now, StopRequest, stop_requests


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
    """One source that is probed. wanted: the evaluators that it still lacks."""

    subject: SourceOnData
    unfinished: Unfinished
    wanted: tuple[str, ...]


class ProbesTogether:
    """The sources of one shared pass that have not been measured yet."""

    def __init__(self, plan: Plan, shared: SharedPass, site: Site) -> None:
        self.plan, self.shared, self.site = plan, shared, site
        self.failed: dict[str, BaseException] = {}

    def run(self) -> int:
        """Returns the exit code: 0, or 128 + signal when stopped; what was measured by then is kept.

        An error of one source stops none of the others; it is raised at the end.
        """
        with stop_requests() as request:
            members = list(self._members())
            if not members:
                print(f"{self.shared.name}: nothing is left to measure")
                return 0
            names = ", ".join(member.subject.source for member in members)
            print(f"{self.shared.name}: {names}, side by side", flush=True)
            for member in members:
                member.unfinished.measured_beside(one.subject.source for one in members if one is not member)
            steps = LockStep(len(members), partial(_epoch, members[0].subject, self.site))
            stopped = self._probed(members, steps, request)
            for member in members:
                member.unfinished.save()
        if stopped:
            return request.told()
        for source, error in self.failed.items():
            print(f"{source}: {type(error).__name__}: {error}", file=sys.stderr)
        if self.failed:
            raise next(iter(self.failed.values()))
        return 0

    def _members(self) -> Iterator[Member]:
        """Those whose metrics file is not there yet, and which lack a probe."""
        images: Splits | None = None
        for identity, path in self.shared.files.items():
            if path.is_file():
                continue
            measuring = self._measuring(identity, path, images)
            images = measuring.images
            subject, unfinished = measuring.begin(self.plan.source(identity).name, path)
            wanted = tuple(name for name in self.shared.evaluators if name not in unfinished.values)
            if wanted and not measuring.diverged_beyond_measure(subject):
                yield Member(subject, unfinished, wanted)

    def _measuring(self, identity: str, path: Path, images: Splits | None) -> DataSetEvaluation:
        run = run_beside(self.plan, identity)
        _, _, recipe = read_frozen_run(run.config)
        evaluation = FrozenEvaluation.read(self.plan.evaluation_file(path.stem))
        return DataSetEvaluation(run.folder, recipe, evaluation, self.site, images)

    def _probed(self, members: list[Member], steps: LockStep[Epoch, Crop], request: StopRequest) -> bool:
        """Probe them all, a thread each; whether a signal stopped them."""
        threads = [
            Thread(target=self._probe, args=(number, member, steps), name=member.subject.source)
            for number, member in enumerate(members)
        ]
        for thread in threads:
            thread.start()
        try:
            with request.at_once():
                for thread in threads:
                    thread.join()
        except Now:
            return True
        finally:
            steps.stop()
            for thread in threads:
                thread.join()
        return False

    def _probe(self, number: int, member: Member, steps: LockStep[Epoch, Crop]) -> None:
        subject = replace(member.subject, shared_crops=_shared(steps, number, member.subject.train))
        asked, known = subject.extraction.settings.evaluators(), evaluators()
        try:
            for name in member.wanted:
                member.unfinished.finished(name, known[name].measure(subject, asked[name]))
        except LeftBehind:
            pass
        except BaseException as error:  # is raised when the others have ended
            self.failed[subject.source] = error
        finally:
            steps.leave(number)


def _epoch(subject: SourceOnData, site: Site, epoch: Epoch) -> Iterator[Crop]:
    return epoch.crops.epoch(epoch.number, subject.train, subject.device, decoding_threads(site))


def _shared(
    steps: LockStep[Epoch, Crop], member: int, images: ImageSet
) -> Callable[[TrainingCrops, int], Iterable[Crop]]:
    def epoch(crops: TrainingCrops, number: int) -> Iterable[Crop]:
        return steps.sequence(member, Epoch.of(crops, number), crops.batches(len(images)))

    return epoch
