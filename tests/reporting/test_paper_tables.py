"""Tables of the paper with planted values in every format: one column, an outcome, two groups by twelve columns."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from typing import Any

import pytest

TARGETS = ("birds525", "food101", "inat2019", "plantnet300k")
METHODS = ("dino", "simdino", "bits-fixed", "bits-reset")
CRITERION = "effective rank of the teacher's embeddings 1.02 < 2 at epoch 30"


@pytest.fixture
def planted(fake: Any) -> Any:
    """Everything that Tables 4, 10 and 14 need, one soft target collapsed."""
    fake.without_pending()
    for index, beta in enumerate(("0.05", "0.1", "0.2", "0.5")):
        fake.plant(f"bits-beta-{beta}", retrieval={"map": 0.2 + index / 100})
    for index, tau in enumerate(("0.2", "0.1", "0.05", "0.01")):
        fake.plant(f"bits-soft-{tau}", retrieval={"map": 0.1 + index / 1000})
    fake.plant("bits-soft-1", retrieval={"map": 0.05})
    fake.end("bits-soft-1", "collapsed", CRITERION)
    for row, method in enumerate(METHODS):
        for column, role in enumerate(TARGETS):
            for tuned, source in enumerate((method, f"{method}-on-{role}")):
                base = 0.2 + 0.1 * tuned + row / 100 + column / 1000
                values = {"retrieval": {"map": base}, "knn": {"top1_k20": base + 0.1}, "linear": {"last": base + 0.2}}
                fake.plant(source, role, **values)
    return fake


def body(path: Any) -> list[str]:
    """The lines between a LaTeX table's rules."""
    return path.read_text().partition(r"\toprule")[2].partition(r"\bottomrule")[0].strip("\n").splitlines()


def cells_of(line: str) -> int:
    """How many columns a LaTeX row fills."""
    spans = [int(n) for n in re.findall(r"\\multicolumn\{(\d+)\}", line)]
    return len(re.findall(r"(?<!\\)&", line)) + 1 + sum(spans) - len(spans)


def test_table_4(planted: Any) -> None:
    folder = planted.render_exhibit("table-4")
    shown = [row.cells[0].text for row in planted.table("table-4").rows]
    assert shown == ["20.00", "21.00", "22.00", "23.00", "5.01", "9.04", "8.11"]
    markdown = (folder / "table-4.md").read_text()
    assert "| beta | mAP (%) |\n|:---|---:|\n| 0.05 | 20.00 (" in markdown
    lines = body(folder / "table-4.tex")
    assert lines[0] == r"beta & mAP (\%) \\"
    assert lines[5].startswith(r"0.5 & \textbf{23.00} {\footnotesize(")
    assert {cells_of(line) for line in lines if line.endswith(r"\\")} == {2}


def test_table_10_says_why_a_run_collapsed_in_every_format(planted: Any) -> None:
    folder = planted.render_exhibit("table-10")
    said = f"soft tau=1: collapse - {CRITERION}"
    assert planted.table("table-10").outcomes() == [said]
    markdown = (folder / "table-10.md").read_text()
    assert "| soft tau=1 | *collapse* (collapse) |" in markdown
    assert f"**Outcomes**\n\n- {said.replace('<', '&lt;')}\n" in markdown
    page = (folder / "table-10.html").read_text()
    assert '<span class="m outcome" title="' in page
    assert ">collapse</span>" in page
    assert "<li>soft tau=1: collapse - effective rank of the teacher&#39;s embeddings 1.02 &lt; 2 at epoch 30" in page
    assert "measured 5.00" in page, "in the tooltip"
    tex = (folder / "table-10.tex").read_text()
    assert r"soft tau=1 & \textit{collapse} {\footnotesize(collapse)} \\" in tex
    assert r"Outcomes. soft tau=1: collapse - effective rank" in tex
    assert CRITERION in (folder / "table-10.csv").read_text()


