"""What a plan is made for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bits.config.declared import CONFIG_DIR
from bits.config.kinds import declarations
from bits.plan.model import RESULTS
from bits.records.code import ROOT, code_digest, imported_files
from bits.records.digests import digest, tree_digest

PLAN_FORMAT = 9
STUDIES = "study"  # folder of config/ whose files are what is asked for, not what it is made from
KINDS = (
    *(("bits.evaluation", "EVALUATOR"), ("bits.analysis", "EVALUATOR"), ("bits.objectives", "TERM")),
    *(("bits.data.kinds", "KIND"), ("bits.exhibits.kinds", "KIND")),
)


@dataclass(frozen=True)
class Request:
    """What the user asks for: a study by its name, its scale, and Hydra overrides for every run.

    extra: files of config/extra whose runs and exhibits are part of it.
    """

    study: str = "demo"
    scale: str = "demo"
    overrides: tuple[str, ...] = ()
    config_dir: Path = CONFIG_DIR
    extra: tuple[str, ...] = ()

    @classmethod
    def of_scale(
        cls,
        scale: str,
        overrides: tuple[str, ...] = (),
        config_dir: Path = CONFIG_DIR,
        extra: tuple[str, ...] = (),
    ) -> Request:
        """A scale by itself: the study of its name."""
        return cls(scale, scale, overrides, config_dir, extra)

    @property
    def folder(self) -> Path:
        """Where everything of the study goes."""
        return RESULTS / self.study

    def key(self) -> str:
        """Changes with anything the plan is made from, except the data themselves."""
        folders = (path.name for path in self.config_dir.iterdir() if path.is_dir() and path.name != STUDIES)
        config = tree_digest(self.config_dir, ["*.yaml", "*.csv", *(f"{name}/*.yaml" for name in sorted(folders))])
        asked = [self.study, self.scale, list(self.overrides), list(self.extra)]
        return digest([PLAN_FORMAT, _code(), *asked, config])


@cache
def _code() -> str:
    """Digest of the code that makes plans, what the kinds declare included."""
    kinds = [found.file for room, constant in KINDS for found in declarations(room, constant).values()]
    return code_digest([*imported_files([ROOT / "bits/plan/make.py"]), *kinds])
