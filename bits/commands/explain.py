"""What would run, and why, in plain words.

    python -m bits.commands.explain [targets ...] [--config scale=demo ...]

Takes what snakemake takes, asks it for a dry run, and translates the answer. Nothing is executed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass

import yaml

from bits.commands.guard import guarded
from bits.errors import BitsError
from bits.plan import Plan
from bits.plan.changes import why_untrained
from bits.records.code import ROOT
from bits.workflow.build_plan import load_plan
from bits.workflow.messages import missing_data_message

JOB = re.compile(r"^Job \d+: (.+)\nReason: (.*)$", re.MULTILINE)
STAGES = {
    "Render the scenes": "Make data",
    "Pretrain": "Train",
    "Fine-tune": "Fine-tune",
    "Evaluate": "Evaluate",
    "Render": "Render",
    "Write": "Render",
    "List": "Render",
}
CODE = {"train": "training", "evaluate": "evaluation", "report": "reporting"}


@dataclass(frozen=True)
class PlannedJob:
    """A job of a dry run: stage, what it is about, the id of the run that it trains, Snakemake's reason."""

    stage: str
    subject: str
    run: str
    reason: str


def jobs_in(text: str) -> list[PlannedJob]:
    """The jobs that a dry run's output lists, in its order, each once."""
    found: dict[PlannedJob, None] = {}
    for message, reason in JOB.findall(text):
        start = next((start for start in STAGES if message.startswith(start)), None)
        if start is None:
            raise BitsError(f"cannot read Snakemake's job {message!r}: expected one of {', '.join(STAGES)}")
        subject = message.removeprefix(start).strip() if STAGES[start] != "Make data" else message.split()[-1]
        run = subject if start in ("Pretrain", "Fine-tune") else ""
        found[PlannedJob(STAGES[start], subject or message, run, reason)] = None
    return list(found)


def why(job: PlannedJob, plan: Plan) -> str:
    """A job's reason in plain words."""
    phrases = []
    for part in re.split(r"; (?=[A-Z])", job.reason):
        kind, _, rest = part.partition(": ")
        if kind == "Missing output files":
            return why_untrained(plan.runs[job.run]) if job.run else "not there yet"
        if kind == "Input files updated by another job":
            phrases.append("what it is made from is made anew")
        elif kind == "Params have changed since last execution":
            phrases.append(_params(rest))
        elif kind == "Set of input files has changed since last execution":
            phrases.append("it is made from other files than before")
        elif kind == "Updated input files":
            phrases.append(f"changed since: {rest}")
        elif kind == "Code has changed since last execution":
            phrases.append("the workflow's command for it changed")
        elif part:
            phrases.append(part[0].lower() + part[1:])
    return "; ".join(dict.fromkeys(phrases))


def _params(text: str) -> str:
    """code:train:<digest> and declaration:table-9:<digest> are what our rules pass to be compared."""
    said = [f"the code of {CODE[part]} changed" for part in CODE if f"'code:{part}:" in text]
    if "'declaration:" in text:
        said.append("what is declared of it changed")
    return "; ".join(said) or f"its parameters changed ({text.strip()})"


def explained(jobs: list[PlannedJob], plan: Plan) -> str:
    """The answer as text: jobs by stage, those with the same reason on one line where they are many."""
    if not jobs:
        return "Nothing would run: every file is there, made from what configuration and code say now."
    lines = [f"Scale {plan.scale.name}: {len(jobs)} job{'s' * (len(jobs) > 1)} would run."]
    for stage in dict.fromkeys(STAGES.values()):
        mine = [job for job in jobs if job.stage == stage]
        if not mine:
            continue
        lines.append(f"{stage} ({len(mine)})")
        reasons: dict[str, list[str]] = {}
        for job in mine:
            reasons.setdefault(why(job, plan), []).append(job.subject)
        lines += [f"  {', '.join(subjects)}: {reason}" for reason, subjects in reasons.items()]
    if any("code:train:" in job.reason for job in jobs if job.run):
        lines.append(
            "A change of code that cannot change a number: snakemake --rerun-triggers input mtime keeps the runs."
        )
    return "\n".join(lines)


def config_words(words: list[str]) -> dict[str, str]:
    """{option: value} of what follows --config, and of the options that the profile after --profile has besides."""
    found: dict[str, str] = {}
    words = [part for word in words for part in (word.split("=", 1) if word.startswith("--profile=") else [word])]
    if "--profile" in words:
        file = ROOT / words[words.index("--profile") + 1] / "options.yaml"
        found |= yaml.safe_load(file.read_text()) if file.is_file() else {}
    options = False
    for word in words:
        options = word in ("--config", "-C") or (options and not word.startswith("-"))
        if options and "=" in word:
            key, _, value = word.partition("=")
            found[key] = value
    return found


def main() -> int:
    words = sys.argv[1:]
    if "-h" in words or "--help" in words:
        print(__doc__)
        return 0
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1", "-n"]
    os.chdir(ROOT)  # where the results are, wherever the question is asked
    shown = subprocess.run([*command, "--nocolor", *words], capture_output=True, text=True)
    if shown.returncode:
        print(shown.stdout + shown.stderr, file=sys.stderr)
        return shown.returncode
    plan = load_plan(config_words(words))
    print(explained(jobs_in(shown.stdout + shown.stderr), plan))
    if plan.missing:
        print(f"None of it can start: {missing_data_message(plan).strip()}")
    for name, reason in plan.left_out.items():
        print(f"Left out: {name}: {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
