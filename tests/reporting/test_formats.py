"""Every format of a table carries the same cells, the stamp, and nothing unescaped."""

from __future__ import annotations

import csv
import html
import re
from pathlib import Path
from typing import Any

import pytest

from bits.config.recipe import Dataset
from bits.plan.model import Choice, Paper
from bits.reporting.latex_text import latex_escaped
from bits.reporting.tables import markdown_escaped

NASTY = "<script>alert('x')</script> | 50% & $1_a^b~ {c} \\d #e [f] `g` *h*"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def text_of(page: str) -> str:
    """A page without its style sheet and tags."""
    return html.unescape(re.sub(r"<[^>]+>", "", re.sub(r"<style>.*?</style>", "", page, flags=re.S)))


@pytest.fixture
def nasty(fake: Any) -> Any:
    """A scale whose every free text tries to break out."""
    fake.change(
        scale=fake.plan.scale.model_copy(update={"title": NASTY, "stamp": NASTY}),
        project=fake.plan.project.model_copy(update={"paper": Paper(title=NASTY, arxiv=NASTY)}),
        choices=(Choice(key=NASTY, value=NASTY, why=NASTY),),
        datasets={"imagenet1k": Dataset(name="scenes", title=NASTY, kind="scenes")},
    )
    fake.end("simdino", "diverged", NASTY)
    quoted = NASTY.replace("'", "''")
    fake.change_exhibits("tables.yaml", 'title: "{imagenet1k|ImageNet-1k}"', f"title: '{quoted}'")
    fake.change_exhibits("figures.yaml", "title: Retrieval over pretraining", f"title: '{quoted}'")
    return fake


def test_csv_holds_each_cell_with_its_origin_and_stamp(fake: Any) -> None:
    lines = rows_of(fake.render_exhibit("table-1") / "table-1.csv")
    assert len(lines) == (4 + 3 + 2) * 7
    (cell,) = [line for line in lines if (line["source"], line["column"]) == ("bits-reset", "mAP")]
    assert cell["measured"] == "20.125", "all digits, though the table rounds"
    facts = {key: cell[key] for key in ("scale", "exhibit", "published", "unit", "status", "stamp")}
    assert facts == {
        "scale": "demo",
        "exhibit": "table-1",
        "published": "50.64",
        "unit": "%",
        "status": "measured",
        "stamp": fake.stamp,
    }
    assert cell["run_id"] == fake.id("bits-reset")
    assert (fake.root / cell["origin"]).is_file()
    assert {line["stamp"] for line in lines} == {fake.stamp}


def test_csv_of_curves_holds_measured_and_published_points(fake: Any) -> None:
    lines = rows_of(fake.render_exhibit("figure-4") / "figure-4.csv")
    measured = [line for line in lines if line["series"] == "DINO" and line["measured"]]
    published = [line for line in lines if line["series"] == "DINO" and line["published"]]
    assert [line["x"] for line in measured] == ["0", "20", "40", "60", "80", "100"]
    assert [line["published"] for line in published] == ["10", "20", "28", "32", "35", "36"]
    assert not any(line["measured"] and line["published"] for line in lines)
    assert {line["stamp"] for line in lines} == {fake.stamp}


def test_csv_of_a_missing_curve_says_so(fake: Any) -> None:
    fake.metrics_path("dino", "training").unlink()
    lines = rows_of(fake.render_exhibit("figure-4") / "figure-4.csv")
    holes = [line for line in lines if line["series"] == "DINO" and not line["published"]]
    assert [(line["x"], line["measured"], line["status"]) for line in holes] == [("", "", "not measured")]


@pytest.mark.parametrize(
    ("ending", "row"),
    [
        (
            "md",
            "| BITS-reset | **20.12** (50.64) | **28.70** (73.5) | **33.97** (77.8) | **35.20** ‡ |",
        ),
        (
            "md",
            "| SimDINO | *not measured* (38.62) | *not measured* (69.52) | *not measured* (75.3) | *not measured* |",
        ),
        (
            "md",
            "| BITS-fixed | *collapse* (43.44) | *collapse* (73.32) | *collapse* (76.7) | ",
        ),
        ("md", r"| *SimDINO \[public checkpoint\]* |  | (74.9) | (77.3) |  |  |"),
        (
            "tex",
            r"BITS-reset & \textbf{20.12} {\footnotesize(50.64)} & \textbf{28.70} {\footnotesize(73.5)} & ",
        ),
        (
            "tex",
            r"SimDINO & \textit{not measured} {\footnotesize(38.62)} & \textit{not measured} {\footnotesize(69.52)} & ",
        ),
        ("tex", r"BITS-fixed & \textit{collapse} {\footnotesize(43.44)} & "),
        ("tex", r"\textit{raw pixels} & 9.04 & 21.70 & "),
        ("tex", r"method & mAP (\%) & k-NN (\%) & linear probing (\%) & "),
    ],
)
def test_a_row_in_markdown_and_latex(fake: Any, ending: str, row: str) -> None:
    fake.metrics_path("simdino").unlink()
    fake.end("bits-fixed", "collapsed")
    assert row in (fake.render_exhibit("table-1") / f"table-1.{ending}").read_text()


