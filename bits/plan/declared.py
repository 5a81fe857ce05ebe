"""What a plan's exhibits show: config/ as the plan knows it."""

from __future__ import annotations

from pathlib import Path

from bits.config.declared import CONFIG_DIR
from bits.exhibits import Declarations, load_declarations
from bits.plan.model import Plan


def declarations_of(plan: Plan, config_dir: Path = CONFIG_DIR) -> Declarations:
    """The declarations with the rows and the extras that are part of the plan; raises DeclarationError."""
    return load_declarations(config_dir, shown=plan.shown, extra=plan.extra, elsewhere=plan.published)
