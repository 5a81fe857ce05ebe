"""Commands in processes forked from one that has imported torch: as if each had been started by itself."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from bits.plan import Request, current_plan
from bits.records.code import ROOT
from bits.training.checkpoint import read_tensors
from bits.workflow.fork_client import SERVER, receive, send

pytestmark = pytest.mark.xdist_group("start")  # one server for all
# What a command may do to its surroundings, and they to it.
PROBE = """
import os, signal, sys, time
words = sys.argv[1:]
imported = [name for name in ("torch", "jinja2", "seaborn") if name in sys.modules]
print("out", words, os.environ["MARK"], os.getcwd(), os.getpid(), os.environ.get("LEFT"), *imported)
print("err", file=sys.stderr)
os.environ["LEFT"] = "here"
if words[0] == "exit":
    sys.exit(int(words[1]))
if words[0] == "raise":
    raise RuntimeError("a sentence")
if words[0] == "kill":
    os.kill(os.getpid(), int(words[1]))
if words[0] == "wait":
    def answer(number, frame):
        print("got", number, flush=True)
        sys.exit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, answer)
    sys.stdout.flush()
    os.write(1, b"ready\\n")  # not print: a signal that comes before it has returned could not print its own
    for _ in range(600):  # not one long sleep: a signal that comes just before it would be answered after it
        time.sleep(0.1)
"""
# A starter that takes signals in another thread, so that they interrupt no system call of its main thread.
THREADED = """
import signal, sys, threading
from bits.workflow.fork_client import forked

def take():
    sys.stdin.readline()
    signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

threading.Thread(target=take, daemon=True).start()
sys.exit(forked("torch", ["probe", "wait"]))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    (folder / "probe.py").write_text(PROBE)
    return folder


@pytest.fixture(scope="module")
def owner() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def environment(place: Path, owner: subprocess.Popen[bytes]) -> dict[str, str]:
    offered = f"bits-test-{secrets.token_hex(8)}:{owner.pid}"
    return {**os.environ, SERVER: offered, "MARK": "mine", "PYTHONPATH": f"{ROOT}:{place}"}


@pytest.fixture
def start(place: Path, environment: dict[str, str]) -> Callable[..., subprocess.Popen[str]]:
    """start(words...) -> a process that has the probe run by the server with these imports."""

    def started(*words: str, imports: str = "torch", **changes: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "bits.workflow.fork_client", imports, "probe", *words]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=place, env={**environment, **changes}, stdout=pipe, stderr=pipe, text=True)

    return started


