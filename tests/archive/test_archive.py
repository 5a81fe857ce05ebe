"""A scale as an RO-Crate: complete, private, deterministic, valid."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import yaml
from rocrate.rocrate import ROCrate

from bits.archive.citation import read_citation
from bits.archive.contents import archived_name, untracked
from bits.archive.deposit import deposit
from bits.archive.errors import ArchiveError
from bits.archive.private import cleaned
from bits.archive.sealed import SEAL, resealed
from bits.archive.validate import problems
from bits.commands import archive as command
from bits.errors import BitsError
from bits.plan import Plan, Request, current_plan, read_plan
from bits.records.code import ROOT
from bits.records.digests import digest

Archive = Callable[..., Path]


@pytest.fixture
def archived(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """archived(*words) -> the zip that `bits archive *words` writes."""

    def plan(request: Request) -> Plan:
        return read_plan(finished / "results/demo/plan.json") if request.scale == "demo" else current_plan(request)

    def call(*words: str) -> Path:
        monkeypatch.setattr(command, "made_plan", plan)
        monkeypatch.setattr(command, "stale", lambda plan: [])  # no Snakefile made this project
        monkeypatch.setattr("sys.argv", ["bits archive", *words])
        assert command.main() == 0
        (path,) = (finished / "archive").glob("bits-demo-*.zip")
        return path

    return call


def metadata(path: Path) -> dict[str, dict[str, Any]]:
    with zipfile.ZipFile(path) as file:
        return {each["@id"]: each for each in json.loads(file.read("ro-crate-metadata.json"))["@graph"]}


def test_a_finished_scale_is_a_valid_crate(archived: Archive, tmp_path: Path) -> None:
    path = archived("scale=demo")
    assert problems(path) == []
    with zipfile.ZipFile(path) as file:
        file.extractall(tmp_path / "unpacked")
        names = set(file.namelist())
    crate = ROCrate(tmp_path / "unpacked")
    assert crate.root_dataset["license"].id == "https://spdx.org/licenses/Apache-2.0"
    assert crate.root_dataset["citation"].id == "https://arxiv.org/abs/2602.09764"
    assert crate.mainEntity.id == "Snakefile"
    assert "Not a reproduction" in crate.description and "DEMO SCALE" in crate.description
    assert "table-8" in crate.description
    assert {"LICENSE", "CITATION.cff", "requirements.lock", "config/runs.yaml", "environment.json"} <= names
    plan = read_plan(Path("results/demo/plan.json"))
    frozen = {plan.file, plan.site_file, plan.evaluation_file("imagenet1k-1")}
    assert set(map(str, frozen)) <= names
    assert not any("99999999" in name or name.endswith(".safetensors") for name in names)


def test_every_run_is_an_action(archived: Archive) -> None:
    graph = metadata(archived("scale=demo"))
    action = graph["#run-dino-12345678"]
    assert action["@type"] == "CreateAction"
    assert (action["startTime"], action["endTime"]) == ("2026-11-22T10:00:00+00:00", "2026-11-22T11:00:00+00:00")
    assert graph[action["instrument"]["@id"]]["softwareVersion"] == "c" * 40
    results = {each["@id"] for each in action["result"]}
    assert "results/demo/metrics/dino-12345678/imagenet1k-1.json" in results
    assert "results/demo/runs/dino-12345678/curve.json" in results
    assert "results/demo/runs/dino-12345678/config.yaml" not in results
    objects = {each["@id"] for each in action["object"]}
    assert objects == {"results/demo/runs/dino-12345678/config.yaml", "#data-scenes-scenes-1"}


def test_the_same_content_gives_the_same_bytes(archived: Archive) -> None:
    first = archived()
    content = first.read_bytes()
    assert archived().read_bytes() == content


def test_no_absolute_path_goes_in(archived: Archive, finished: Path) -> None:
    path = archived()
    with zipfile.ZipFile(path) as file:
        log = file.read("results/demo/logs/pretrain/dino-12345678.log").decode()
        origin = json.loads(file.read("results/demo/runs/dino-12345678/provenance.json"))
        made = b"".join(file.read(name) for name in file.namelist() if name.startswith(("results/", "reports/")))
    assert log == "reading data/x and (path)/images\n"
    assert origin["command"] == ["bits/commands/pretrain.py", "--site", "(path)/site.yaml"]
    assert str(finished).encode() not in made
    graph = metadata(path)
    assert "removed" in graph["results/demo/logs/pretrain/dino-12345678.log"]["description"]
    assert "description" not in graph["results/demo/metrics/dino-12345678/imagenet1k-1.json"]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ('"/usr/lib/python3/site-packages/torch/x.py"', '"site-packages/torch/x.py"'),
        ("--site=/tmp/a/results/demo/site.yaml", "--site=results/demo/site.yaml"),
        ("https://w3id.org/ro/crate <b>x</b> 540 images/s and/or ../up/down", None),
        ("data:image/jpeg;base64,/9j/4AAQ/Sk==", None),
    ],
)
def test_what_is_a_path_and_what_is_not(text: str, clean: str | None) -> None:
    assert cleaned("a.log", text.encode(), []).decode() == (clean or text)


def test_the_hosts_name_goes_where_it_is_no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    def clean(name: str, host: str, text: str) -> str:
        monkeypatch.setattr("socket.gethostname", lambda: host)
        return cleaned(name, text.encode(), []).decode()

    assert clean("a.json", "gpu-017", '{"master": "gpu-017:29500", "run": "gpu-0172"}') == (
        '{"master": "(host):29500", "run": "gpu-0172"}'
    )
    assert clean("a.json", "train", '{"split": "train"}') == '{"split": "train"}'
    assert clean("a.log", "train", "on train: rank 0") == "on (host): rank 0"


def test_weights_and_sources_only_when_asked(archived: Archive) -> None:
    path = archived("--weights", "--out", "archive/bits-demo-all.zip")
    with zipfile.ZipFile(path) as file:
        assert "results/demo/runs/dino-12345678/teacher.safetensors" in file.namelist()
    assert problems(path) == []


def test_an_incomplete_scale_is_refused_or_marked(archived: Archive, finished: Path) -> None:
    (finished / "results/demo/runs/dino-12345678/outcome.json").unlink()
    with pytest.raises(ArchiveError, match=r"1 files are missing:\n  results/demo/runs/dino-12345678/outcome.json"):
        archived()
    path = archived("--incomplete")
    graph = metadata(path)
    assert "INCOMPLETE: 1 files" in graph["./"]["description"]
    assert "#run-dino-12345678" not in graph and "#run-bits-fixed-12345678" in graph
    with zipfile.ZipFile(path) as file:
        assert "dino-12345678/outcome.json" in file.read("MISSING.txt").decode()


def test_sealed_records_stay_sealed_and_changed_ones_are_refused(archived: Archive, finished: Path) -> None:
    path = finished / "results/demo/runs/dino-12345678/provenance.json"
    record = json.loads(path.read_text())
    with zipfile.ZipFile(archived()) as file:
        inside = json.loads(file.read("results/demo/runs/dino-12345678/provenance.json"))
    seal = inside.pop(SEAL)
    assert inside["command"] != record["command"] and seal == digest(inside)
    path.write_text(json.dumps({**record, "seed": 7}))
    with pytest.raises(ArchiveError, match=r"changed since: results/demo/runs/dino-12345678/provenance\.json"):
        archived()
    with pytest.raises(ArchiveError, match="was changed after it was made"):
        resealed("x.json", path.read_bytes(), path.read_bytes())


def test_no_plan_and_odd_words_are_told(archived: Archive, finished: Path) -> None:
    lacking = r"(?s)study paper is not complete: \d+ files .*snakemake --cores all --config study=paper"
    with pytest.raises(ArchiveError, match=lacking):
        archived("scale=paper")
    with pytest.raises(BitsError, match="unknown configuration key 'sede'; known keys: "):
        archived("scale=paper", "sede=1")


def test_broken_links_and_escapes_are_refused(archived: Archive, finished: Path) -> None:
    curve = finished / "results/demo/runs/dino-12345678/curve.json"
    curve.unlink()
    curve.symlink_to("/nowhere/curve.json")
    with pytest.raises(ArchiveError, match=r"link to /nowhere/curve.json, which does not exist"):
        archived()
    for path in ("/etc/passwd", "results/../../x", "data/images/1.png"):
        with pytest.raises(ArchiveError, match="outside"):
            archived_name(Path(path))
    assert archived_name(Path("results/demo/a")) == "results/demo/a"


def test_a_file_that_changes_meanwhile_is_told(
    archived: Archive, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bits.archive import pack

    def slow(name: str, content: bytes, roots: object) -> bytes:
        (finished / "results/demo/runs/dino-12345678/log.jsonl").write_text(f"{name} and on it goes")
        return content

    monkeypatch.setattr(pack, "cleaned", slow)
    with pytest.raises(ArchiveError, match="changed while it was archived"):
        archived()
    assert list((finished / "archive").iterdir()) == []


def test_a_crate_that_is_not_valid_is_not_published(
    archived: Archive, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = archived()
    content = older.read_bytes()
    monkeypatch.setattr("bits.archive.deposit.problems", lambda path: ["./ has no license"])
    with pytest.raises(ArchiveError, match=r"was not written:\n  ./ has no license"):
        archived()
    assert list((finished / "archive").iterdir()) == [older] and older.read_bytes() == content


def test_a_crash_leaves_nothing(archived: Archive, finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("bits.archive.pack.cleaned", full)
    with pytest.raises(ArchiveError, match=r"archive: the archive could not be written .*No space left.*--out"):
        archived()
    assert list((finished / "archive").iterdir()) == []
    (finished / "a-file").touch()
    with pytest.raises(ArchiveError, match="a-file: the archive could not be written"):
        archived("--out", "a-file/x.zip")


def test_an_archive_gets_the_permissions_of_any_new_file(archived: Archive, finished: Path) -> None:
    plain = finished / "plain"
    plain.touch()
    assert archived().stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("content", "contentSize or sha256"),
        ("extra", "in the zip, but not listed"),
        ("absent", "is listed, but not in the zip"),
        ("escape", "leads out of the archive"),
        ("licence", "./ has no license"),
        ("about", "about is not ./"),
        ("context", "@context does not name"),
        ("reference", "refers to #gone, which is not described"),
        ("path", "names an absolute path: /home/somebody/x"),
    ],
)
def test_the_validator_finds_what_is_wrong(archived: Archive, tmp_path: Path, damage: str, said: str) -> None:
    with zipfile.ZipFile(archived()) as file:
        contents = {name: file.read(name) for name in file.namelist()}
    document = json.loads(contents["ro-crate-metadata.json"])
    graph = {each["@id"]: each for each in document["@graph"]}
    index = "reports/demo/index.html"
    if damage == "content":
        contents[index] += b"!"
    elif damage == "extra":
        contents["extra.txt"] = b""
    elif damage == "absent":
        del contents[index]
    elif damage == "escape":
        contents["../escape"] = b""
    elif damage == "licence":
        del graph["./"]["license"]
    elif damage == "about":
        graph["ro-crate-metadata.json"]["about"] = {"@id": "#other"}
    elif damage == "context":
        document["@context"] = "https://schema.org"
    elif damage == "reference":
        graph["./"]["author"] = {"@id": "#gone"}
    else:
        contents[index] = b"see /home/somebody/x"
    contents["ro-crate-metadata.json"] = json.dumps(document).encode()
    damaged = tmp_path / "damaged.zip"
    with zipfile.ZipFile(damaged, "w") as file:
        for name, content in contents.items():
            file.writestr(name, content)
    assert any(said in problem for problem in problems(damaged))


def test_what_is_no_zip_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_text("no")
    assert problems(tmp_path / "x.zip")[0].startswith("not a zip")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: x", "version: Field required"),
        ("title: x\nversion: 1\nlicense: MIT\nauthors: []", "authors: .*at least 1"),
        ("a: b: c", "mapping values"),
    ],
)
def test_a_citation_that_is_not_complete_is_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "CITATION.cff").write_text(text)
    with pytest.raises(ArchiveError, match=rf"(?s)CITATION.cff: .*{said}.*Expected title"):
        read_citation(tmp_path / "CITATION.cff")


def test_authors_are_people_or_organisations(tmp_path: Path) -> None:
    (tmp_path / "CITATION.cff").write_text(
        "title: x\nversion: 1.0\nlicense: MIT\nauthors:\n"
        "  - {given-names: Ada, family-names: Lovelace, orcid: https://orcid.org/0000}\n  - {name: The Lab}\n"
    )
    citation = read_citation(tmp_path / "CITATION.cff")
    assert citation.version == "1.0"
    assert [(one.name, one.identity, one.is_person) for one in citation.authors] == [
        ("Ada Lovelace", "https://orcid.org/0000", True),
        ("The Lab", "#author-the-lab", False),
    ]


@pytest.mark.parametrize("text", ["{", "{}"])
def test_a_damaged_record_is_named(archived: Archive, finished: Path, text: str) -> None:
    (finished / "results/demo/runs/dino-12345678/provenance.json").write_text(text)
    with pytest.raises(ArchiveError, match="dino-12345678/provenance"):
        archived()


ROOM = "results/demo/runs/dino-12345678"
OTHER = ROOM.replace("dino", "bits-fixed")
METRICS = "results/demo/metrics/{}-12345678/imagenet1k-1.json"


def kept_date(path: Path, change: Callable[[Path], object]) -> None:
    """Change a file that its job's date still fits."""
    date = path.stat().st_mtime
    change(path)
    os.utime(path, (date, date))


