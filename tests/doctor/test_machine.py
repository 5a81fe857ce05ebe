"""GPU, disk, DVC, versions, and checks that hang or break."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bits.commands.probe import training as training_fit
from bits.config.site import Site
from bits.costs.disk import Need
from bits.costs.memory import MemoryNeed
from bits.doctor import device, disk, dvc, memory, profile, training, versions
from bits.doctor.finding import Finding, checked
from bits.doctor.probe import Answer, CudaDevice, Question, TrainingFit, probe
from bits.doctor.text import as_text
from bits.plan import Plan

from .conftest import Fake

GIB = 2**30


def site(plan: Plan, **values: Any) -> Site:
    return plan.site.model_copy(update={"device": "auto", **values})


def seen(*devices: CudaDevice) -> Answer:
    return Answer(torch="2.15.0", cuda="13.2", devices=devices)


def gpu(**values: Any) -> CudaDevice:
    return CudaDevice.model_validate(
        {"name": "H200", "free": 130 * GIB, "total": 139 * GIB, "bfloat16": True, **values}
    )


def need(place: Path, size: float, kind: str = "features") -> Need:
    return Need.model_validate({"kind": kind, "place": place, "bytes": int(size), "number": 2})


@pytest.mark.parametrize(
    ("wanted", "slurm", "reproduction", "status"),
    [
        ("cpu", False, True, "ok"),
        ("auto", False, False, "ok"),
        ("auto", False, True, "warning"),
        ("cuda", False, True, "error"),
        ("cuda", True, True, "warning"),
    ],
)
def test_no_gpu_matters_where_one_is_needed(
    fake: Fake, plan: Plan, wanted: str, slurm: bool, reproduction: bool, status: str
) -> None:
    found = device.device(site(plan, device=wanted), seen(), slurm, reproduction)
    assert found[-1].status == status, found


def test_gpus_that_are_too_few_full_or_old(fake: Fake, plan: Plan) -> None:
    fake("nvidia-smi", "echo '570.12, NVIDIA H200'; echo '570.12, NVIDIA H200'")
    found = device.device(site(plan, processes=2), seen(gpu()), slurm=False, reproduction=True)
    assert [each.status for each in found] == ["ok", "error", "ok"]
    assert found[0].found == "NVIDIA driver 570.12, 2 GPUs"
    assert "needs number 1" in found[1].found
    found = device.device(site(plan), seen(gpu(free=GIB), gpu(bfloat16=False)), slurm=False, reproduction=True)
    assert [each.status for each in found] == ["ok", "warning", "warning"]


def test_a_driver_that_does_not_answer_is_an_error(fake: Fake, plan: Plan) -> None:
    fake("nvidia-smi", "echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18")
    (driver, _) = device.device(site(plan), seen(), slurm=False, reproduction=False)
    assert driver.status == "error" and "version mismatch" in driver.found


def test_torch_that_does_not_answer_is_an_error(plan: Plan) -> None:
    answer = probe(Question(plan=plan, images={}, trainings=1), seconds=0.05)
    (found,) = device.device(site(plan), answer, slurm=False, reproduction=False)
    assert found.status == "error" and "did not answer" in found.found


def test_a_small_disk_is_an_error_with_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=3e9))
    needs = [need(tmp_path / "results", 2e9, "weights"), need(tmp_path / "scratch", 2e9, "checkpoints")]
    (found,) = disk.room(needs)  # two folders of one file system share its room
    assert found.status == "error"
    assert f"3 GB free; 4 GB to come: weights of 2 runs 2 GB in {tmp_path}/results, checkpoints of 2" in found.found
    assert f"trainings, at work or not yet measured 2 GB in {tmp_path}/scratch" in found.found
    assert disk.room(needs[:1])[0].status == "ok"
    (copied,) = disk.room(disk.with_copies(needs[:1], tmp_path / "cache"))
    assert copied.status == "error"
    assert f"a copy of the weights, once they are added to DVC 2 GB in {tmp_path}/cache" in copied.found


def test_what_goes_to_one_place_is_one_part(tmp_path: Path) -> None:
    rendered = [need(tmp_path / "data", size, "data") for size in (1e6, 2e6)]
    (found,) = disk.room([*rendered, need(tmp_path, 0)])
    assert found.found.endswith(f"3 MB to come: data sets that are rendered 3 MB in {tmp_path}/data")


def test_inodes_can_run_out_before_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk.os, "statvfs", lambda _: SimpleNamespace(f_files=10, f_favail=3))
    (found,) = disk.usable([tmp_path / "not" / "yet"])
    assert found.status == "error" and "3 inodes" in found.found


def test_a_folder_without_locks_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(disk.fcntl, "flock", refuse)
    (found,) = disk.usable([tmp_path])
    assert found.status == "error" and "No locks available" in found.found
    assert list(tmp_path.iterdir()) == []


def test_scratch_that_is_not_mounted_is_a_warning(tmp_path: Path) -> None:
    assert disk.scratch(None) == disk.scratch(str(tmp_path)) == []
    (found,) = disk.scratch(str(tmp_path / "fast"))
    assert found.status == "warning" and f"{tmp_path}'s file system" in found.found


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], check=True)
    return tmp_path


def test_a_dvc_remote_that_is_not_there_is_an_error(repository: Path) -> None:
    assert [each.status for each in dvc.dvc()] == ["ok", "warning"]
    config = repository / ".dvc" / "config"
    config.write_text(f"[core]\n no_scm = true\n remote = lab\n['remote \"lab\"']\n url = {repository}/mnt\n")
    (_, found) = dvc.dvc()
    assert found.status == "error" and "does not exist" in found.found
    (repository / "mnt").mkdir()
    (_, found) = dvc.dvc()
    assert found.status == "ok", found


def test_versions_that_drifted_are_listed(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(
        'numpy==1.0 \\\n    --hash=sha256:00\nnot-there==2.0 ; python_version > "3"\nwin==1 ; os_name == "nt"\n'
    )
    (found,) = versions.packages(lock)
    assert found.status == "warning"
    assert "2 of 2 packages" in found.found and "not-there is absent (locked 2.0)" in found.found
    assert versions.differences({"torch": "2.1"}, {"torch": "2.1+cu121"}) == []
    assert versions.packages(tmp_path / "none")[0].status == "error"


def test_the_projects_own_lock_is_read_whole() -> None:
    text = (Path(__file__).resolve().parents[2] / "requirements.lock").read_text()
    assert len(versions.pins(text)) == sum("==" in line.partition(";")[0] for line in text.splitlines())


def test_a_lock_that_nobody_holds(tmp_path: Path) -> None:
    assert versions.locks(tmp_path) == []
    folder = tmp_path / ".snakemake" / "locks"
    folder.mkdir(parents=True)
    (folder / "0.input.lock").touch()
    (found,) = versions.locks(tmp_path)
    assert found.status == "warning" and "snakemake --unlock" in found.remedy
    holder = tmp_path / "snakemake"
    holder.write_text("import time; print(flush=True); time.sleep(60)")
    with subprocess.Popen([sys.executable, str(holder)], cwd=tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline()
        assert versions.locks(tmp_path)[0].status == "ok"
        process.kill()


def test_a_lost_link_to_the_profiles_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert [each.status for each in profile.profiles("slurm", True, tmp_path)] == ["error", "error"]
    assert [each.status for each in profile.profiles("slurm", False, tmp_path)] == ["error"]


def test_checks_that_hang_or_break_are_findings(capsys: pytest.CaptureFixture[str]) -> None:
    def breaks() -> list[Finding]:
        raise KeyError("RealMemory")

    (found,) = checked("Disk", breaks, 5)
    assert found.status == "error" and "KeyError" in found.found
    started = time.monotonic()
    (found,) = checked("Disk", lambda: time.sleep(20) or [], 0.2)  # type: ignore[func-returns-value]
    assert time.monotonic() - started < 3
    assert found.status == "error" and "no answer within 0.2 s" in found.found


def test_remedies_stand_below_and_the_last_line_counts() -> None:
    text = as_text(
        [Finding("Disk", "ok", "room"), Finding("DVC", "error", "no", "do this"), Finding("Disk", "skipped", "x")]
    )
    assert text.splitlines() == [
        "Disk",
        "  ok       room",
        "  skipped  x",
        "DVC",
        "  error    no",
        "           -> do this",
        "1 error, 0 warnings, 1 ok, 1 skipped",
    ]
    with pytest.raises(ValueError, match="remedy"):
        Finding("Disk", "error", "no")


def test_an_evaluation_that_does_not_fit_its_memory_is_a_warning(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "hardware", lambda: {"memory_gib": 16.0})
    need = MemoryNeed(job="evaluate/run/imagenet1k-1", bytes=20 * GIB)
    jobs = plan.site.jobs
    large = jobs.model_copy(update={"evaluate": jobs.evaluate.model_copy(update={"memory_gib": 96.0})})
    (here,) = memory.memory(need, plan.site, slurm=False)
    assert here.status == "warning" and "evaluate/run/imagenet1k-1" in here.found
    assert "20 GiB" in here.found and "16 GiB" in here.found and "25 GiB" in here.remedy
    (there,) = memory.memory(need, plan.site, slurm=True)
    assert there.status == "warning" and "site.jobs.evaluate.memory_gib = 3" in there.found
    assert "site.jobs.evaluate.memory_gib=25" in there.remedy
    (fits,) = memory.memory(need, plan.site.model_copy(update={"jobs": large}), slurm=True)
    assert fits.status == "ok"
    assert memory.memory(MemoryNeed(), plan.site, slurm=True) == []


def fit(**values: Any) -> TrainingFit:
    facts = {"run": "dino", "share": 64, "fixed": 2 * GIB, "image": GIB // 4, "free": 20 * GIB, "most": 40, "auto": 32}
    return TrainingFit.model_validate({"divisible": True, **facts, **values})


@pytest.mark.parametrize(
    ("micro_batch", "found", "status", "said"),
    [
        ("auto", fit(), "ok", "dino trains on 32 of 64 images at a time (site.micro_batch = auto), about 10.0 GiB"),
        ("auto", fit(most=64, auto=0), "ok", "64 of 64 images"),
        (40, fit(), "ok", "40 of 64"),
        (41, fit(), "warning", "41 of 64"),
        (0, fit(), "warning", "64 of 64"),
        (100, fit(most=64, auto=0), "ok", "64 of 64"),
        ("auto", fit(most=0, auto=1), "warning", "1 of 64"),
        ("auto", fit(auto=0, divisible=False), "warning", "64 of 64"),
    ],
)
def test_a_gpu_is_told_what_a_training_takes(
    plan: Plan, micro_batch: Any, found: TrainingFit, status: str, said: str
) -> None:
    (finding,) = training.training(site(plan, micro_batch=micro_batch), found)
    assert finding.status == status and said in finding.found
    if status == "warning":
        assert ("site.micro_batch=auto, or 40 at most" in finding.remedy) == (found.most > 0 and found.divisible)
    assert training.training(plan.site, None) == []


def test_the_gpu_with_the_least_room_of_those_that_are_used_decides(plan: Plan) -> None:
    here = plan.model_copy(update={"site": site(plan, processes=2)})
    devices = [gpu(free=30 * GIB, total=40 * GIB), gpu(free=20 * GIB, total=40 * GIB), gpu(free=0)]
    found = training_fit(here, devices)
    assert found is not None and (found.free, found.auto) == (20 * GIB, 0)
    largest = max(plan.runs.values(), key=lambda run: run.recipe.head.prototypes or run.recipe.head.outputs)
    assert found.run == largest.name and found.share == largest.recipe.schedule.batch_size // 2 == found.most
    second = plan.model_copy(update={"site": site(plan, device="cuda:2")})
    assert (none := training_fit(second, devices)) is not None and (none.most, none.auto) == (0, 1)
    assert training_fit(here, []) is None
    assert training_fit(plan.model_copy(update={"site": site(plan, device="cpu")}), devices) is None
