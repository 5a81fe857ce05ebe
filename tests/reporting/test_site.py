"""The report, its summary and the front page; and the command line's errors."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import ANY
from urllib.parse import unquote

import pytest

from bits.commands.render import main
from bits.plan.model import DataRemark
from bits.reporting.pages import duration, link_from, moment

ROOT = Path(__file__).resolve().parents[2]


def text_of(path: Path) -> str:
    page = re.sub(r"<style>.*?</style>", "", path.read_text(), flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def broken_links(path: Path) -> list[str]:
    """Relative links and images of a page that lead nowhere, fragments included."""
    page = path.read_text()
    found = [html.unescape(link) for link in re.findall(r'(?:href|src)="([^"]+)"', page)]
    anchors = set(re.findall(r'id="([^"]+)"', page))
    broken = [link for link in found if link.startswith("#") and link[1:] not in anchors]
    files = [link for link in found if not link.startswith("#")]
    return broken + [link for link in files if not (path.parent / unquote(link)).is_file()]


def test_every_link_of_every_page_leads_somewhere(fake: Any) -> None:
    reports = fake.render_report()
    pages = [*reports.rglob("*.html")]
    assert len(pages) == 6
    for path in pages:
        assert broken_links(path) == [], path.name
    assert len(re.findall(r'href="', (reports / "demo/index.html").read_text())) > 60


def test_the_report_says_where_everything_stands(fake: Any) -> None:
    report = text_of(fake.render_report() / "demo/index.html")
    assert report.count(fake.stamp) == 2
    assert report.count("not yet implemented") == (22 + 5) * 2
    assert "the reader of table-6 & its splits" in report
    assert "49 of 49 cells" in report
    assert "4 of 4 curves" in report
    assert "5d1c0ffee5d1c0ffee5d1c0ffee5d1c0ffee0001 with uncommitted changes" in report
    assert "cpu: Some CPU, cores: 2" in report
    assert "torch 2.9.0" in report
    assert "plays the role of eps^2 in Eq. 9" in report
    assert "procedural scenes, 20 classes" in report
    assert "2026-03-01 10:02 UTC" in report


def test_the_report_claims_no_more_exhibits_than_are_here(fake: Any) -> None:
    report = text_of(fake.render_report() / "demo/index.html")
    assert (
        "4 of the 26 exhibits of the paper, its tables, figures and two groups of numbers in its text, are here"
        in report
    )
    assert "more with holes" not in report
    assert "Every table and figure" not in report
    fake.unmake("dino")
    report = text_of(fake.render_report() / "demo/index.html")
    assert report.count("0 of the 26 exhibits") == report.count("; 4 more with holes, which say what is missing.") == 1


def test_what_was_changed_for_all_runs_is_said(fake: Any) -> None:
    assert "Changed for all runs" not in text_of(fake.render_report() / "demo/index.html")
    fake.change(
        overrides=("schedule.epochs=3", "seed=1", "name=<script>"), changed=("schedule.epochs=3", "name=<script>")
    )
    page = fake.render_report() / "demo/index.html"
    assert "Changed for all runs: schedule.epochs=3 , name=<script>" in text_of(page)
    assert "<code>name=&lt;script&gt;</code>" in page.read_text()
    fake.change(overrides=("seed=1", "site=local"), changed=())
    assert "Changed for all runs" not in text_of(fake.render_report() / "demo/index.html")


def test_what_should_be_known_of_the_data_stands_beside_them(fake: Any) -> None:
    remark = DataRemark(
        role="imagenet1k", found="60 of 60 val images are copies of training images", remedy="Remove them."
    )
    assert remark.found not in text_of(fake.render_report() / "demo/index.html")
    fake.change(remarks=(remark,))
    assert remark.found in text_of(fake.render_report() / "demo/index.html")


def run_cells(page: str, identity: str) -> list[str]:
    """The cells of a run's line, as text."""
    row = re.search(rf"<code>{identity}</code>.*?</tr>", page, flags=re.S)
    assert row is not None
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row.group(), flags=re.S)
    return [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in cells]


def test_the_table_of_runs(fake: Any) -> None:
    fake.end("bits-fixed", "collapsed", "all on one point")
    fake.end("dino-on-birds525", "finished")
    fake.fail("bits-cosine", "CUDA: out of <memory>")
    index = fake.render_report() / "demo/index.html"
    page = index.read_text()
    assert run_cells(page, "dino-3fa9c1d2")[:7] == ["0", "finished", "100", "0.6700", "200", "1 min 23 s", ANY]
    assert run_cells(page, fake.id("bits-fixed"))[1] == "collapsed all on one point"
    assert run_cells(page, fake.id("bits-cosine"))[1:3] == ["failed CUDA: out of &lt;memory&gt;", "3"]
    assert run_cells(page, fake.id("bits-cosine"))[-1] == "failure"
    text = text_of(index)
    assert "Pretrainings 3 finished, 1 collapsed, 1 failed, 20 not run." in text
    assert "Fine-tunings 1 finished, 15 not run." in text
    assert "pretrainings that have ended 5 of 25" in text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            b'{"loss": 0.1, "images_per_s": "fast"}',
            "log.jsonl:4: images_per_s: expected a number or null, found 'fast'",
        ),
        (b'{"loss": [1]}', "log.jsonl:4: loss: expected a number or null, found [1]"),
        (b"\xff\xfe", "log.jsonl: not UTF-8 text"),
    ],
)
def test_a_log_that_is_none_is_named(fake: Any, capsys: pytest.CaptureFixture[str], line: bytes, message: str) -> None:
    reports = fake.render_report()
    with (fake.root / fake.run("dino").log).open("ab") as log:
        log.write(line + b"\n")
    folder, out = str(reports / "demo/exhibits"), str(reports / "demo/index.html")
    assert fake.render("report", "--exhibits-dir", folder, "--out", out) == 2
    assert message in capsys.readouterr().err


