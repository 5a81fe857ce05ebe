"""The workflow as a user has it: a copy of the project, which tests may edit, and real snakemake calls in it."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bits.plan import Plan, Run, read_plan
from bits.records.code import ROOT
from bits.records.code_facts import PLACE
from bits.records.files import replacing

Done = subprocess.CompletedProcess[str]
KEPT = PLACE.relative_to(ROOT)  # of what files of code mean
NOT_OF_A_CLONE = shutil.ignore_patterns("local.yaml")  # compiled code fits the copies, which keep their dates


@dataclass(frozen=True)
class Project:
    """A copy of what a clone holds, and calls in it."""

    folder: Path

    def call(self, module: str, *words: str, timeout: float = 1500) -> Done:
        # Compiled code is kept: without it every call compiles all of Snakemake anew, as long as the call itself takes.
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPATH": ""}
        command = [sys.executable, "-m", module, *words]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=timeout
        )

    def says(self, script: str) -> Any:
        """What a Python script prints as JSON when it runs in the project, with the modules that are added there."""
        (self.folder / "script.py").write_text(script)
        done = self.call("script")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def snakemake(self, *words: str) -> Done:
        return self.call("snakemake", "--cores", "2", *words)

    def made(self, *words: str) -> Done:
        """A call that must work."""
        done = self.snakemake(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def jobs(self, *words: str) -> dict[str, int]:
        """The job counts of a dry run, by rule; the target that only gathers is left out."""
        shown = self.made("-n", *words)
        text = shown.stdout + shown.stderr
        rows = text.split("Job stats:")[1].splitlines()[3:] if "Job stats:" in text else []
        counts: dict[str, int] = {}
        for row in rows:
            words_ = row.split()
            if len(words_) != 2 or not words_[1].isdigit():
                break
            counts[words_[0]] = int(words_[1])
        return {rule: count for rule, count in counts.items() if rule not in ("all", "total")}

    def trained(self, *words: str) -> set[str]:
        """The ids of the runs that a dry run would train."""
        shown = self.made("-n", *words)
        return set(re.findall(r"^Job \d+: (?:Pretrain|Fine-tune) (\S+)$", shown.stdout + shown.stderr, re.MULTILINE))

    def plan(self, scale: str = "smoke") -> Plan:
        return read_plan(self.folder / f"results/{scale}/plan.json")

    def run(self, name: str) -> Run:
        """The run of that name, of which there is one seed."""
        plan = self.plan()
        (identity,) = plan.sources[name]
        return plan.runs[identity]

    @contextmanager
    def edited(self, file: str, old: str, new: str) -> Iterator[None]:
        """While inside, `old` is `new` in a file."""
        path = self.folder / file
        text = path.read_text()
        assert old in text, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new, 1))
        try:
            yield
        finally:
            path.write_text(text)


def copy_of_project(folder: Path) -> Project:
    for name in ("Snakefile", "workflow", "bits", "config", "profiles", "slurm"):
        source = ROOT / name
        if source.is_dir():
            shutil.rmtree(folder / name, ignore_errors=True)
            (folder / name).unlink(missing_ok=True)
            shutil.copytree(source, folder / name, symlinks=True, ignore=NOT_OF_A_CLONE)
        else:
            shutil.copy(source, folder / name)
    return Project(folder)


@pytest.fixture(scope="session")
def of_all(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of a test run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture
def project(tmp_path: Path, of_all: Path) -> Iterator[Project]:
    """A fresh clone, so to say, but for what files of code mean, which follows from their content (1.2 s to find)."""
    known, facts = of_all / KEPT.name, tmp_path / KEPT
    project = copy_of_project(tmp_path)
    if known.is_file():
        facts.parent.mkdir()
        shutil.copy(known, facts)
    yield project
    if facts.is_file() and not known.is_file():
        with replacing(known) as temporary:
            shutil.copy(facts, temporary)


@pytest.fixture(scope="session")
def pristine(of_all: Path) -> Project:
    """A project with everything of scale smoke, for copies alone: all workers share it.

    The first worker that asks makes it, the others wait. BITS_TEST_BUILT names a folder to keep it in, which spares
    whoever works on these tests most of the build.
    """
    kept, made = Path(os.environ.get("BITS_TEST_BUILT") or of_all / "pristine"), of_all / "pristine.made"
    kept.mkdir(parents=True, exist_ok=True)
    with (of_all / "pristine.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            copy_of_project(kept).made("--config", "scale=smoke")
            made.touch()
    return Project(kept)


@pytest.fixture(scope="session")
def built(pristine: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """This worker's project with everything of scale smoke. Tests leave it as it was, but for dates."""
    return Project(Path(shutil.copytree(pristine.folder, tmp_path_factory.mktemp("built") / "project", symlinks=True)))
