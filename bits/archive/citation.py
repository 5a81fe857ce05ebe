"""CITATION.cff: title, authors, version and licence of the project."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bits.archive.errors import ArchiveError


class Author(BaseModel):
    """A person, who has a family name, or an organisation, which has a name."""

    family: str = Field(default="", alias="family-names")
    given: str = Field(default="", alias="given-names")
    organisation: str = Field(default="", alias="name")
    orcid: str = ""
    website: str = ""

    @property
    def is_person(self) -> bool:
        return bool(self.family)

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}".strip() if self.is_person else self.organisation

    @property
    def identity(self) -> str:
        """An address that identifies the author, else a name within the crate."""
        return self.orcid or self.website or f"#author-{self.name.lower().replace(' ', '-')}"


class Citation(BaseModel):
    """license: an SPDX identifier."""

    model_config = ConfigDict(coerce_numbers_to_str=True)  # YAML reads version: 1.0 as a number
    title: str
    version: str
    license: str
    authors: list[Author] = Field(min_length=1)


def read_citation(path: Path) -> Citation:
    """The citation in a CITATION.cff file; raises ArchiveError when it is missing or incomplete."""
    try:
        return Citation.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first else str(error)
        raise ArchiveError(
            f"{path}: {what}. Expected title, version, license (SPDX) and authors, as in the Citation File Format."
        ) from error
