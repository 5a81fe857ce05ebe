"""Build, push, commit, clone elsewhere, pull: then there is nothing to do, and nothing stale passes for current."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bits.records.code import ROOT
from bits.sharing.files import outputs
from bits.sharing.made import read_made
from tests.workflow.conftest import Project

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("sharing")]
SMOKE = ("--config", "scale=smoke")
STYLE = ("bits/reporting/figures.py", 'INK, PAPER, GRID, MUTED = "#23262d"', 'INK, PAPER, GRID, MUTED = "#000000"')
MADE = ("results", "reports", "data")
TRACKED = (
    ".gitignore",
    ".gitattributes",
    "CITATION.cff",
    ".dvcignore",
    "dvc.yaml",
    ".dvc/config",
    ".dvc/.gitignore",
    ".dvc/plots",
)
TRACKED += tuple(f"{folder}/{name}" for folder in MADE for name in (".gitignore", "README.md"))


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    done = subprocess.run(["git", "-C", str(folder), *who, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def share(project: Project, *words: str) -> str:
    done = project.call("bits.commands.share", *words, "scale=smoke")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def refused(project: Project, module: str, *words: str) -> str:
    done = project.call(module, *words)
    assert done.returncode != 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def dvc(project: Project, *words: str) -> str:
    done = project.call("dvc", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def swap(first: Path, second: Path) -> None:
    """Exchange two files, dates included."""
    aside = first.with_name(f"{first.name}.aside")
    first.rename(aside)
    second.rename(first)
    aside.rename(second)


@pytest.fixture(scope="module")
def shared(pristine: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project with all results of scale smoke, committed and pushed to a folder."""
    folder = tmp_path_factory.mktemp("shared") / "project"
    ignored = shutil.ignore_patterns("__pycache__", "features", ".dvc", ".git")
    shutil.copytree(pristine.folder, folder, symlinks=True, ignore=ignored)
    for name in TRACKED:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, target)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "The code")
    assert git(folder, "status", "--porcelain") == ""  # a build alone leaves a clean checkout
    project = Project(folder)
    assert "dvc remote add -d storage" in refused(project, "bits.commands.share", "push", "scale=smoke")
    (folder.parent / "remote").mkdir()
    dvc(project, "remote", "add", "-d", "storage", str(folder.parent / "remote"))
    said = share(project, "push")
    assert "git add results reports data" in said
    git(folder, "add", "results", "reports", "data", ".dvc")
    git(folder, "commit", "-qm", "Results")
    return project


def cloned(shared: Project, name: str, *words: str) -> Project:
    folder = shared.folder.parent / name
    git(shared.folder, "clone", "-q", str(shared.folder), str(folder))
    project = Project(folder)
    share(project, "pull", *words)
    return project


@pytest.fixture(scope="module")
def clone(shared: Project) -> Project:
    """A clone with all results. Tests leave it as they found it."""
    return cloned(shared, "clone")


@pytest.fixture(scope="module")
def light(shared: Project) -> Project:
    """A clone without weights."""
    return cloned(shared, "light", "weights=no")


def test_a_clone_has_nothing_to_do(shared, clone):
    assert "Nothing to be done" in (shown := clone.made("-n", *SMOKE)).stdout + shown.stderr
    assert "up to date" in dvc(clone, "status")
    assert git(clone.folder, "status", "--porcelain") == ""
    assert git(shared.folder, "status", "--porcelain") == ""
    assert shared.jobs(*SMOKE) == {}
    committed = [clone.folder / name for name in git(clone.folder, "ls-files", "results", "reports", "data").split()]
    assert not [path for path in committed if str(shared.folder.parents[1]).encode() in path.read_bytes()]


def test_everything_that_the_rules_make_is_shared(clone):
    summary = clone.made("--summary", *SMOKE).stdout.splitlines()
    made = {line.split("\t")[0] for line in summary if "\t" in line} - {"output_file"}
    assert len(made) > 400
    assert made <= set(outputs(clone.plan()))
    assert made == set(read_made(clone.folder / "results/smoke").dates)


def test_dvc_shows_numbers_and_curves_and_what_changed(clone):
    assert "imagenet1k.retrieval.map" in dvc(clone, "metrics", "show")
    assert dvc(clone, "metrics", "diff").strip() == ""
    file = "reports/smoke/metrics/bits-reset.json"
    with clone.edited(file, '"imagenet1k.knn.top1_k20": ', '"imagenet1k.knn.top1_k20": 9'):
        (changed,) = [line for line in dvc(clone, "metrics", "diff").splitlines() if "bits-reset" in line]
        assert "imagenet1k.knn.top1_k20" in changed
    dvc(clone, "plots", "show", "--out", "../plots")
    page = (clone.folder.parent / "plots/index.html").read_text()
    assert all(word in page for word in ("Figure 1", "Figure 4", '"series": "BITS-reset"'))
    share(clone, "restore")


def test_a_changed_learning_rate_reruns_its_run_and_what_depends_on_it(clone):
    line = "simdino-reset: {method: simdino, head_reset.every_epochs: 10}"
    with clone.edited("config/runs.yaml", line, line.replace("}", ", optimizer.learning_rate: 3.0e-4}")):
        counts = clone.jobs(*SMOKE)
    assert counts == {"pretrain": 1, "evaluate": 1, "text-5.3": 1, "extra-channel": 1, "report": 1, "front_page": 1}


def test_an_edited_figure_style_draws_the_figures_alone(clone):
    with clone.edited(*STYLE):
        counts = clone.jobs(*SMOKE)
    assert set(counts) == {
        *("figure-1", "figure-4", "figure-5", "figure-6", "figure-7", "extra-bits-sent"),
        *("report", "front_page"),
    }


