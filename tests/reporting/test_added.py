"""Rows that users add with `shown`: in every format, set apart from the paper's, never breaking out."""

from __future__ import annotations

import csv
import html
import json
import re
from typing import Any

import pytest

from bits.exhibits import DeclarationError

NASTY = "*<script>alert('x')</script> | 50% & $1_a^b~ {c} \\d #e [f] `g`"


@pytest.fixture
def adding(fake: Any) -> Any:
    """Two runs that a user added to Table 9, and to a table of their own."""
    fake.without_pending()
    for name, gain in (("bits-128", 0.3), ("bits-512", 0.4)):
        fake.plant(name, retrieval={"map": gain}, knn={"top1_k20": gain + 0.1}, linear={"last": gain + 0.2})
    fake.show("bits-512", "table-9", "50")
    fake.show("bits-512", "extra-my-ablation", "wide")
    fake.show("bits-128", "extra-my-ablation", "narrow")
    return fake


def test_an_added_row_stands_apart_and_wins_nothing(adding: Any) -> None:
    table = adding.table("table-9")
    row = table.rows[5]
    assert (row.label, row.kind, row.group) == ("50", "added", "Added here")
    assert (row.cells[0].text, row.cells[0].published, row.cells[0].best) == ("40.00", None, False)
    assert [one.cells[0].best for one in table.rows] == [False, False, True, *[False] * 6]


def test_bold_is_said_alike_and_where_there_is_any(adding: Any) -> None:
    adding.plant("bits-reset-1", retrieval={"map": 0.1})
    among = "of the paper's rows of which every seed was measured and is live."
    said = f"Bold: in each column, the best of two or more {among}"
    for ending in ("html", "md", "tex"):
        assert said in html.unescape((adding.render_exhibit("table-9") / f"table-9.{ending}").read_text())
        assert "Bold" not in (adding.render_exhibit("table-3") / f"table-3.{ending}").read_text()


def test_an_added_row_comes_before_the_references(fake: Any) -> None:
    fake.show("bits-128", "table-1", "128 bits")
    assert [row.kind for row in fake.table("table-1").rows] == [
        *["run"] * 4,
        "added",
        *["reference"] * 3,
        *["quoted"] * 2,
    ]


@pytest.mark.parametrize(
    ("ending", "text"),
    [
        ("md", "| *Added here: 50* | 40.00 |\n"),
        ("md", "Rows added here are not in the paper."),
        ("tex", "\\midrule\n\\multicolumn{2}{l}{\\textit{Added here}} \\\\\n\\textit{50} & 40.00 \\\\\n\\midrule\n"),
        ("html", '<tbody class="added">'),
        ("html", "Added here <small>not in the paper</small>"),
    ],
)
def test_an_added_row_in_every_format(adding: Any, ending: str, text: str) -> None:
    assert text in (adding.render_exhibit("table-9") / f"table-9.{ending}").read_text()


def test_an_added_row_in_csv(adding: Any) -> None:
    with (adding.render_exhibit("table-9") / "table-9.csv").open(newline="") as file:
        line = list(csv.DictReader(file))[5]
    assert (line["row"], line["source"], line["measured"], line["published"]) == (
        "Added here: 50",
        "bits-512",
        "40",
        "",
    )


def test_a_table_of_their_own_has_the_standard_columns(adding: Any) -> None:
    table = adding.table("extra-my-ablation")
    assert (table.about.name, table.about.title) == ("Extra my-ablation", "My ablation")
    assert table.about.section == "Beyond the paper"
    assert [head.label for head in table.heads] == ["mAP", "k-NN", "linear probing"]
    assert [(row.label, row.kind, row.group) for row in table.rows] == [("wide", "run", ""), ("narrow", "run", "")]
    assert [cell.text for cell in table.rows[0].cells] == ["40.00", "50.00", "60.00"]
    assert [cell.best for cell in table.rows[0].cells] == [True, True, True]
    folder = adding.render_exhibit("extra-my-ablation")
    assert "Measured here. Bold:" in (folder / "extra-my-ablation.md").read_text()
    assert "My ablation (not in the paper)" in (folder / "extra-my-ablation.tex").read_text()
    page = (folder / "extra-my-ablation.html").read_text()
    assert '<span class="number">Extra</span>My ablation' in page
    assert "published beside it" not in page


def test_the_report_ends_with_what_is_beyond_the_paper_and_the_front_page_has_none(adding: Any) -> None:
    adding.show("bits-128", "table-1", "128 bits")
    reports = adding.render_report()
    page = (reports / "demo/index.html").read_text()
    sections = re.findall(r'<h2 id="section-\d+">([^<]+)</h2>', page)
    assert (sections[-1], sections.count("Beyond the paper")) == ("Beyond the paper", 1)
    assert '<article class="card" id="extra-my-ablation">' in page
    assert "128 bits" in page
    front = (reports / "index.html").read_text()
    assert "my-ablation" not in front
    assert "128 bits" not in front
    assert sum(json.loads((reports / "demo/summary.json").read_text())["counts"].values()) == 26


def test_hostile_labels_stay_text(fake: Any) -> None:
    fake.plant("bits-128", retrieval={"map": 0.3})
    fake.show("bits-128", "table-1", NASTY)
    fake.show("bits-128", "extra-x", NASTY)
    fake.show("bits-128", "figure-4", NASTY)
    reports = fake.render_report()
    for path in reports.rglob("*.html"):
        page = path.read_text()
        assert "<script" not in page, path.name
        if path.name != "index.html" and path.stem in ("table-1", "extra-x", "figure-4"):
            assert html.escape(NASTY).replace("&#x27;", "&#39;") in page
    tex = (reports / "demo/exhibits/table-1.tex").read_text()
    assert r"\textit{{*}\textless{}script\textgreater{}" in tex
    assert not re.search(r"(?<!\\)[$#^~]", tex)
    assert tex.count("{") - tex.count(r"\{") == tex.count("}") - tex.count(r"\}")
    markdown = (reports / "demo/exhibits/table-1.md").read_text()
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in markdown.splitlines() if line.startswith("|")}
    assert widths == {9}
    assert "<script" not in markdown
    with (reports / "demo/exhibits/figure-4.csv").open(newline="") as file:
        assert f"Added here: {NASTY}" in {line["series"] for line in csv.DictReader(file)}


def test_an_unknown_place_is_refused(fake: Any, capsys: pytest.CaptureFixture[str]) -> None:
    fake.show("bits-128", "tabel-9", "128")
    with pytest.raises(DeclarationError, match=r"no exhibit 'tabel-9' .*; did you mean 'table-9'"):
        fake.table("table-9")
    assert fake.render("exhibit", "--exhibit", "table-9", "--out-dir", "x") == 2
    assert "runs.yaml: bits-128.shown.tabel-9: no exhibit" in capsys.readouterr().err