def test_a_log_may_hold_a_loss_that_is_not_finite_and_a_line_that_is_half_written(fake: Any) -> None:
    with (fake.root / fake.run("dino").log).open("a") as log:
        log.write('{"loss": null, "images_per_s": null}\n{"lo')
    page = (fake.render_report() / "demo/index.html").read_text()
    assert run_cells(page, fake.id("dino"))[3:5] == ["–", "200"]


def test_the_table_of_runs_has_a_line_for_every_seed(thrice: Any) -> None:
    page = (thrice.render_report() / "demo/index.html").read_text()
    identities = [*thrice.plan.sources["dino"], *thrice.plan.sources["bits-reset-on-food101"]]
    assert [run_cells(page, identity)[0] for identity in identities] == ["0", "1", "2", "0", "1", "2"]
    assert page.count('<th scope="row"><code>') == 3 * 41 + len(thrice.plan.choices)


def test_an_exhibit_without_data_is_told_apart(fake: Any, capsys: pytest.CaptureFixture[str]) -> None:
    fake.without_pending()
    reason = "no birds525: data/birds525 does not exist"
    fake.change(left_out=dict.fromkeys(("table-8", "table-14", "figure-5", "figure-6", "figure-7"), reason))
    reports = fake.render_report()
    page, report = (reports / "demo/index.html").read_text(), text_of(reports / "demo/index.html")
    assert re.search(r'<td><span class="state no-data">no data</span></td><td class="muted">no birds525:', page)
    assert "no data on this machine 5" in report
    counts = json.loads((reports / "demo/summary.json").read_text())["counts"]
    assert (counts["no data"], counts["pending"], sum(counts.values())) == (5, 5, 26)
    assert "5 without their data set" in text_of(reports / "index.html")
    assert fake.render("exhibit", "--exhibit", "table-8", "--out-dir", "x") == 2
    assert f"Table 8 cannot be computed on this machine: {reason}" in capsys.readouterr().err


def test_notes_on_the_paper_are_gathered(fake: Any) -> None:
    report = text_of(fake.render_report() / "demo/index.html").partition("Where the paper looks inconsistent")[2]
    for part in (
        "Table 1. ",
        "74.9, 77.3",
        "Table 8. ",
        "Table 14. ",
        "77.52",
        "Table 16",
        "Figure 7. ",
        "31.46",
    ):
        assert part in report


def test_a_hole_makes_an_exhibit_incomplete(fake: Any) -> None:
    fake.metrics_path("simdino").unlink()
    reports = fake.render_report()
    report = text_of(reports / "demo/index.html")
    assert "42 of 49 cells" in report
    assert re.search(r"Missing .*imagenet1k-1a2b3c4d.json does not exist", report)
    summary = json.loads((reports / "demo/summary.json").read_text())
    assert summary["counts"] == {"computed": 1, "incomplete": 3, "no data": 0, "pending": 22}
    assert "1 of 26 exhibits computed, 3 with holes" in text_of(reports / "index.html")


def test_the_front_page_lists_every_scale_the_reproduction_first(fake: Any) -> None:
    reports = fake.render_report()
    summary = json.loads((reports / "demo/summary.json").read_text())
    summary["scale"] |= {
        "name": "paper",
        "title": "as published",
        "reproduction": True,
        "stamp": "PAPER SCALE",
    }
    (reports / "paper").mkdir()
    (reports / "paper/summary.json").write_text(json.dumps(summary))
    (reports / "paper/index.html").write_text("")
    assert fake.render("front", "--reports", str(reports), "--out", str(reports / "index.html")) == 0
    front = text_of(reports / "index.html")
    assert front.index("PAPER SCALE") < front.index(fake.stamp)
    assert 'class="stamp reproduction"' in (reports / "index.html").read_text()
    assert front.count("20.12 published 50.64") == 2
    assert broken_links(reports / "index.html") == []


def test_only_a_reproduction_drops_the_warning(fake: Any) -> None:
    warning = "no evidence for or against the paper's results"
    assert warning in text_of(fake.render_report() / "demo/index.html")
    fake.change(scale=fake.plan.scale.model_copy(update={"reproduction": True}))
    assert warning not in text_of(fake.render_report() / "demo/index.html")


