"""What every kind of exhibit declares, and what it is asked."""

from __future__ import annotations

import re

import pytest

from bits.config.kinds import KindError
from bits.exhibits import Declarations, load_declarations
from bits.exhibits.kinds.base import RECORD, ExhibitKind, exhibit_kinds
from bits.exhibits.kinds.gallery import Gallery
from bits.records.code import ROOT, imported_files

KINDS = ROOT / "bits/exhibits/kinds"


@pytest.fixture(scope="module")
def declared() -> Declarations:
    return load_declarations(ROOT / "config")


def test_kinds_are_found_by_their_files() -> None:
    kinds = exhibit_kinds()
    assert list(kinds) == ["embedding", "gallery", "grid", "lines"]
    assert {name: kind.shape for name, kind in kinds.items()} == {
        "embedding": "embedding",
        "gallery": "gallery",
        "grid": "number",
        "lines": "series",
    }
    assert all("html" in kind.formats for kind in kinds.values())


def test_a_rendered_exhibit_is_its_formats_and_the_record_for_the_report(declared: Declarations) -> None:
    assert declared.exhibits["table-1"].endings == ("html", "tex", "md", "csv", RECORD)
    assert declared.exhibits["figure-4"].endings == ("html", "png", "pdf", "svg", "csv", RECORD)


@pytest.mark.parametrize("formats", [("csv",), ("html", RECORD)])
def test_formats_without_a_page_or_with_the_record_are_refused(formats: tuple[str, ...]) -> None:
    with pytest.raises(KindError, match="kind of exhibit 'gallery': expected formats with html, without report"):
        ExhibitKind(name="gallery", model=Gallery, shape="gallery", formats=formats)


def test_an_exhibit_is_worth_its_published_values(declared: Declarations) -> None:
    names = ("table-1", "table-14", "figure-4", "figure-5", "figure-3", "text-5.3")
    worth = {name: declared.exhibits[name].worth(declared.published) for name in names}
    assert worth == {"table-1": 12, "table-14": 96, "figure-4": 4, "figure-5": 8, "figure-3": 1, "text-5.3": 1}


def test_a_rank_below_one_is_a_problem(declared: Declarations) -> None:
    gallery = declared.exhibits["figure-3"].model_copy(update={"rank": 0})
    assert list(gallery.problems(declared)) == ["rank 0; expected 1 for the first bit, 2, ..."]
    assert list(declared.exhibits["figure-3"].problems(declared)) == []


def test_no_code_asks_what_kind_an_exhibit_is() -> None:
    names = "grid|lines|gallery|embedding"
    asked = re.compile(rf'isinstance\([^()]*\b({names.title()})\b|kind [=!]= "({names})"')
    files = [path for path in (ROOT / "bits").rglob("*.py") if path.parent != KINDS]
    assert len(files) > 100
    assert [path for path in files if asked.search(path.read_text())] == []


def test_kinds_know_nothing_of_each_other() -> None:
    for path in KINDS.glob("[a-z]*.py"):
        others = {other.name for other in imported_files([path]) if other.parent == KINDS}
        assert others <= {path.name, "base.py", "__init__.py"}, path
    shared = imported_files([ROOT / "bits/exhibits/__init__.py"])
    assert {path.name for path in shared if path.parent == KINDS} == {"base.py"}
