"""Numbers that others published of a backbone, beside which ours are shown."""

from __future__ import annotations

from pydantic import Field

from bits.config.declared import Declared


class Published(Declared):
    """Numbers that its authors published of a checkpoint. values: by measure, in the measure's unit. source: where."""

    source: str = Field(pattern=r"\S")
    values: dict[str, float] = Field(min_length=1)