def test_a_bare_plan_is_enough(fake: Any) -> None:
    """A plan without choices or data sets, and nothing run yet, renders as holes."""
    fake.change(choices=(), datasets={}, metrics={})
    for run in fake.plan.runs.values():
        (fake.root / run.outcome).unlink(missing_ok=True)
    report = text_of(fake.render_report() / "demo/index.html")
    assert "Pretrainings 25 not run." in report
    assert "0 of 49 cells" in report
    assert "commit not recorded" in report


def test_a_pending_exhibit_is_refused_with_its_reason(fake: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert fake.render("exhibit", "--exhibit", "table-6", "--out-dir", "x") == 2
    assert "Table 6 cannot be computed yet (the reader of table-6 & its splits)" in capsys.readouterr().err


def test_a_kind_that_nothing_renders_is_refused(fake: Any, capsys: pytest.CaptureFixture[str]) -> None:
    fake.without_pending()
    fake.pending(())
    assert fake.render("exhibit", "--exhibit", "figure-2", "--out-dir", "x") == 2
    assert "figure-2: nothing renders exhibits of kind embedding" in capsys.readouterr().err


def test_strict_refuses_holes_and_writes_nothing(fake: Any, capsys: pytest.CaptureFixture[str]) -> None:
    fake.metrics_path("simdino").unlink()
    out = fake.root / "strict"
    assert fake.render("exhibit", "--exhibit", "table-1", "--out-dir", str(out), "--strict") == 2
    assert "Table 1 has holes:" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["exhibit", "--exhibit", "table-1", "--out-dir", "x"], "plan.json: cannot be read (No such file"),
        (
            ["report", "--exhibits-dir", "x", "--out", "y/index.html"],
            "plan.json: cannot be read (No such file",
        ),
    ],
)
def test_a_missing_plan(fake: Any, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    fake.plan_path.unlink()
    assert fake.render(*arguments) == 2
    assert message in capsys.readouterr().err


def test_the_report_needs_its_exhibits(fake: Any, capsys: pytest.CaptureFixture[str]) -> None:
    fake.render_exhibit("table-1")
    folder = str(fake.root / "reports/demo/exhibits")
    assert fake.render("report", "--exhibits-dir", folder, "--out", str(fake.root / "index.html")) == 2
    error = capsys.readouterr().err
    assert "table-2.html does not exist" in error
    assert "render exhibit --exhibit table-2" in error


def test_the_front_page_needs_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["front", "--reports", str(tmp_path), "--out", str(tmp_path / "index.html")]) == 2
    assert "no */summary.json. Render a report first" in capsys.readouterr().err
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo/summary.json").write_text("{}")
    assert main(["front", "--reports", str(tmp_path), "--out", str(tmp_path / "index.html")]) == 2
    assert "not a report's summary" in capsys.readouterr().err


def test_the_command_line_leaves_with_2_and_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bits.commands.render", "exhibit", "--exhibit", "table-1"]
    places = ["--plan", str(tmp_path / "plan.json"), "--out-dir", str(tmp_path)]
    done = subprocess.run([*command, *places], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("PlanError: ")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_tables_are_rendered_without_torch_pandas_or_seaborn(fake: Any) -> None:
    code = (
        "import sys; from bits.commands.render import main; code = main(sys.argv[1:]); "
        "heavy = [name for name in ('torch', 'pandas', 'seaborn', 'matplotlib') if name in sys.modules]; "
        "sys.exit(str(heavy) if heavy else code)"
    )
    places = [
        "--plan",
        fake.plan_path,
        "--root",
        fake.root,
        "--config",
        fake.config,
        "--out-dir",
        fake.root / "out",
    ]
    command = [sys.executable, "-c", code, "exhibit", "--exhibit", "table-1", *map(str, places)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_links_stay_inside_the_page_s_scheme(tmp_path: Path) -> None:
    href = link_from(tmp_path / "reports/demo/index.html", tmp_path)
    assert href("results/a b#c.json") == "../../results/a%20b%23c.json"
    assert href("reports/demo/javascript:alert(1)").startswith("./javascript%3A")


def test_durations_and_moments_read_well() -> None:
    assert [duration(s) for s in (None, 4.25, 42, 200, 18720)] == [
        "",
        "4.2 s",
        "42 s",
        "3 min 20 s",
        "5 h 12 min",
    ]
    assert moment("2026-03-01T12:02:59+02:00") == "2026-03-01 10:02 UTC"
    assert moment("yesterday") == "yesterday"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("scale", {"name": "demo"}, "scale.title: Field required"),
        ("runs", {"dino": {}}, "runs.dino.name: Field required"),
        ("shown", {"dino": {"table-9": 50}}, "shown.dino.table-9: Input should be a valid string"),
    ],
)
def test_a_plan_with_a_hole_is_named(
    fake: Any, capsys: pytest.CaptureFixture[str], key: str, value: object, message: str
) -> None:
    content = json.loads(fake.plan_path.read_text())
    fake.plan_path.write_text(json.dumps({**content, key: value}))
    assert fake.render("exhibit", "--exhibit", "table-1", "--out-dir", "x") == 2
    assert message in capsys.readouterr().err
