"""What torch sees, for bits doctor. A process of its own, because importing torch takes seconds and may hang.

    python -m bits.commands.probe < question

Reads a bits.doctor.probe.Question as JSON and prints an Answer as one line of JSON. Writes no files.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import torch

from bits.config.declared import CONFIG_DIR
from bits.costs.assumptions import load_assumptions
from bits.costs.choose import rates_for
from bits.costs.counts import counts_of
from bits.costs.disk import disk_left
from bits.costs.duration import longest_evaluation
from bits.costs.memory import memory_left
from bits.costs.price import Prices
from bits.costs.sizes import Sizes
from bits.doctor.probe import Answer, CudaDevice, Question, TrainingFit
from bits.plan import Plan
from bits.plan.declared import declarations_of
from bits.runs.memory import largest_training
from bits.training.memory import micro_batch_for


def main() -> int:
    """Answer the question on standard input."""
    question = Question.model_validate_json(sys.stdin.read())
    plan = question.plan
    assumptions, counts = load_assumptions(CONFIG_DIR), counts_of(plan, keep=False)
    rates, _ = rates_for(plan, assumptions, counts=counts)
    sizes = Sizes(plan, counts, question.images)
    disk, waiting = disk_left(
        sizes,
        declarations_of(plan),
        question.trainings,
    )
    devices = tuple(device(number) for number in range(torch.cuda.device_count()))
    answer = Answer(
        torch=torch.__version__,
        cuda=torch.version.cuda,
        devices=devices,
        disk=disk,
        waiting=waiting,
        memory=memory_left(sizes),
        training=training(plan, devices),
        longest=longest_evaluation(Prices(plan, rates, counts, question.images, assumptions)),
    )
    print(answer.model_dump_json())
    return 0


def device(number: int) -> CudaDevice:
    """Describe a CUDA device, after computing something on it, which shows that the driver works."""
    free, total = torch.cuda.mem_get_info(number)
    torch.ones(1, device=f"cuda:{number}").sum().item()
    # Older hardware emulates bfloat16, which is slower than float32.
    bfloat16 = torch.cuda.get_device_capability(number) >= (8, 0)
    return CudaDevice(name=torch.cuda.get_device_name(number), free=free, total=total, bfloat16=bfloat16)


def training(plan: Plan, devices: Sequence[CudaDevice]) -> TrainingFit | None:
    """How the plan's largest training fits the GPUs that it uses; None without GPU, or where that is not known."""
    chosen = plan.site.device.partition(":")[2]
    used = devices[int(chosen) : int(chosen) + 1] if chosen else devices[: plan.site.processes]
    if plan.site.device == "cpu" or not used or not plan.runs:
        return None
    try:
        largest = largest_training(plan)
    except RuntimeError:  # a model whose passes depend on values
        return None
    fullest = min(used, key=lambda one: one.free)
    share, memory = largest.share, largest.memory
    most = memory.most(fullest.free, fullest.total, share)
    return TrainingFit(
        run=largest.run,
        share=share,
        fixed=memory.total(0, share),
        image=memory.image,
        free=fullest.free,
        most=most,
        auto=micro_batch_for(share, most) if largest.divisible else 0,
        divisible=largest.divisible,
    )


if __name__ == "__main__":
    sys.exit(main())