@pytest.mark.parametrize(
    "name",
    [
        f"{ROOM}/config.yaml",
        "results/demo/evaluations/imagenet1k-1.yaml",
        f"{ROOM}/log.jsonl",
        f"{ROOM}/curve.json",
        "reports/demo/exhibits/table-1.csv",
        "reports/demo/exhibits/table-1.html",
        "reports/demo/index.html",
    ],
)
def test_what_was_edited_is_refused(archived: Archive, finished: Path, name: str) -> None:
    path = finished / name
    path.write_text(path.read_text() + " ")
    if path.suffix == ".yaml":
        path.write_text(path.read_text() + "\nedited: true")
    if path.suffix == ".json":
        path.write_text(path.read_text().replace("dino", "Dino"))
    os.utime(path, (2e9, 2e9))
    with pytest.raises(ArchiveError, match=f"changed since: {name}.*Nothing was archived"):
        archived("--incomplete")
    assert not (finished / "archive").exists()


@pytest.mark.parametrize(
    ("name", "source"),
    [
        (METRICS.format("dino"), METRICS.format("bits-fixed")),
        *((f"{ROOM}/{part}", f"{OTHER}/{part}") for part in ("outcome.json", "config.yaml", "teacher.safetensors")),
    ],
)
def test_what_is_of_another_run_is_refused(archived: Archive, finished: Path, name: str, source: str) -> None:
    changed = (finished / source).read_bytes()
    if name.endswith("config.yaml"):  # both runs have one recipe here
        changed = changed.replace(b"bits-fixed", b"bits-fixed ")
    kept_date(finished / name, lambda path: path.write_bytes(changed))
    with pytest.raises(ArchiveError, match=f"changed since: .*{name}"):
        archived("--weights")


