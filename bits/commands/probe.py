"""What torch sees, for bits doctor, which asks in a process of its own: importing torch takes seconds, and may hang.

    python -m bits.commands.probe < {"key": recipe, ...}

Prints one JSON object: torch's version, its CUDA devices, and for each recipe its number of parameters and the
numbers that evaluation stores of an image.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch

from bits.config.recipe import Recipe
from bits.models.backbone import is_vit, width
from bits.runs.build import teacher_student


def main() -> int:
    """Answer for the recipes on standard input."""
    recipes = {key: Recipe.model_validate(recipe) for key, recipe in json.load(sys.stdin).items()}
    answer = {
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "devices": [device(number) for number in range(torch.cuda.device_count())],
        "models": {key: model(recipe) for key, recipe in recipes.items()},
    }
    print(json.dumps(answer))
    return 0


def device(number: int) -> dict[str, Any]:
    """Name, memory (bytes) and bfloat16 support of a CUDA device; using it is what shows that the driver works."""
    free, total = torch.cuda.mem_get_info(number)
    torch.ones(1, device=f"cuda:{number}").sum().item()
    # Emulated where the hardware has none, which is slower than float32.
    bfloat16 = torch.cuda.get_device_capability(number) >= (8, 0)
    return {"name": torch.cuda.get_device_name(number), "free": free, "total": total, "bfloat16": bfloat16}


def model(recipe: Recipe) -> dict[str, int]:
    """parameters: of one branch, backbone and head; width: of the features; vit: 1 where several blocks count."""
    with torch.device("meta"):
        student = teacher_student(recipe).student
    parameters = sum(parameter.numel() for parameter in student.parameters())
    return {"parameters": parameters, "width": width(student.backbone), "vit": int(is_vit(student.backbone))}


if __name__ == "__main__":
    sys.exit(main())
