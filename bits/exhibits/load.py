"""Read config/exhibits, measures, references, pending.yaml and published.csv, and check them together."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import RootModel

from bits.config.declared import DeclarationError, Declared, read_yaml, validated
from bits.config.extra import extra_file
from bits.config.near import did_you_mean
from bits.exhibits.added import Elsewhere, Shown, added_colours, with_added
from bits.exhibits.crosscheck import contradictions
from bits.exhibits.declarations import Declarations
from bits.exhibits.kinds.base import Exhibit, exhibit_kinds
from bits.exhibits.measures import load_measures
from bits.exhibits.published import load_published

MOST_SHOWN = 12
KEYS = ("shared", "exhibits", "colours")  # of a file of config/exhibits
ORDER = ("table", "figure", "text", "extra")
_NOTHING: Shown = MappingProxyType({})


class _Reference(Declared):
    label: str


class _Pending(RootModel[dict[str, str]]):
    pass


def load_declarations(
    config_dir: Path,
    runs: Collection[str] | None = None,
    shown: Shown = _NOTHING,
    extra: Iterable[str] = (),
    elsewhere: Elsewhere = MappingProxyType({}),
) -> Declarations:
    """Read measures, exhibits/*, references, pending and published values and check them together.

    runs: the names of every run there is, their fine-tunings (<run>-on-<data set role>) optional; None
    leaves out the checks that need them.
    extra: files of config/extra whose exhibits are made as well.
    shown: the rows and curves that users add, run -> exhibit id -> label, of the runs' lines in runs.yaml.
    elsewhere: what others published of a run, which stands beside its numbers there.
    Raises DeclarationError for unknown keys, kinds, runs, references and measures, for a run that nobody shows, a
    cell that nobody published (references and extra columns excepted), a published value that nobody shows.
    """
    exhibits, colours = _read_exhibits(config_dir / "exhibits", [extra_file(name, config_dir) for name in extra])
    exhibits = with_added(exhibits, shown, elsewhere, config_dir / "runs.yaml")
    pending = config_dir / "pending.yaml"
    declarations = Declarations(
        measures=load_measures(config_dir / "measures.yaml"),
        published=load_published(config_dir / "published.csv"),
        references=_read_references(config_dir / "references.yaml"),
        colours=colours | added_colours(exhibits, colours),
        exhibits=exhibits,
        pending=validated(_Pending, read_yaml(pending), pending, "pending").root,
    )
    problems = contradictions(declarations, runs, elsewhere)
    if problems:
        more = [f"... and {len(problems) - MOST_SHOWN} more"] if len(problems) > MOST_SHOWN else []
        raise DeclarationError("\n".join([*problems[:MOST_SHOWN], *more]))
    return declarations


def _read_references(path: Path) -> dict[str, str]:
    """Labels by name."""
    return {name: validated(_Reference, value or {}, path, name).label for name, value in read_yaml(path).items()}


def _read_exhibits(folder: Path, more: Iterable[Path]) -> tuple[dict[str, Exhibit], dict[str, str]]:
    """Exhibits by id: tables, figures, text, each by number, then those beyond the paper; and methods' colours.

    more: files besides those of the folder.
    """
    exhibits: dict[str, Exhibit] = {}
    colours: dict[str, str] = {}
    for path in (*sorted(folder.glob("*.yaml")), *more):
        content = read_yaml(path)
        content = {key: value for key, value in content.items() if key != "runs" or path.parent == folder}
        for key in content:
            if key not in KEYS:
                raise DeclarationError(f"{path}: {key}: unknown key{did_you_mean(key, KEYS)}")
        colours |= content.get("colours", {})
        for name, value in content.get("exhibits", {}).items():
            if name in exhibits:
                raise DeclarationError(f"{path}: exhibits.{name}: declared in another file, too")
            exhibits[name] = _read_exhibit(name, value, path)
    if not exhibits:
        raise DeclarationError(f"{folder}: no exhibits. Expected *.yaml files with an `exhibits` mapping.")
    return dict(sorted(exhibits.items(), key=lambda item: _place(item[1]))), colours


def _read_exhibit(name: str, value: Any, path: Path) -> Exhibit:
    kinds, key = exhibit_kinds(), f"exhibits.{name}"
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in kinds:
        guess = did_you_mean(str(kind), kinds)
        raise DeclarationError(f"{path}: {key}.kind: no kind of exhibit {kind!r}{guess}")
    return validated(kinds[kind].model, {"id": name, **value}, path, key)


def _place(exhibit: Exhibit) -> tuple[int, tuple[int, ...]]:
    word, _, rest = exhibit.id.partition("-")
    return ORDER.index(word), () if exhibit.beyond else tuple(map(int, rest.split(".")))
