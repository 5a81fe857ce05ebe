"""The section `objective`: a section for every term that bits/objectives declares, null where a run goes without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import SerializerFunctionWrapHandler, create_model, field_validator, model_serializer, model_validator

from bits.config.kinds import declarations
from bits.config.section import Section

TERMS: dict[str, Any] = {name: found.value for name, found in declarations("bits.objectives", "TERM").items()}


class Terms(Section):
    """L = sum over terms of weight * value. A term that is null is not there at all: neither digest nor file has it."""

    @field_validator("*")
    @classmethod
    def _null_without_weight(cls, settings: Any) -> Any:
        return None if settings is not None and settings.weight == 0 else settings

    @model_validator(mode="after")
    def _compares_student_and_teacher(self) -> Terms:
        agreements = [name for name, term in TERMS.items() if term.agreement]
        if not set(agreements) & set(self.settings()):
            raise ValueError(f"no term compares student and teacher; give one of {', '.join(agreements)} a weight")
        return self

    @model_serializer(mode="wrap")
    def _present(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: settings for name, settings in dump(self).items() if settings is not None}

    def settings(self) -> dict[str, Any]:
        """The settings of the terms that are there, by name."""
        return {name: found for name in TERMS if (found := getattr(self, name)) is not None}

    def parts(self) -> list[tuple[Any, Any]]:
        """(term, its settings) for the terms that are there."""
        return [(TERMS[name], settings) for name, settings in self.settings().items()]

    @property
    def couples(self) -> bool:
        """Whether a term's value is other than the mean over the samples of a batch."""
        return any(term.couples for term, _ in self.parts())


if TYPE_CHECKING:
    Objective = Terms
else:
    Objective = create_model(
        "Objective", __base__=Terms, **{name: (term.settings | None, None) for name, term in TERMS.items()}
    )
