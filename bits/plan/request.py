"""What a plan is made for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bits.config.compose import CONFIG_DIR
from bits.config.kinds import declarations
from bits.plan.model import RESULTS
from bits.records.code import ROOT, code_digest, imported_files
from bits.records.digests import digest, tree_digest

PLAN_FORMAT = 7
KINDS = (
    *(("bits.evaluation", "EVALUATOR"), ("bits.analysis", "EVALUATOR"), ("bits.objectives", "TERM")),
    *(("bits.data", "KIND"), ("bits.exhibits.kinds", "KIND")),
)


@dataclass(frozen=True)
class Request:
    """What the user asks for: a scale, Hydra overrides for every run, and where the data are."""

    scale: str = "demo"
    overrides: tuple[str, ...] = ()
    config_dir: Path = CONFIG_DIR

    @property
    def folder(self) -> Path:
        """Where everything of the scale goes."""
        return RESULTS / self.scale

    def key(self) -> str:
        """Changes with anything the plan is made from, except the data themselves."""
        config = tree_digest(self.config_dir, ["*.yaml", "*.csv", "*/*.yaml"])
        return digest([PLAN_FORMAT, _code(), self.scale, list(self.overrides), config])


@cache
def _code() -> str:
    """Digest of the code that makes plans, what the kinds declare included."""
    kinds = [found.file for room, constant in KINDS for found in declarations(room, constant).values()]
    return code_digest([*imported_files([ROOT / "bits/plan/make.py"]), *kinds])
