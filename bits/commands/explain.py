"""What would run, and why, in plain words.

    bits explain [target ...] [word=value ...] [option of snakemake ...]

Asks snakemake for a dry run and translates the answer. Nothing is executed. A target is an exhibit (table-9), a run
(run/bits-reset) or a file.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from bits.commands.guard import guarded
from bits.errors import BitsError
from bits.plan import Plan
from bits.plan.changes import why_untrained
from bits.plan.listing import by_reason, listed
from bits.records.code import ROOT
from bits.workflow.build_plan import load_plan
from bits.workflow.messages import missing_message, remarks_message, unfit_message
from bits.workflow.options import WORDS, add_words, as_options

OWN_OPTIONS = ("--profile", "--config", "-C", "--help", "-h")
JOB = re.compile(r"^Job \d+: (.+)\nReason: (.*)$", re.MULTILINE)
STAGES = {
    "Make the data set": "Make data",
    "Pretrain": "Train",
    "Fine-tune": "Fine-tune",
    "Import": "Import",
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
    lines = [f"Study {plan.study}: {len(jobs)} job{'s' * (len(jobs) > 1)} would run."]
    for stage in dict.fromkeys(STAGES.values()):
        mine = [job for job in jobs if job.stage == stage]
        if not mine:
            continue
        lines.append(f"{stage} ({len(mine)})")
        reasons: dict[str, list[str]] = {}
        for job in mine:
            reasons.setdefault(why(job, plan), []).append(job.subject)
        lines += [line for reason, subjects in reasons.items() for line in listed(subjects, reason)]
    if any("code:train:" in job.reason for job in jobs if job.run):
        lines.append(
            "A change of code that cannot change a number: snakemake --rerun-triggers input mtime keeps the runs."
        )
    return "\n".join(lines)


def main() -> int:
    """Ask Snakemake for a dry run, and print its answer in plain words."""
    parser = argparse.ArgumentParser(prog="bits explain", description=__doc__)
    add_words(parser)
    parser.add_argument("--profile", metavar="NAME", help="what snakemake --profile NAME would run")
    parser.add_argument(
        *("--config", "-C"), nargs="*", action="extend", default=[], metavar="word=value", help="as snakemake takes it"
    )
    own, snakemake = _split(sys.argv[1:])
    arguments = parser.parse_intermixed_args(own)
    targets = [word for word in arguments.words if "=" not in word]
    given = as_options([*(word for word in arguments.words if "=" in word), *arguments.config])
    options = profile_options(arguments.profile) | given
    os.chdir(ROOT)  # where the results are, wherever the question is asked
    plan = load_plan(options)  # first: where it reads many images it says how far it is, which a dry run would keep
    shown = dry_run([*targets, *snakemake], options, arguments.profile)
    if shown.returncode:
        print(shown.stdout + shown.stderr, file=sys.stderr)
        return shown.returncode
    print(explained(jobs_in(shown.stdout + shown.stderr), plan))
    if plan.lacks_something:
        print(f"None of it can start: {missing_message(plan).strip()}")
    if plan.unfit:
        print(f"None of it can start: {unfit_message(plan).strip()}")
    if plan.remarks:
        print(remarks_message(plan).strip())
    if plan.left_out:
        print("\n".join(["Left out", *by_reason(plan.left_out)]))
    return 0


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """(what this command reads, what Snakemake does): its options with what follows them, study= and the like aside."""
    own: list[str] = []
    others: list[str] = []
    place = own
    for word in words:
        if word.startswith("-"):
            place = own if word.partition("=")[0] in OWN_OPTIONS else others
        (own if word.partition("=")[0] in WORDS else place).append(word)
    return own, others


def profile_options(profile: str | None) -> dict[str, Any]:
    """The words that a profile of this project gives, {} without one."""
    file = ROOT / (profile or "") / "options.yaml"
    found: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8")) if profile and file.is_file() else {}
    return found


def dry_run(words: Sequence[str], options: Mapping[str, Any], profile: str | None) -> subprocess.CompletedProcess[str]:
    """What snakemake -n says to these words and, as --config, options, in the working directory."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1", "-n"]
    said = [f"{key}={' '.join(value) if isinstance(value, list) else value}" for key, value in options.items()]
    command += [
        "--nocolor",
        *words,
        *(["--profile", profile] if profile else []),
        *(["--config", *said] if said else []),
    ]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace")


if __name__ == "__main__":
    sys.exit(guarded(main))
