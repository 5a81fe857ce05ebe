"""What torch can tell, asked in a process of its own: importing torch takes seconds, and may hang."""

from __future__ import annotations

import sys

from bits.config.section import Section
from bits.costs.assumptions import Images
from bits.costs.disk import Need
from bits.costs.duration import TimeNeed
from bits.costs.memory import MemoryNeed
from bits.plan import Plan
from bits.records.ask import ask

SECONDS = 120.0  # importing torch from a cold network disk takes that long


class Question(Section):
    """What is asked about a plan. images: by data set role. trainings: that run at a time."""

    plan: Plan
    images: dict[str, Images]
    trainings: int


class CudaDevice(Section):
    """A CUDA device. free, total: bytes of its memory. bfloat16: whether the hardware has it."""

    name: str
    free: int
    total: int
    bfloat16: bool


class TrainingFit(Section):
    """The plan's largest training on the GPU, of those it uses, with the least free memory, in bytes.

    run: its name. share: images of a batch for each process. fixed, image: bytes of a step, and more for each image
    that is trained on at a time. most: images at a time that fit, 0: not even one. auto: what site.micro_batch=auto
    chooses, 0: the share. divisible: whether a share may be divided.
    """

    run: str
    share: int
    fixed: int
    image: int
    free: int
    most: int
    auto: int
    divisible: bool


class Answer(Section):
    """torch: its version. cuda: the version it was built with, None for a CPU build.

    disk: what the jobs that can run have still to write. waiting: bytes that those of exhibits which wait for their
    data will keep in addition. memory: the most that one of the jobs that can run holds. training: None without GPU,
    or where it could not be estimated. longest: the evaluation that takes longest, by the speeds that are known here.
    problem: why nothing was answered, "" otherwise.
    """

    torch: str = ""
    cuda: str | None = None
    devices: tuple[CudaDevice, ...] = ()
    disk: tuple[Need, ...] = ()
    waiting: int = 0
    memory: MemoryNeed = MemoryNeed()
    training: TrainingFit | None = None
    longest: TimeNeed = TimeNeed()
    problem: str = ""


def probe(question: Question, seconds: float = SECONDS) -> Answer:
    """The answer of bits.commands.probe; with a problem when there is none within so many seconds."""
    given = question.model_dump_json()
    answer = ask(sys.executable, "-m", "bits.commands.probe", seconds=seconds, given=given)
    if not answer.good:
        return Answer(problem=answer.problem)
    try:
        return Answer.model_validate_json(answer.out.splitlines()[-1])
    except (ValueError, IndexError):
        return Answer(problem=f"expected JSON from bits.commands.probe, found {answer.out[:200]!r}")
