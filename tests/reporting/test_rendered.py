"""An exhibit's files, and the record that the report reads instead of collecting the exhibit again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bits.exhibits.kinds.base import RECORD
from bits.reporting.pages import moved
from bits.reporting.rendered import exhibit_files, read_exhibit_record
from bits.reporting.renderers.base import files_of
from tests.reporting.test_site import broken_links


def report(fake: Any) -> int:
    """Write the report from the exhibits as they lie there; the exit code."""
    demo = fake.root / "reports/demo"
    code: int = fake.render("report", "--exhibits-dir", str(demo / "exhibits"), "--out", str(demo / "index.html"))
    return code


def test_the_report_shows_what_the_record_holds_and_collects_nothing(fake: Any, monkeypatch: Any) -> None:
    reports = fake.render_report()
    path = reports / f"demo/exhibits/table-1.{RECORD}"
    record = json.loads(path.read_text())
    assert (record["exhibit"], record["have"], record["of"], record["counted"]) == ("table-1", 49, 49, "cells")
    record |= {"have": 48, "content": record["content"].replace("20.12", "98.76"), "holes": ["a planted hole"]}
    path.write_text(json.dumps(record))
    monkeypatch.setattr("bits.reporting.rendered.renderer_of", None)
    assert report(fake) == 0
    page = (reports / "demo/index.html").read_text()
    assert "98.76" in page
    assert "20.12" not in page
    assert "48 of 49 cells" in page
    assert "<li>a planted hole</li>" in page
    assert broken_links(reports / "demo/index.html") == []


def test_a_report_elsewhere_keeps_its_links(fake: Any) -> None:
    reports = fake.render_report()
    out = fake.root / "some/where else/page.html"
    assert fake.render("report", "--exhibits-dir", str(reports / "demo/exhibits"), "--out", str(out)) == 0
    assert broken_links(out) == []


def test_the_headline_is_the_first_table_without_added_rows(fake: Any) -> None:
    fake.show("bits-128", "table-1", "128 bits")
    folder = fake.render_report() / "demo/exhibits"
    declared = fake.declared()
    table, figure = (read_exhibit_record(declared.exhibits[name], folder) for name in ("table-1", "figure-4"))
    assert "128 bits" in table.content
    assert "128 bits" not in table.headline
    assert table.headline.count("<tr") == table.content.count("<tr") - 2
    assert (figure.headline, figure.plotted) == ("", ("x", "measured"))
    plain = read_exhibit_record(declared.exhibits["table-2"], folder)
    assert (plain.without_added, plain.headline) == ("", plain.content)


@pytest.mark.parametrize("text", ["{}", '{"exhibit": 1}', "[]", "{"])
def test_a_record_that_is_none_is_named(fake: Any, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (fake.render_report() / f"demo/exhibits/table-1.{RECORD}").write_text(text)
    assert report(fake) == 2
    assert f"table-1.{RECORD}: " in capsys.readouterr().err


def test_a_format_that_a_renderer_lacks_is_named(fake: Any, monkeypatch: Any) -> None:
    declared = fake.declared()
    grid = declared.exhibits["table-1"]
    monkeypatch.setattr(type(grid), "formats", ("html", "tex", "md", "csv", "docx"))
    with pytest.raises(Exception, match=r"table-1: kind grid has the formats \['docx'\], which its renderer lacks"):
        exhibit_files(grid, declared, fake.results(), Path("x"))


def test_links_move_and_text_stays(tmp_path: Path) -> None:
    html = '<a href="../../results/a%20b.json">href=&#34;./x&#34;</a><img src="./f.svg"><a href="#a"><a href="x:y">'
    there = moved(html, tmp_path / "reports/demo/exhibits/t.html", tmp_path / "reports/demo/index.html")
    assert there == (
        '<a href="../results/a%20b.json">href=&#34;./x&#34;</a><img src="./exhibits/f.svg"><a href="#a"><a href="x:y">'
    )
    assert moved(html, tmp_path / "a/t.html", tmp_path / "a/u.html") == html


def test_a_kind_is_its_declaration_its_renderer_and_its_template() -> None:
    names = [path.relative_to(path.parents[2]).as_posix() for path in files_of("grid", "table-1")]
    assert names == ["exhibits/kinds/grid.py", "reporting/renderers/grid.py", "reporting/renderers/grid.html.j2"]
    assert all(path.is_file() for path in files_of("lines", "figure-1"))