def test_table_14(planted: Any) -> None:
    planted.end("dino-on-food101", "collapsed", CRITERION)
    folder = planted.render_exhibit("table-14")
    table = planted.table("table-14")
    assert table.counts() == (96, 96 + 36), "nobody planted the references on the target sets"
    assert table.outcomes() == [
        f"After 10 epochs of self-supervised fine-tuning on the target: DINO (dino-on-food101): collapse - {CRITERION}"
    ]
    frozen, tuned = table.rows[3], table.rows[7]
    assert (frozen.cells[3].value, tuned.cells[3].value) == (pytest.approx(23.1), pytest.approx(33.1))
    lines = body(folder / "table-14.tex")
    assert lines[0] == (
        r" & \multicolumn{3}{c}{Birds525} & \multicolumn{3}{c}{Food101} & \multicolumn{3}{c}{iNat2019}"
        r" & \multicolumn{3}{c}{PlantNet300k} \\"
    )
    assert lines[1] == r"\cmidrule(lr){2-4} \cmidrule(lr){5-7} \cmidrule(lr){8-10} \cmidrule(lr){11-13}"
    assert {cells_of(line) for line in lines if line.endswith(r"\\")} == {13}
    assert sum(line == r"\midrule" for line in lines) == 3
    tex = (folder / "table-14.tex").read_text()
    for part in (r"\begin{table*}[t]", r"\resizebox{\ifdim", r"\end{tabular}}", r"\end{table*}"):
        assert tex.count(part) == 1
    assert tex.count(r"\textit{collapse}") == 3
    said = "Bold: in each column and group of rows, the best of two or more of the paper's rows of which every seed was"
    for ending in ("html", "md", "tex"):
        text = html.unescape((folder / f"table-14.{ending}").read_text())
        assert said in text, ending
    page = (folder / "table-14.html").read_text()
    assert 'class="grid dense"' in page
    assert page.count('class="m best"') == 2 * 12


def test_a_diverging_run_that_did_not_diverge_here(planted: Any) -> None:
    planted.plant("simdino-reset", retrieval={"map": 0.1234})
    folder = planted.render_exhibit("text-5.3")
    assert "| SimDINO-reset | 12.34 (diverges) |" in (folder / "text-5.3.md").read_text()
    assert r"SimDINO-reset & 12.34 {\footnotesize(diverges)} \\" in (folder / "text-5.3.tex").read_text()
    page = (folder / "text-5.3.html").read_text()
    assert re.search(r'>12\.34</a></span><span class="p"[^>]*><span class="vh"> published </span>diverges</span>', page)
    assert "12.34,,1/1,,,,,diverges,%" in (folder / "text-5.3.csv").read_text()


def test_a_diverging_run_that_diverged(planted: Any) -> None:
    planted.end("simdino-reset", "diverged", "loss is not finite at step 41")
    folder = planted.render_exhibit("text-5.3")
    markdown = (folder / "text-5.3.md").read_text()
    assert "| SimDINO-reset | *diverges* (diverges) |" in markdown
    assert "- SimDINO-reset: diverges - loss is not finite at step 41" in markdown


@pytest.mark.parametrize("name", ["table-1", "table-4", "table-14"])
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_compiles_and_stays_on_the_line(planted: Any, name: str) -> None:
    planted.show("bits-512", name, "ε ≤ 0.1\n\n„q“ 日本 é – a label as long as a table's is not")
    tex = (planted.render_exhibit(name) / f"{name}.tex").read_text()
    packages = tex.splitlines()[0].partition("needs ")[2]
    page = f"\\documentclass{{article}}{packages}\\begin{{document}}{tex}\\end{{document}}"
    (planted.root / "page.tex").write_text(page)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    said = subprocess.run(command, cwd=planted.root, capture_output=True, check=True).stdout
    assert b"Overfull" not in said


@pytest.mark.parametrize("name", ["table-3", "table-9", "table-11", "table-12", "table-13", "figure-5"])
def test_what_has_not_run_renders_as_holes(fake: Any, name: str) -> None:
    fake.without_pending()
    folder = fake.render_exhibit(name)
    assert "snakemake results/demo" in (folder / f"{name}.html").read_text()


def test_a_label_says_what_the_scale_has_instead(fake: Any) -> None:
    """The paper's 256 bits are fewer where the backbone is narrower."""
    fake.without_pending()

    def labels(scale: float) -> list[str]:
        for name, outputs in (("bits-128", 128), ("bits-min-lr-1e-6", 256), ("bits-512", 512)):
            run = fake.run(name)
            head = run.recipe.head.model_copy(update={"outputs": outputs, "outputs_scale": scale})
            recipe = run.recipe.model_copy(update={"head": head})
            fake.plan.runs[run.id] = run.model_copy(update={"recipe": recipe})
        fake.save()
        return [row.label for row in fake.table("table-11").rows if row.kind == "run"]

    assert labels(0.125) == ["128 (16 here)", "256 (32 here)", "512 (64 here)"]
    assert labels(1.0) == ["128", "256", "512"]
