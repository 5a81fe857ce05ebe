"""The jobs of a plan, what each waits for, and which are done: the workflow's graph, without its costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bits.data.kind import kind_of
from bits.plan import Plan, Run

Kind = Literal["data", "pretraining", "finetuning", "import", "evaluation", "references", "rendering"]
TRAININGS: tuple[Kind, ...] = ("pretraining", "finetuning")
EVALUATIONS: tuple[Kind, ...] = ("evaluation", "references")


@dataclass(frozen=True)
class Work:
    """One job.

    needs: ids of the jobs before it. run: id of the run or import that it makes or evaluates, or of the run whose
    backbone its references share. evaluation: its name in the plan. sources: names of what it evaluates. keys: of the
    predictions that it has, for an evaluation one a source, in their order.
    """

    id: str
    kind: Kind
    needs: tuple[str, ...]
    done: bool
    role: str = ""
    run: str = ""
    evaluation: str = ""
    sources: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


class Graph:
    """Every job that makes a metrics file of the plan, by id. makers: metrics file -> id of the job that makes it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.works: dict[str, Work] = {}
        self.makers: dict[Path, str] = {}
        self._add_data()
        for run in plan.runs.values():
            self._add_training(run)
        for one in plan.imports.values():
            self._add(Work(f"import/{one.id}", "import", (), one.provenance.is_file(), run=one.id), [])
        for run in plan.runs.values():
            self._add_evaluations(run.id, f"train/{run.id}")
        for one in plan.imports.values():
            self._add_evaluations(one.id, f"import/{one.id}")
        self._add_references()

    def _add_data(self) -> None:
        for role, dataset in self.plan.datasets.items():
            if kind_of(dataset).prepare is not None:
                root = self.plan.roots[role]
                self._add(Work(f"data/{root}", "data", (), Path(root).exists(), role), [])

    def _add_training(self, run: Run) -> None:
        start = (f"train/{run.start}",) if run.start else ()
        needs = (*start, *self._data(run.role))
        done = run.outcome.is_file()
        self._add(Work(f"train/{run.id}", run.kind, needs, done, run.role, run.id, keys=(run.id,)), [run.curve])

    def _add_evaluations(self, identity: str, made_by: str) -> None:
        for path in self.plan.evaluation_files(identity).values():
            needs = (made_by, *self._data(self.plan.of_metrics(path).role))
            self._add_evaluation("evaluation", f"evaluate/{_key(path)}", needs, identity, {identity: path})

    def _add_references(self) -> None:
        for job in self.plan.reference_jobs:
            needs = self._data(self.plan.evaluations[job.evaluation].role)
            self._add_evaluation("references", f"references/{job.evaluation}/{job.seed}", needs, job.run, job.files)

    def _add_evaluation(
        self, kind: Kind, name: str, needs: tuple[str, ...], run: str, files: Mapping[str, Path]
    ) -> None:
        evaluation = self.plan.of_metrics(next(iter(files.values())))
        work = Work(
            id=name,
            kind=kind,
            needs=needs,
            done=all(path.is_file() for path in files.values()),
            role=evaluation.role,
            run=run,
            evaluation=evaluation.name,
            sources=tuple(self.plan.source(identity).name for identity in files),
            keys=tuple(_key(path) for path in files.values()),
        )
        self._add(work, files.values())

    def _add(self, work: Work, files: Iterable[Path]) -> None:
        self.works[work.id] = work
        self.makers |= dict.fromkeys(files, work.id)

    def _data(self, role: str) -> tuple[str, ...]:
        job = f"data/{self.plan.roots[role]}"
        return (job,) if job in self.works else ()

    def before(self, files: Iterable[Path]) -> set[str]:
        """Ids of all jobs behind some metrics files; one that is done asks for nothing before it."""
        found: set[str] = set()
        waiting = [self.makers[path] for path in files]
        while waiting:
            identity = waiting.pop()
            if identity not in found:
                found.add(identity)
                waiting += () if self.works[identity].done else self.works[identity].needs
        return found

    def left(self, files: Iterable[Path]) -> list[Work]:
        """The jobs that have still to be done for some metrics files, in the plan's order."""
        names = self.before(files)
        return [work for name, work in self.works.items() if name in names and not work.done]


def _key(path: Path) -> str:
    """results/<study>/metrics/<id>/<role>-<digest>.json -> <id>/<role>-<digest>."""
    return f"{path.parent.name}/{path.stem}"
