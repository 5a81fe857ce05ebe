"""The packages that a GPU check imports, so that a machine that lacks some is told at once. Imports none of them."""

from __future__ import annotations

from importlib.util import find_spec

NEEDED = {
    "torch": "torch",
    "torchvision": "torchvision",
    "timm": "timm",
    "huggingface_hub": "huggingface-hub",
    "safetensors": "safetensors",
    "numpy": "numpy",
    "PIL": "pillow",
    "yaml": "pyyaml",
    "pydantic": "pydantic",
    "hydra": "hydra-core",
    "omegaconf": "omegaconf",
    "antlr4": "antlr4-python3-runtime",
    "packaging": "packaging",
}


def missing() -> list[str]:
    """Packages, by the names that pip knows, that cannot be imported here."""
    return [package for module, package in NEEDED.items() if find_spec(module) is None]
