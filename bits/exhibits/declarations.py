"""All declarations together: measures, exhibits, published values, references, what is pending."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import RootModel

from bits.config.declared import DeclarationError, Declared, near, read_yaml, validated
from bits.exhibits.added import Shown, added_colours, with_added
from bits.exhibits.crosscheck import contradictions
from bits.exhibits.facts import facts_of
from bits.exhibits.finetunings import pairs_among
from bits.exhibits.kinds import KINDS, Exhibit
from bits.exhibits.measures import Measure, load_measures
from bits.exhibits.published import PublishedValues, load_published

MOST_SHOWN = 12
_NOTHING: Shown = MappingProxyType({})


@dataclass(frozen=True)
class Declarations:
    """What the paper shows. `pending` says what keeps an exhibit from being computed; the others can be."""

    measures: dict[str, Measure]
    exhibits: dict[str, Exhibit]
    published: PublishedValues
    pending: dict[str, str]
    references: dict[str, str]  # name -> label
    colours: dict[str, str]  # method -> "#rrggbb"

    def exhibit(self, name: str) -> Exhibit:
        """The exhibit with that id; raises DeclarationError with near matches."""
        if name not in self.exhibits:
            raise DeclarationError(f"no exhibit {name!r}{near(name, self.exhibits)}")
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
                raise DeclarationError(f"{run}-on-{role}: no data set role {role!r}{near(role, self.roles())}")
        return found

    def facts(self, name: str) -> dict[str, Any]:
        """All that is declared and shows in that exhibit when it is rendered, and nothing else, as JSON values."""
        return facts_of(self.exhibit(name), self)


class _Reference(Declared):
    label: str


class _Pending(RootModel[dict[str, str]]):
    pass


def load_declarations(config_dir: Path, runs: Collection[str] | None = None, shown: Shown = _NOTHING) -> Declarations:
    """Read measures, exhibits/*, references, pending and published values and check them together.

    runs: the names of every run there is, their fine-tunings (<run>-on-<data set role>) optional; None
    leaves out the checks that need them.
    shown: the rows and curves that users add, run -> exhibit id -> label, of the runs' lines in runs.yaml.
    Raises DeclarationError for unknown keys, runs, references and measures, for a run that nobody shows, a
    cell that nobody published (references and extra columns excepted), a published value that nobody shows.
    """
    references = {
        name: validated(_Reference, value or {}, config_dir / "references.yaml", name).label
        for name, value in read_yaml(config_dir / "references.yaml").items()
    }
    exhibits, colours = _read_exhibits(config_dir / "exhibits")
    exhibits = with_added(exhibits, shown, config_dir / "runs.yaml")
    colours |= added_colours(exhibits, colours)
    pending = validated(_Pending, read_yaml(config_dir / "pending.yaml"), config_dir / "pending.yaml", "pending").root
    measures = load_measures(config_dir / "measures.yaml")
    published = load_published(config_dir / "published.csv")
    declarations = Declarations(measures, exhibits, published, pending, references, colours)
    problems = contradictions(declarations, runs)
    if problems:
        more = [f"... and {len(problems) - MOST_SHOWN} more"] if len(problems) > MOST_SHOWN else []
        raise DeclarationError("\n".join([*problems[:MOST_SHOWN], *more]))
    return declarations


def _read_exhibits(folder: Path) -> tuple[dict[str, Exhibit], dict[str, str]]:
    """Exhibits by id: tables, figures, text, each by number, then those beyond the paper; and methods' colours."""
    exhibits: dict[str, Exhibit] = {}
    colours: dict[str, str] = {}
    for path in sorted(folder.glob("*.yaml")):
        content = read_yaml(path)
        for key in content:
            if key not in ("shared", "exhibits", "colours"):
                raise DeclarationError(f"{path}: {key}: unknown key{near(key, ('shared', 'exhibits', 'colours'))}")
        colours |= content.get("colours", {})
        for name, value in content.get("exhibits", {}).items():
            if name in exhibits:
                raise DeclarationError(f"{path}: exhibits.{name}: declared in another file, too")
            exhibits[name] = _read_exhibit(name, value, path)
    if not exhibits:
        raise DeclarationError(f"{folder}: no exhibits. Expected *.yaml files with an `exhibits` mapping.")
    return dict(sorted(exhibits.items(), key=lambda item: _place(item[1]))), colours


def _read_exhibit(name: str, value: Any, path: Path) -> Exhibit:
    kind = value.get("kind") if isinstance(value, dict) else None
    if kind not in KINDS:
        raise DeclarationError(f"{path}: exhibits.{name}.kind: expected one of {', '.join(KINDS)}, found {kind!r}")
    return validated(KINDS[kind], {"id": name, **value}, path, f"exhibits.{name}")


def _place(exhibit: Exhibit) -> tuple[int, tuple[int, ...]]:
    word, _, rest = exhibit.id.partition("-")
    return ("table", "figure", "text", "extra").index(word), () if exhibit.beyond else tuple(map(int, rest.split(".")))
