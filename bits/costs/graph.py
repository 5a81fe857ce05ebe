"""The jobs of a plan, what each waits for, and which are done: the workflow's graph, without its costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Work:
    """One job. needs: ids of the jobs before it. run: the id of the run that it trains or evaluates, or of one
    whose backbone its references share. sources: what it evaluates, id -> name. keys: of the predictions that it has.
    """

    id: str
    kind: str  # data, pretraining, finetuning, evaluation, references, rendering
    needs: tuple[str, ...]
    done: bool
    role: str = ""
    run: str = ""
    sources: tuple[tuple[str, str], ...] = ()
    keys: tuple[str, ...] = ()


class Graph:
    """Every job that makes a metrics file of the plan, by id."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self.plan = plan
        self.works: dict[str, Work] = {}
        self.makers: dict[str, str] = {}  # metrics file -> id of the job that makes it
        for role, dataset in plan["datasets"].items():
            if dataset["kind"] == "scenes":
                root = plan["roots"][role]
                self._add(Work(f"data/{root}", "data", (), Path(root).exists(), role), [])
        for run in plan["runs"].values():
            self._add_training(run)
        for identity in plan["runs"]:
            for role, path in _evaluations(plan, identity):
                needs = (f"train/{identity}", *self._data(role))
                self._add_evaluation("evaluation", f"evaluate/{_key(path)}", needs, identity, role, {identity: path})
        for job in plan["reference_jobs"]:
            run = next(run["id"] for run in plan["runs"].values() if run["config"] == job["config"])
            role, name = plan["evaluations"][job["evaluation"]]["role"], f"{job['evaluation']}/{job['seed']}"
            self._add_evaluation("references", f"references/{name}", self._data(role), run, role, job["files"])

    def _add_training(self, run: Mapping[str, Any]) -> None:
        start = (f"train/{run['start']}",) if run["start"] else ()
        needs = (*start, *self._data(run["role"]))
        done = Path(run["outcome"]).is_file()
        work = Work(f"train/{run['id']}", run["kind"], needs, done, run["role"], run["id"], keys=(run["id"],))
        self._add(work, [run["curve"]])

    def _add_evaluation(
        self, kind: str, name: str, needs: tuple[str, ...], run: str, role: str, files: Mapping[str, str]
    ) -> None:
        names = {**self.plan["runs"], **self.plan["references"]}
        sources = tuple((identity, names[identity]["name"]) for identity in files)
        done = all(Path(path).is_file() for path in files.values())
        keys = tuple(_key(path) for path in files.values())
        self._add(Work(name, kind, needs, done, role, run, sources, keys), files.values())

    def _add(self, work: Work, files: Iterable[str]) -> None:
        self.works[work.id] = work
        self.makers |= dict.fromkeys(files, work.id)

    def _data(self, role: str) -> tuple[str, ...]:
        job = f"data/{self.plan['roots'][role]}"
        return (job,) if job in self.works else ()

    def before(self, files: Iterable[str], skip_done: bool = True) -> set[str]:
        """Ids of all jobs that have to be made for some metrics files; a done one asks for nothing before it."""
        found: set[str] = set()
        waiting = [self.makers[path] for path in files]
        while waiting:
            identity = waiting.pop()
            if identity not in found:
                found.add(identity)
                done = skip_done and self.works[identity].done
                waiting += () if done else self.works[identity].needs
        return found


def _evaluations(plan: Mapping[str, Any], identity: str) -> list[tuple[str, str]]:
    return [(role, path) for role, path in plan["metrics"][identity].items() if role != "training"]


def _key(path: str) -> str:
    """results/<scale>/metrics/<id>/<role>-<digest>.json -> <id>/<role>-<digest>."""
    return str(Path(Path(path).parent.name) / Path(path).stem)