def test_a_training_log_that_dvc_brought_is_fine(archived: Archive, finished: Path) -> None:
    log = finished / ROOM / "log.jsonl"
    os.utime(log, (2e9, 2e9))
    log.with_name("log.jsonl.dvc").write_text(f"outs:\n- md5: {hashlib.md5(log.read_bytes()).hexdigest()}\n")
    archived()


def test_what_would_be_made_again_is_refused(finished: Path) -> None:
    plan = read_plan(finished / "results/demo/plan.json")
    with pytest.raises(ArchiveError, match=r"have changed since these were made:\n  Render table-1: the code\nMake"):
        deposit(plan, None, ["Render table-1: the code"], weights=False, sources=False, incomplete=True)


def test_what_snakemake_would_make_again_is_told_from_what_is_missing(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        "Job 1: Pretrain dino-12345678\nReason: Missing output files: a; Code has changed since last execution",
        "Job 2: Render table-1\nReason: Input files updated by another job: a",
        "Job 3: Render table-2\nReason: Input files updated by another job: a; "
        "Set of input files has changed since last execution",
        "Job 4: Evaluate bits-fixed-12345678 on x\nReason: Params have changed since last execution: 'code:evaluate:1'",
    ]
    answers = [CompletedProcess([], 0, "\n".join(lines), ""), CompletedProcess([], 1, "", "no such scale")]
    asked: list[dict[str, str]] = []
    monkeypatch.setattr(command, "dry_run", lambda words, options, profile: asked.append(options) or answers.pop(0))
    plan = read_plan(finished / "results/demo/plan.json")
    assert [one.partition(":")[0] for one in command.stale(plan)] == [
        "Render table-2",
        "Evaluate bits-fixed-12345678 on x",
    ]
    with pytest.raises(BitsError, match=r"snakemake -n fails.*\nno such scale"):
        command.stale(plan)
    assert asked[0]["scale"] == "demo"


