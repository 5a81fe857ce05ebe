"""docs/configuration.md says of every key what the schema says."""

from __future__ import annotations

from pydantic import BaseModel

from bits.config.composed import Composed
from bits.config.reference import meaning_of, reference
from bits.config.validation import known_keys, section_of
from bits.records.code import ROOT


def test_the_page_is_as_the_schema_has_it():
    assert (ROOT / "docs/configuration.md").read_text() == reference(), "run: make reference"


def leaves(section: type[BaseModel], prefix: str = ""):
    """(dotted key, section, name) of every key that holds no section."""
    for name, field in section.model_fields.items():
        inner = section_of(field.annotation)
        if inner is None:
            yield f"{prefix}{name}", section, name
        else:
            yield from leaves(inner, f"{prefix}{name}.")


def test_every_key_has_a_meaning():
    silent = [key for key, section, name in leaves(Composed) if not meaning_of(section, name)]
    assert silent == [], "say what it means in a comment beside the field"


def test_every_key_that_can_be_set_is_on_the_page():
    page = reference()
    sections = {key.rpartition(".")[0] for key in known_keys()}
    keys = [key for key in known_keys() if key not in sections and not key.startswith("target_evaluation.")]
    missing = [key for key in keys if f"| `{key}` |" not in page]
    assert [key for key in missing if not any(other.startswith(f"{key}.") for other in known_keys())] == []


def test_a_value_is_shown_with_the_file_that_sets_it():
    page = reference()
    assert "| `optimizer.learning_rate` | `0.0005` |" in page
    assert "| optimizer/adamw.yaml |" in page
    assert "| `objective.coding_rate.weight` | `0.1` |" in page
