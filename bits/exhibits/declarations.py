"""All declarations together: measures, exhibits, published values, references, what is pending."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bits.config.declared import DeclarationError
from bits.config.near import did_you_mean
from bits.exhibits.catalogue import Catalogue
from bits.exhibits.finetunings import pairs_among
from bits.exhibits.kinds.base import Exhibit


@dataclass(frozen=True)
class Declarations(Catalogue):
    """What the paper shows. exhibits: by id, in the paper's order. pending: id -> why it cannot be computed yet."""

    exhibits: dict[str, Exhibit]
    pending: dict[str, str]

    def exhibit(self, name: str) -> Exhibit:
        """The exhibit with that id; raises DeclarationError with near matches."""
        if name not in self.exhibits:
            raise DeclarationError(f"no exhibit {name!r}{did_you_mean(name, self.exhibits)}")
        return self.exhibits[name]

    def computable(self) -> list[str]:
        """Ids of the exhibits that are not pending, in the paper's order."""
        return [name for name in self.exhibits if name not in self.pending]

    def roles(self) -> set[str]:
        """The data set roles on which anything is measured."""
        return {measure.dataset for measure in self.measures.values()}

    def finetunings(self) -> list[tuple[str, str]]:
        """(run, data set role) of every fine-tuning <run>-on-<role> that an exhibit shows, in order, each once.

        Raises DeclarationError for a role on which nothing is measured; load_declarations knows the runs.
        """
        found = pairs_among(source for exhibit in self.exhibits.values() for source, _ in exhibit.needs())
        for run, role in found:
            if role not in self.roles():
                raise DeclarationError(f"{run}-on-{role}: no data set role {role!r}{did_you_mean(role, self.roles())}")
        return found

    def facts(self, name: str) -> dict[str, Any]:
        """All that is declared and shows in that exhibit when it is rendered, and nothing else, as JSON values."""
        return self.exhibit(name).facts(self)