def test_nothing_private_goes_in(archived: Archive, finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = ROOT / "config/site/secret-site-of-a-test.yaml"
    (finished / "reports/demo/secret-notes.txt").write_text("not made by any rule")
    own.write_text("cluster: {account: secret-account}")
    try:
        path = archived()
    finally:
        own.unlink()
    assert (
        "Left out, because git does not track them: config/site/secret-site-of-a-test.yaml" in capsys.readouterr().out
    )
    with zipfile.ZipFile(path) as file:
        assert not [name for name in file.namelist() if "secret" in name]
        contents = {name: file.read(name) for name in file.namelist()}
        assert not [name for name, content in contents.items() if b"secret-" in content or b"secret token" in content]
        plan = read_plan(finished / "results/demo/plan.json")
        (finished / "unpacked.json").write_bytes(file.read(str(plan.file)))
        site = yaml.safe_load(file.read(str(plan.site_file)))
    packed = read_plan(finished / "unpacked.json")  # sealed anew, and still a plan
    assert packed.site.cluster.account is None and packed.runs == plan.runs
    assert site["cluster"] == packed.site.cluster.model_dump(mode="json")
    assert "archive" in {part.name for part in path.parents}


def test_a_link_that_leads_out_is_refused(archived: Archive, finished: Path) -> None:
    outside = finished.parent / f"{finished.name}-outside.html"
    page = finished / "reports/demo/exhibits/table-1.html"
    outside.write_bytes(page.read_bytes())
    date = page.stat().st_mtime
    page.unlink()
    page.symlink_to(outside)
    os.utime(outside, (date, date))
    with pytest.raises(ArchiveError, match=rf"table-1.html leads out of the project, to {outside}"):
        archived()


def test_without_git_all_sites_stay_out(tmp_path: Path) -> None:
    for name in ("config/runs.yaml", "config/site/mine.yaml", "docs/using.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert untracked(tmp_path) == ["config/site/mine.yaml"]