def test_touched_files_rerun_nothing(clone):
    for folder in ("results/smoke", "reports", "data"):
        for path in (clone.folder / folder).rglob("*.*"):
            path.touch()
    assert clone.jobs(*SMOKE) == {}
    share(clone, "restore")
    share(clone, "record")
    assert git(clone.folder, "status", "--porcelain", "--untracked-files=no") == ""


def test_an_edited_number_is_noticed_refused_and_not_whitewashed(clone):
    file = str(clone.plan().metrics[clone.run("dino").id]["imagenet1k"])
    with clone.edited(file, '"top1_k20": 0.', '"top1_k20": 0.9'):
        assert file in share(clone, "restore")
        assert clone.jobs("table-1", *SMOKE) == {"table-1": 1}
        assert "was changed after it was made" in refused(clone, "snakemake", "--cores", "1", "table-1", *SMOKE)
        assert file in refused(clone, "bits.commands.share", "record", "scale=smoke")
    git(clone.folder, "checkout", "-q", "reports")  # what the failed job took away
    share(clone, "pull", "weights=no")
    assert clone.jobs("table-1", *SMOKE) == {}


def test_swapped_and_backdated_files_are_refused(clone):
    plan, dino, simdino = clone.plan(), clone.run("dino"), clone.run("simdino")
    numbers = [clone.folder / plan.metrics[run.id]["imagenet1k"] for run in (dino, simdino)]
    weights = [clone.folder / run.weights("teacher") for run in (dino, simdino)]
    exhibit = clone.folder / "reports/smoke/exhibits/table-1.csv"
    for pair in (numbers, weights):
        swap(*pair)  # dates and all: Snakemake sees nothing
        said = refused(clone, "bits.commands.share", "record", "scale=smoke")
        assert all(str(path.relative_to(clone.folder)) in said for path in pair)
        if pair == weights:
            numbers[0].unlink()
            said = refused(clone, "snakemake", "--cores", "1", str(numbers[0].relative_to(clone.folder)), *SMOKE)
            assert f"expected {dino.id.rpartition('-')[2]}" in said
            git(clone.folder, "checkout", "-q", str(numbers[0]))
        swap(*pair)
    text, date = exhibit.read_text(), exhibit.stat().st_mtime
    exhibit.write_text(text.replace("dino", "DINO"))
    os.utime(exhibit, (date - 100, date - 100))
    assert "table-1.csv" in refused(clone, "bits.commands.share", "record", "scale=smoke")
    assert "table-1.csv" in share(clone, "restore")
    exhibit.write_text(text)
    assert "not as recorded" not in share(clone, "restore")
    assert clone.jobs(*SMOKE) == {}


def test_without_checkpoints_the_report_renders_and_one_run_can_be_pulled(light):
    assert not list(light.folder.glob("results/smoke/runs/*/*.safetensors"))
    assert light.jobs(*SMOKE) == {}
    picture = light.folder / "reports/smoke/exhibits/figure-1.png"
    with light.edited(*STYLE):
        old, before = picture.stat().st_ino, picture.read_bytes()
        (light.folder / "reports/smoke/exhibits/table-1.tex").unlink()
        light.made("table-1", "figure-1", *SMOKE)
        assert picture.stat().st_ino != old  # a new file: the cache keeps what it had
        assert picture.read_bytes() != before
        said = refused(light, "bits.commands.share", "pull", "scale=smoke", "weights=no")
        assert "figure-1" in said  # it would be lost
        share(light, "record")  # what was not pulled stays recorded
        changed = set(git(light.folder, "diff", "--name-only", "results", "reports").split())
        exhibits = {f"reports/smoke/exhibits/figure-1.{ending}" for ending in ("png.dvc", "pdf.dvc", "svg.dvc", "html")}
        (record,) = (light.folder / "results/smoke/made").glob("figure-1-*.json")
        assert {str(record.relative_to(light.folder))} <= changed
        assert {name for name in changed if not name.startswith("results/smoke/made/")} <= exhibits
        assert {name for name in changed if name.endswith(".dvc")}
    cache = light.folder / ".dvc/cache/files/md5"
    for path in cache.rglob("*"):
        if path.is_file():
            assert hashlib.md5(path.read_bytes()).hexdigest() == path.parent.name + path.name
    git(light.folder, "checkout", "-q", ".")
    share(light, "pull", "weights=no")  # back to what was committed: the other picture is in the cache
    assert picture.read_bytes() == before
    share(light, "pull", "run=bits-reset")
    found = {(path.parent.name, path.stem) for path in light.folder.glob("results/smoke/runs/*/*.safetensors")}
    assert found == {(light.run("bits-reset").id, part) for part in ("heads", "student", "teacher")}
    assert "no run of study smoke; did you mean 'bits-reset'" in refused(
        light, "bits.commands.share", "pull", "scale=smoke", "run=bits-rest"
    )


def archived(project: Project, *words: str) -> str:
    done = project.call("bits.commands.archive", "scale=smoke", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_archive_takes_what_is_current_alone(shared):
    """The last test, because it leaves the plan of another set-up behind."""
    assert "study smoke: nothing changed" in archived(shared)
    shared.made("-n", "--config", "scale=smoke", "set=schedule.epochs=3")
    assert "41 runs" in archived(shared), "the last plan, a dry run's, is not what is there"
    with shared.edited(*STYLE):
        said = refused(shared, "bits.commands.archive", "scale=smoke")
        assert re.search(r"Render figure-\d: the code of reporting changed", said)
        shared.made("figure-1", *SMOKE)
        said = refused(shared, "bits.commands.archive", "scale=smoke", "--incomplete")
        assert re.search(r"Render figure-[4-7]: the code", said) and "Render figure-1:" not in said
