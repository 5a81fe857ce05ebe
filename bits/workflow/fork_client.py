"""Run a command in a process that has torch imported already, so that many short jobs do not each pay for that.

    python -m bits.workflow.fork_client bits.commands.evaluate --run ...

The same as python -m bits.commands.evaluate ..., which is what it does where BITS_FORK_SERVER names no server or none
can be had. Else the first one to come starts a server (bits.workflow.fork_server), which forks a process for each
request. This process hands over its words, folder, environment and streams, passes on signals, and ends as the other
one did; when it is killed, so is the other one.
"""

from __future__ import annotations

import json
import os
import runpy
import secrets
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

SERVER = "BITS_FORK_SERVER"  # environment variable: <name of an abstract socket>:<process with which the server ends>
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
LENGTH = struct.Struct("!I")
CREDENTIALS = struct.Struct("3i")
PATIENCE_S = 5.0  # between a server's bind and its listen


def offer() -> None:
    """Let the commands that this process will start share a server, which ends with this process.

    Where the system has abstract sockets, which leave no file behind, and pidfds, which say when a process has ended.
    """
    if sys.platform == "linux" and hasattr(os, "pidfd_open"):
        os.environ[SERVER] = f"bits-{secrets.token_hex(16)}:{os.getpid()}"


def main() -> int:
    words = sys.argv[1:]
    code = forked(words)
    if code is None:
        sys.argv = words
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    return code or 0


def forked(words: Sequence[str]) -> int | None:
    """Have the server run `words`; the exit code, or None when nothing was run. Ends by the signal that ended it."""
    connection = _connection(os.environ.get(SERVER, ""))
    if connection is None:
        return None
    worker: list[int] = []
    came: list[int] = []

    def pass_on(number: int, frame: object = None) -> None:
        """To the job, once there is one."""
        came.append(number)
        while worker and came:
            with suppress(ProcessLookupError):  # it has just ended
                signal.pidfd_send_signal(worker[0], signal.Signals(came.pop(0)))

    before = {number: signal.signal(number, pass_on) for number in PASSED_ON}
    request = {"words": words, "folder": str(Path.cwd()), "environment": dict(os.environ)}
    begun = None
    with suppress(ConnectionError):
        send(connection, request, descriptors=[0, 1, 2])
        begun, _ = receive(connection)
    if begun is None:  # it could not import what it needs, which will now be said in the right place
        for handled, handler in before.items():
            signal.signal(handled, handler)
        for early in came:
            os.kill(os.getpid(), early)
        return None
    with suppress(ProcessLookupError):  # it has ended already
        worker.append(os.pidfd_open(begun["process"]))
        for early in [came.pop(0) for _ in tuple(came)]:
            pass_on(early)
    ended, _ = receive(connection)
    if ended is None:
        print("the fork server was killed; its job is asked to stop", file=sys.stderr)
        pass_on(signal.SIGTERM)
        return 1
    code: int = ended["exitcode"]
    if code < 0:
        if code != -signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def _connection(offered: str) -> socket.socket | None:
    """To the server that `offered` names, started if there is none yet; None where there can be none."""
    name, _, owner = offered.rpartition(":")
    deadline = time.monotonic() + PATIENCE_S
    while name and time.monotonic() < deadline:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(f"\0{name}")
        except OSError:
            connection.close()
            if not _start(name, owner):
                time.sleep(0.05)  # another process has just bound the name, and will listen in a moment
        else:
            return connection if user_of(connection) == os.getuid() else None
    return None


def _start(name: str, owner: str) -> bool:
    """Start a server, listening before it is there; False when another process has the name."""
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            listener.bind(f"\0{name}")
        except OSError:
            return False
        listener.listen(128)
        number = str(listener.fileno())
        command = [sys.executable, "-m", "bits.workflow.fork_server", "--socket", number, "--owner", owner]
        # In a session of its own, because Ctrl-C is for the jobs, whose starters pass it on.
        quiet = subprocess.DEVNULL
        subprocess.Popen(
            command, stdin=quiet, stdout=quiet, stderr=quiet, pass_fds=[listener.fileno()], start_new_session=True
        )
    return True


def user_of(connection: socket.socket) -> int:
    """The user at the other end: anybody on this machine could have connected."""
    content = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    user: int = CREDENTIALS.unpack(content)[1]
    return user


def send(connection: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """JSON behind its length, with which the descriptors travel."""
    content = json.dumps(message).encode()
    socket.send_fds(connection, [LENGTH.pack(len(content))], descriptors)
    connection.sendall(content)


def receive(connection: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The next message, None when the other end has gone, and the descriptors that came with it."""
    descriptors: list[int] = []
    try:
        head, descriptors, _, _ = socket.recv_fds(connection, LENGTH.size, 3)
        if not head:
            return None, descriptors
        with connection.makefile("rb") as stream:
            (count,) = LENGTH.unpack(head + stream.read(LENGTH.size - len(head)))
            return json.loads(stream.read(count)), descriptors
    except (ConnectionError, struct.error, ValueError):
        return None, descriptors


if __name__ == "__main__":
    sys.exit(main())
