"""In which precision networks compute."""

from __future__ import annotations

from typing import Literal

import torch


def autocast(device: torch.device, precision: Literal["auto", "float32", "bfloat16"]) -> torch.autocast:
    """A new context in which networks compute at a precision, with weights in float32. auto: bfloat16 on CUDA alone."""
    half = precision == "bfloat16" or (precision == "auto" and device.type == "cuda")
    return torch.autocast(device.type, torch.bfloat16, enabled=half)
