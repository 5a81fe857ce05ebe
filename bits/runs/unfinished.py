"""What an evaluation that was stopped has measured so far, beside the metrics files, until these are written."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from copy import deepcopy
from functools import cache
from pathlib import Path
from threading import RLock
from typing import Any

from torch import Tensor

from bits.evaluation.intervals import intervals_of, values_of
from bits.evaluation.progress import State
from bits.records.files import sweep
from bits.records.seal import RecordError, read_record, write_record
from bits.training.checkpoint import CheckpointError, read_tensors, write_tensors
from bits.training.log import Progress as ProgressLine

VALUES = "values.json"


def unfinished_folder(output: Path) -> Path:
    """results/<study>/metrics/<id>/<evaluation>.json -> results/<study>/unfinished/<id>/<evaluation>."""
    return output.parents[2] / "unfinished" / output.parent.name / output.stem


class Unfinished:
    """The numbers of evaluators that have finished, and what the one at work can go on from (a Progress).

    key: changes with all that the numbers depend on, computed when something is read or written; what lies in the
    folder under another key is removed. What is new reaches the disk when `minutes` have passed since it last did, and
    with `save`; until then it costs nothing. values, intervals: evaluator -> its numbers, and the intervals of those
    that have one. seconds: spent by earlier processes. source: whose numbers they are, for the progress that is shown.
    beside: sources that were measured at the same time in one process; each then counts for an equal share of the time.
    """

    def __init__(self, folder: Path, key: Callable[[], str], minutes: float, source: str = "") -> None:
        self.folder, self.minutes, self.source = folder, minutes, source
        self._key = cache(key)  # it reads all code that counts, which takes a second
        self._new: dict[str, State] = {}
        self._shown: dict[str, ProgressLine] = {}
        self._lock = RLock()  # of evaluators that are at work side by side
        self._begun = time.monotonic()
        self._since = self._saved = time.monotonic()
        self.values: dict[str, Any] = {}
        self.intervals: dict[str, Any] = {}
        self.seconds = 0.0
        self.beside: list[str] = []
        self._share = 1  # sources among which this process's time is divided
        if folder.is_dir():
            self._read()

    @property
    def seconds_spent(self) -> float:
        """By this process and those before it, without what they lost."""
        return self.seconds + (time.monotonic() - self._since) / self._share

    def measured_beside(self, others: Iterable[str]) -> None:
        """From now on, this process measures other sources, too; its time until now counts for none of them."""
        others = list(others)
        self._since = time.monotonic()
        self._share = 1 + len(others)
        self.beside = sorted({*self.beside, *others})

    def finished(self, evaluator: str, measured: Mapping[str, Any]) -> None:
        """What an evaluator measured is there; what it kept to go on from is no longer needed."""
        with self._lock:
            self.values[evaluator] = values_of(measured)
            self.intervals[evaluator] = intervals_of(measured)
            self._new = {part: state for part, state in self._new.items() if not _is_of(part, evaluator)}
            self._save_if_due()
            for path in self.folder.glob("*.safetensors"):
                if _is_of(path.stem, evaluator):
                    path.unlink()

    def state(self, part: str) -> State | None:
        self._begun = time.monotonic()
        path = self._path(part)
        if not path.is_file():
            return None
        try:
            found = read_tensors(path)
        except CheckpointError as error:
            print(f"warning: {error}; {part} starts from the beginning")
            return None
        return State(found.tensors, found.facts["facts"]) if found.facts.get("key") == self._key() else None

    def keep(self, part: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any], done: int, total: int) -> None:
        if part not in self._shown:
            self._shown[part] = ProgressLine(f"{self.source} {part}", total, done - 1, started=self._begun)
        self._shown[part].show(done, "epochs")
        copies = {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}
        with self._lock:
            self._new[part] = State(copies, deepcopy(dict(facts)))
            self._save_if_due()

    def save(self) -> None:
        """Write what there is; raises CheckpointError or OSError if the disk is full."""
        with self._lock:
            if self.values or self._new:
                self._save()

    def _save(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for part, state in list(self._new.items()):
            write_tensors(self._path(part), state.tensors, {"key": self._key(), "facts": state.facts})
            del self._new[part]
        measured = {"values": self.values, "intervals": self.intervals}
        spent = {"seconds": self.seconds_spent, "beside": self.beside}
        write_record(self.folder / VALUES, {"key": self._key(), **measured, **spent})
        self._saved = time.monotonic()

    def discard(self) -> None:
        """The metrics file is there: remove everything."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):  # of other evaluations, there is more
            self.folder.parent.rmdir()
            self.folder.parent.parent.rmdir()

    def _save_if_due(self) -> None:
        if time.monotonic() - self._saved > 60 * self.minutes:
            self.save()

    def _path(self, part: str) -> Path:
        return self.folder / f"{part}.safetensors"

    def _read(self) -> None:
        sweep(self.folder)
        try:
            found = read_record(self.folder / VALUES, "what an evaluation has measured so far")
        except RecordError as error:
            print(f"note: {error.args[0].partition('. ')[0]}; measured from the beginning")
            found = {}
        if found.get("key") != self._key():
            self.discard()
            return
        self.values, self.intervals = found["values"], found["intervals"]
        self.seconds, self.beside = found["seconds"], found["beside"]
        measured = ", ".join(self.values) or "nothing"
        print(f"{self.folder}: goes on after {self.seconds:.0f} s; measured so far: {measured}")


def _is_of(part: str, evaluator: str) -> bool:
    """Whether a computation is one of the evaluator's (`bits.evaluation.progress.Progress`)."""
    return part == evaluator or part.startswith(f"{evaluator}-")
