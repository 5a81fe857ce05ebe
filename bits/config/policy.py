"""What is done with the images of a data set that can't be used, or that make numbers too good."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bits.config.section import Positive, Section

Answer = Literal["keep", "refuse", "exclude"]


class Policy(Section):
    """refuse: nothing is started. exclude: left out, which is part of the data set's identity. keep: a warning."""

    broken: Literal["refuse", "exclude"] = "refuse"  # images that can't be decoded
    oblong: Answer = "keep"  # images whose longer side is more than `longest` times the shorter one
    longest: float = Field(default=10.0, gt=1)  # see `oblong`
    ambiguous: Answer = "keep"  # images with equal bytes and different classes, all of them
    copies: Answer = "keep"  # training images whose bytes are those of a val image
    # classes that have no image in one split, or fewer than `least_images` in val
    small_classes: Literal["refuse", "exclude"] = "refuse"
    least_images: Positive = 1  # see `small_classes`; protocols that draw queries from every class need more

    @property
    def excludes(self) -> bool:
        """Whether anything may be left out."""
        answers = (self.broken, self.oblong, self.ambiguous, self.copies, self.small_classes)
        return "exclude" in answers

    @property
    def looks(self) -> bool:
        """Whether every image must be decoded to know what is left out or refused."""
        return self.broken == "exclude" or self.oblong != "keep"
