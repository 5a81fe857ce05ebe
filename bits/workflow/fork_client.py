"""Run a command in a process that has already imported torch, so that short jobs do not each pay for the import.

    python -m bits.workflow.fork_client torch bits.commands.evaluate --run ...

Equivalent to python -m bits.commands.evaluate ..., and does just that if BITS_FORK_SERVER is not set or no server can
be used. Otherwise the first client that names these imports (torch, tables or figures) starts a server
(bits.workflow.fork_server), which imports them and forks a process for each request.
The client hands over its arguments, folder, environment and streams, passes signals on, and ends the way the forked
process did; if the client is killed, so is the forked process.
"""

from __future__ import annotations

import json
import os
import runpy
import secrets
import select
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

SERVER = "BITS_FORK_SERVER"  # environment variable: <start of abstract sockets' names>:<PID of the servers' owner>
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
LENGTH = struct.Struct("!I")
CREDENTIALS = struct.Struct("3i")
PATIENCE_S = 5.0  # to wait while another client has bound the server's name but does not listen yet


def offer() -> None:
    """Let the commands started by this process share servers, which end with this process.

    Does nothing on systems without abstract sockets (which leave no file behind) or pidfds (which tell when a process
    has ended).
    """
    if sys.platform == "linux" and hasattr(os, "pidfd_open"):
        os.environ[SERVER] = f"bits-{secrets.token_hex(16)}:{os.getpid()}"


def main() -> int:
    imports, *words = sys.argv[1:]
    code = forked(imports, words)
    if code is None:
        sys.argv = words
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    return code or 0


def forked(imports: str, words: Sequence[str]) -> int | None:
    """Run the command `words` in the server that has these imports; returns its exit code, or None if nothing was run.

    If a signal ended the command, this process ends by the same signal.
    """
    connection = _connection(imports, os.environ.get(SERVER, ""))
    if connection is None:
        return None
    worker: list[int] = []
    pending: list[int] = []

    def pass_on(number: int, frame: object = None) -> None:
        """Send a signal to the job, once there is one."""
        pending.append(number)
        while worker and pending:
            with suppress(ProcessLookupError):  # the job has just ended
                signal.pidfd_send_signal(worker[0], signal.Signals(pending.pop(0)))

    wake, woken = socket.socketpair()
    for end in (wake, woken):
        end.setblocking(False)
    signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
    before = {number: signal.signal(number, pass_on) for number in PASSED_ON}
    request = {"words": words, "folder": str(Path.cwd()), "environment": dict(os.environ)}
    begun = None
    with suppress(ConnectionError):
        send(connection, request, descriptors=[0, 1, 2])
        begun = _answer(connection, wake)
    if begun is None:  # the server's imports failed; running the command here reports the error to the user
        signal.set_wakeup_fd(-1)
        for handled, handler in before.items():
            signal.signal(handled, handler)
        for early in pending:
            os.kill(os.getpid(), early)
        return None
    with suppress(ProcessLookupError):  # the job has already ended
        worker.append(os.pidfd_open(begun["process"]))
        for early in [pending.pop(0) for _ in tuple(pending)]:
            pass_on(early)
    ended = _answer(connection, wake)
    if ended is None:
        print("the fork server was killed; stopping its job", file=sys.stderr)
        pass_on(signal.SIGTERM)
        return 1
    code: int = ended["exitcode"]
    if code < 0:
        if code != -signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def _answer(connection: socket.socket, wake: socket.socket) -> dict[str, Any] | None:
    """The server's next message, or None if it is gone; signals are handled while it is awaited.

    wake: becomes readable with each signal. Without it, one that comes just before the system call that waits would be
    handled after it.
    """
    while connection not in select.select([connection, wake], [], [])[0]:
        wake.recv(1024)
    return receive(connection)[0]


def _connection(imports: str, offered: str) -> socket.socket | None:
    """A connection to the server with these imports, which is started if necessary; None if there can be none."""
    name, _, owner = offered.rpartition(":")
    deadline = time.monotonic() + PATIENCE_S
    while name and time.monotonic() < deadline:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(f"\0{name}-{imports}")
        except OSError:
            connection.close()
            if not _start(imports, name, owner):
                time.sleep(0.05)  # another client has just bound the name and is about to listen
        else:
            return connection if user_of(connection) == os.getuid() else None
    return None


def _start(imports: str, name: str, owner: str) -> bool:
    """Start a server on a socket that already listens; False if another process has the name."""
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            listener.bind(f"\0{name}-{imports}")
        except OSError:
            return False
        listener.listen(128)
        words = ("--imports", imports, "--socket", str(listener.fileno()), "--owner", owner)
        command = [sys.executable, "-m", "bits.workflow.fork_server", *words]
        # In a session of its own, because Ctrl-C must reach only the clients, which pass it on to their jobs.
        quiet = subprocess.DEVNULL
        subprocess.Popen(
            command, stdin=quiet, stdout=quiet, stderr=quiet, pass_fds=[listener.fileno()], start_new_session=True
        )
    return True


def user_of(connection: socket.socket) -> int:
    """The user id at the other end, to be checked because anyone on this machine can connect."""
    content = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    user: int = CREDENTIALS.unpack(content)[1]
    return user


def send(connection: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send a message as its length, accompanied by the descriptors, followed by JSON."""
    content = json.dumps(message).encode()
    socket.send_fds(connection, [LENGTH.pack(len(content))], descriptors)
    connection.sendall(content)


def receive(connection: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The next message, or None if the other end is gone, and the descriptors sent with it."""
    descriptors: list[int] = []
    try:
        head, descriptors, _, _ = socket.recv_fds(connection, LENGTH.size, 3)
        if not head:
            return None, descriptors
        (count,) = LENGTH.unpack(head + _exactly(connection, LENGTH.size - len(head)))
        return json.loads(_exactly(connection, count)), descriptors
    except (ConnectionError, struct.error, ValueError):
        return None, descriptors


def _exactly(connection: socket.socket, count: int) -> bytes:
    """So many bytes and no more, because the next message may be there already; fewer where the other end is gone."""
    parts = bytearray()
    while len(parts) < count and (part := connection.recv(count - len(parts))):
        parts += part
    return bytes(parts)


if __name__ == "__main__":
    sys.exit(main())
