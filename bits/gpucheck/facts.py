"""The device, its driver and the libraries on top of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import torch

from bits.gpucheck.markdown import table
from bits.gpucheck.methods import changed, methods_of
from bits.gpucheck.part import Bench, Found, Part
from bits.records.gpus import gpus
from bits.records.provenance import hardware, versions
from bits.runs.build import choose_device


def run(bench: Bench) -> Found:
    """Everything that may explain a number of the other parts."""
    yield "versions", {**versions(), **_libraries()}
    machine = hardware()
    yield "processor", machine["cpu"]
    yield "cores", machine["cores"]
    yield "memory_gib", machine["memory_gib"]
    yield "load", round(os.getloadavg()[0], 2)
    yield "device", bench.device
    if not bench.cpu:
        yield from _gpu(bench)


def name_device(bench: Bench) -> Found:
    """What site.device means here, and its product name. Raises BitsError for a device that is not there."""
    device = choose_device(changed(methods_of("smoke")["bits-fixed"].site, bench.site))
    yield "device", str(device)
    yield "name", "cpu" if device.type == "cpu" else torch.cuda.get_device_name(device)


def _libraries() -> dict[str, str]:
    """CUDA and cuDNN as this torch was built with them."""
    cudnn = torch.backends.cudnn.version()
    found = {"torch build": torch.__version__, "cuda": torch.version.cuda, "cudnn": cudnn and str(cudnn)}
    return {name: str(version) for name, version in found.items() if version}


def _gpu(bench: Bench) -> Found:
    properties = torch.cuda.get_device_properties(torch.device(bench.device))
    yield "device", properties.name
    yield "device_memory_gib", round(properties.total_memory / 2**30, 1)
    yield "capability", f"{properties.major}.{properties.minor}"
    yield "multiprocessors", properties.multi_processor_count
    yield "devices", torch.cuda.device_count()
    yield "bfloat16", torch.cuda.is_bf16_supported()
    yield "tf32_in_products", torch.backends.cuda.matmul.allow_tf32
    yield "tf32_in_convolutions", torch.backends.cudnn.allow_tf32
    smi = gpus()
    yield "driver", smi.found[0].driver if smi.found else f"unknown ({smi.problem})"


def text(found: Mapping[str, Any]) -> str:
    plain = [(name.replace("_", " "), value) for name, value in found.items() if name != "versions"]
    return table(("fact", "value"), [*plain, *found.get("versions", {}).items()])


NAMING = Part("device", "The device", 0.1, name_device, str)
PART = Part("facts", "The machine", 0.04, run, text)