def servers(owner: subprocess.Popen[bytes], imports: str = "torch") -> list[int]:
    """Its jobs have the same words, and it for a parent."""
    words = ["pgrep", "-f", f"fork_server --imports {imports} .*--owner {owner.pid}$"]
    found = subprocess.run(words, capture_output=True, text=True).stdout.split()
    parents = subprocess.run(["ps", "-o", "pid=,ppid=", *found], capture_output=True, text=True).stdout.splitlines()
    return [int(line.split()[0]) for line in parents if found and line.split()[1] not in found]


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def alive(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_words_folder_environment_streams_and_exit_code_arrive(start, place, owner):
    first, second = start("exit", "0"), start("exit", "3", MARK="another's")
    (out, err), (out2, _) = first.communicate(timeout=60), second.communicate(timeout=60)
    assert out.startswith(f"out ['exit', '0'] mine {place} ")
    assert out2.startswith(f"out ['exit', '3'] another's {place} ")
    assert out.endswith(" None torch\n"), "a process of its own, that has torch"
    assert err == "err\n"
    assert (first.returncode, second.returncode) == (0, 3)
    assert len(servers(owner)) == 1
    third = start("raise")
    out, err = third.communicate(timeout=60)
    assert third.returncode == 1
    assert "RuntimeError: a sentence" in err
    assert out.endswith(" None torch\n"), "what another left in its environment"


def test_what_needs_other_imports_has_another_server(start, owner):
    for imports, names in (("tables", "jinja2"), ("figures", "jinja2 seaborn")):
        process = start("exit", "7", imports=imports)
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 7
        assert out.endswith(f" None {names}\n"), "these imports and no others"
        assert len(servers(owner, imports)) == 1


def test_two_messages_that_come_together_are_two():
    """As of a job that ends before its client has read that it began."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send(theirs, {"process": 7}, descriptors=[theirs.fileno()])
        send(theirs, {"exitcode": 3})
        theirs.shutdown(socket.SHUT_WR)
        message, descriptors = receive(ours)
        assert message == {"process": 7}
        for descriptor in descriptors:
            os.close(descriptor)
        assert receive(ours) == ({"exitcode": 3}, [])
        assert receive(ours) == (None, [])


def test_a_message_that_breaks_off_is_none():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"\0\0\0\x09{")
        theirs.shutdown(socket.SHUT_WR)
        assert receive(ours) == (None, [])


def test_a_job_that_is_killed_ends_its_starter_the_same_way(start):
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV):
        process = start("kill", str(int(number)))
        process.communicate(timeout=60)
        assert process.returncode == -number


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_signals_are_passed_on(start, number):
    process = start("wait")
    assert process.stdout.readline().startswith("out")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert out == f"got {int(number)}\n"
    assert process.returncode == 128 + number


def test_a_signal_that_comes_just_before_the_wait_is_passed_on_as_well(place, environment):
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-c", THREADED], cwd=place, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )
    assert process.stdout.readline().startswith("out")
    assert process.stdout.readline() == "ready\n"
    out, _ = process.communicate("\n", timeout=30)
    assert out == f"got {int(signal.SIGUSR1)}\n"
    assert process.returncode == 128 + signal.SIGUSR1


def test_who_is_killed_takes_its_job_along(start):
    process = start("wait")
    job = int(process.stdout.readline().split()[-3])
    assert alive(job)
    process.kill()
    process.wait()
    until(lambda: not alive(job))


def test_a_killed_server_has_its_jobs_stop_and_another_takes_its_place(start, owner):
    process = start("wait")
    process.stdout.readline()
    (server,) = servers(owner)
    os.kill(server, signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert "fork server was killed" in err
    assert process.returncode == 1
    assert "got 15" in out
    again = start("exit", "4")
    again.communicate(timeout=60)
    assert again.returncode == 4
    until(lambda: len(servers(owner)) == 1)
    assert servers(owner) != [server]


def test_the_server_ends_with_its_owner_but_not_before_its_jobs(start, place, environment):
    owner = subprocess.Popen(["sleep", "600"])
    offered = f"bits-test-{secrets.token_hex(8)}:{owner.pid}"
    process = start("wait", **{SERVER: offered})
    process.stdout.readline()
    owner.kill()
    owner.wait()
    time.sleep(0.3)
    assert process.poll() is None
    assert len(servers(owner)) == 1
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    until(lambda: not servers(owner))
    late = start("exit", "5", **{SERVER: offered})
    late.communicate(timeout=60)
    assert late.returncode == 5
    until(lambda: not servers(owner))


def test_without_a_server_it_is_python_m(start):
    for offered in ("", "nonsense", "bits-test-none:0"):
        process = start("exit", "6", **{SERVER: offered})
        process.communicate(timeout=60)
        assert process.returncode == 6


def test_a_run_is_the_same_to_the_last_bit(tmp_path, environment, monkeypatch):
    """A training and an evaluation, forked after other work and by themselves."""
    weights, numbers = [], []
    for name, changes in (("by itself", {SERVER: ""}), ("forked", {})):
        folder = tmp_path / name
        folder.mkdir()
        here = {**environment, **changes, "PYTHONPATH": str(ROOT)}

        def call(*words: str, folder: Path = folder, here: dict[str, str] = here) -> None:
            command = [sys.executable, "-m", "bits.workflow.fork_client", "torch", *words]
            done = subprocess.run(command, cwd=folder, env=here, capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, done.stderr

        monkeypatch.chdir(folder)
        plan = current_plan(Request.of_scale("smoke"))
        (identity,) = plan.sources["bits-reset"]
        run, path = plan.runs[identity], plan.metrics[identity]["imagenet1k"]
        evaluation = plan.evaluation_file(plan.of_metrics(path).name)
        call("bits.commands.prepare", "--plan", str(plan.file), "--dataset", "imagenet1k")
        words = ("--site", str(plan.site_file), "--threads", "1")
        call("bits.commands.pretrain", "--frozen", str(run.config), *words)
        words = ("--run", str(run.config), "--evaluation", str(evaluation), *words)
        call("bits.commands.evaluate", *words, "--job", f"bits-reset={path}")
        weights.append(read_tensors(folder / run.weights("heads")).tensors)
        numbers.append(json.loads((folder / path).read_text()))
    assert weights[0].keys() == weights[1].keys()
    assert all(bool((weights[0][name] == weights[1][name]).all()) for name in weights[0])
    assert numbers[0]["values"] == numbers[1]["values"]
    commands = [entry["provenance"]["command"] for entry in numbers]
    assert commands[0] == commands[1]
    assert commands[0][0] == "bits/commands/evaluate.py"
    spent = [entry["provenance"]["process"]["cpu_seconds"] for entry in numbers]
    assert spent[1] < spent[0] - 1, "what was imported was imported again"
    assert yaml.safe_load((tmp_path / "forked" / run.config).read_text())["digest"]