def test_the_html_cell_links_to_its_metrics_file(fake: Any) -> None:
    path = fake.render_exhibit("table-1") / "table-1.html"
    page = path.read_text()
    links = re.findall(r'<a class="m best" href="([^"]+)" title="([^"]+)">20\.12</a>', page)
    assert len(links) == 1
    link, tooltip = links[0]
    assert (path.parent / link).resolve() == fake.metrics_path("bits-reset").resolve()
    assert fake.id("bits-reset") in tooltip
    assert re.search(r'20\.12</a></span><span class="p"><span class="vh"> published </span>50\.64</span>', page)


def test_the_html_table_is_accessible_and_stands_alone(fake: Any) -> None:
    fake.without_pending()
    page = (fake.render_exhibit("table-14") / "table-14.html").read_text()
    assert page.count("<caption") == 1
    assert page.count('scope="colgroup"') == 4
    assert page.count('scope="rowgroup"') == 2
    assert page.count('<th scope="row">') == 8 + 3
    assert page.count('scope="col"') == 13
    assert page.count('class="m hole"') == (8 + 3) * 12
    assert not re.findall(r'(?:src|href)="(?:https?:|//)', page)
    assert '<html lang="en">' in page


@pytest.mark.parametrize("exhibit", ["table-1", "table-2", "figure-1", "figure-4"])
def test_every_format_carries_the_stamp(fake: Any, exhibit: str) -> None:
    folder = fake.render_exhibit(exhibit)
    texts = [path for path in folder.iterdir() if path.suffix in (".html", ".csv", ".md", ".tex")]
    assert len(texts) == (4 if exhibit.startswith("table") else 2)
    for path in texts:
        text = text_of(path.read_text()) if path.suffix == ".html" else path.read_text()
        assert fake.stamp in text.replace("\\", ""), path.name


def test_nothing_nasty_gets_into_html(nasty: Any) -> None:
    reports = nasty.render_report()
    pages = [*reports.rglob("*.html")]
    assert len(pages) == 6
    for path in pages:
        page = path.read_text()
        assert "<script" not in page.lower(), path.name
        assert NASTY in text_of(page), path.name


def test_nothing_nasty_gets_into_markdown(nasty: Any) -> None:
    page = (nasty.render_exhibit("table-1") / "table-1.md").read_text()
    assert "<script" not in page
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in page.splitlines() if line.startswith("|")}
    assert widths == {9}, "every row of the table has as many cells as its head"


def test_nothing_nasty_gets_into_latex(nasty: Any) -> None:
    page = (nasty.render_exhibit("table-1") / "table-1.tex").read_text()
    assert page.count("{") - page.count(r"\{") == page.count("}") - page.count(r"\}")
    assert not re.search(r"(?<!\\)[$#^~]", page)
    assert not re.search(r"(?<!\\)%", page.partition("\n")[2].replace("{!}{%\n", ""))
    assert not re.search(r"(?<!\\)_", page)


def test_nothing_nasty_gets_into_csv(nasty: Any) -> None:
    assert {line["stamp"] for line in rows_of(nasty.render_exhibit("table-1") / "table-1.csv")} == {NASTY}


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        (r"a_b & 5% {x} \y #1 $2 β=∞", r"a\_b \& 5\% \{x\} \textbackslash{}y \#1 \$2 $\beta$=$\infty$"),
        ("a\n\n b\tc\u00a0d", "a b c d"),
        ("ε λ Λ µ Α", r"$\varepsilon$ $\lambda$ $\Lambda$ $\mu$ A"),
        ("−1 ≤ 2 → x² H₂O ½", r"$-$1 $\leq$ 2 $\rightarrow$ x$^{2}$ H$_{2}$O 1/2"),
        ("„q“ ‘r’ “s” 1–2…", r",,q`` `r' ``s'' 1--2\ldots{}"),
        ("é ï ß ą ệ", r"\'{e} \"{\i} \ss{} a \d{e}"),
        ("日\u200b\x00", "{[}U+65E5{]}"),
    ],
)
def test_latex_escapes(text: str, latex: str) -> None:
    assert latex_escaped(text) == latex


def test_every_character_is_ascii_in_latex() -> None:
    assert all(latex_escaped(chr(code)).isascii() for code in range(0x20, 0x11000) if not 0xD800 <= code < 0xE000)


def test_markdown_escapes_pipes_and_line_ends() -> None:
    assert markdown_escaped("a|b\nc <d> *e*") == r"a\|b c &lt;d&gt; \*e\*"
