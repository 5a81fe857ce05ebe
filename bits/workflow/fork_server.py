"""Import what jobs need once, and fork a process for each job. Started by bits.workflow.fork_client.

    python -m bits.workflow.fork_server --imports NAME --socket DESCRIPTOR --owner PID

The server computes nothing itself, so a forked process is like one that has just finished its imports: no random number
drawn, no device in use. It exits when its owner has ended and no job is left.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import runpy
import selectors
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.process import BaseProcess
from typing import Any

from bits.workflow.fork_client import receive, send, user_of

# What commands import, by name of the server. Not the commands themselves, which runpy must run afresh.
TABLES = ("bits.reporting.rendered", "bits.reporting.site")
IMPORTED = {
    "torch": (  # pretrain, evaluate, prepare
        "bits.runs.train",
        "bits.runs.evaluate",
        "bits.evaluation.ranking.neighbours",
        "bits.evaluation.probing.training",
        "bits.analysis.spectrum",
    ),
    "tables": TABLES,
    "figures": (*TABLES, "bits.reporting.figures"),
}
FORK = multiprocessing.get_context("fork")


class Server:
    """Forks a process for each request, reports its exit code, and kills it if its client is gone.

    listener: a listening socket. owner: pidfd of the owner; once it has ended, no more requests are accepted.
    """

    def __init__(self, listener: socket.socket, owner: int) -> None:
        self.selector = selectors.DefaultSelector()
        self._on(listener, lambda: self._accept(listener))
        self._on(owner, lambda: self._retire(listener, owner))

    def serve(self) -> None:
        """Handle events until the owner has ended and no job is left."""
        while self.selector.get_map():
            for key, _ in self.selector.select():
                if self.selector.get_map().get(key.fd) is key:  # not unregistered, or another's, since a previous event
                    key.data()

    def _on(self, source: socket.socket | int, answer: Callable[[], None]) -> None:
        self.selector.register(source, selectors.EVENT_READ, answer)

    def _off(self, source: socket.socket | int) -> None:
        with suppress(KeyError, ValueError):
            self.selector.unregister(source)

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        request, descriptors = receive(connection) if user_of(connection) == os.getuid() else (None, [])
        if request is None:
            connection.close()
            return
        # If they stayed open in the job, other clients would not notice the end of the server.
        private = [connection.fileno(), *(key.fd for key in self.selector.get_map().values())]
        job = FORK.Process(target=_run, args=(request, descriptors, private))
        job.start()
        for descriptor in descriptors:
            os.close(descriptor)
        self._on(job.sentinel, lambda: self._ended(job, connection))
        self._on(connection, lambda: self._deserted(job, connection))
        with suppress(OSError):
            send(connection, {"process": job.pid})

    def _ended(self, job: BaseProcess, connection: socket.socket) -> None:
        self._off(job.sentinel)
        self._off(connection)
        job.join()
        with suppress(OSError):
            send(connection, {"exitcode": job.exitcode})
        connection.close()
        job.close()

    def _deserted(self, job: BaseProcess, connection: socket.socket) -> None:
        """Kill the job, because its client was killed."""
        self._off(connection)
        job.kill()

    def _retire(self, listener: socket.socket, owner: int) -> None:
        self._off(owner)
        self._off(listener)
        listener.close()


def _run(request: dict[str, Any], descriptors: list[int], private: list[int]) -> None:
    """In the forked process: run the command with the client's streams, folder, environment and arguments."""
    for descriptor in private:
        os.close(descriptor)
    for target, descriptor in enumerate(descriptors):
        os.dup2(descriptor, target)
        os.close(descriptor)
    # The server's own streams remember whether they could seek, which these may not.
    sys.stdout, sys.stderr = (
        open(stream.fileno(), "w", encoding=stream.encoding, errors=stream.errors, closefd=False)  # noqa: SIM115
        for stream in (sys.stdout, sys.stderr)
    )
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = request["words"]
    runpy.run_module(request["words"][0], run_name="__main__", alter_sys=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bits.workflow.fork_server")
    parser.add_argument("--imports", choices=IMPORTED, required=True, help="what to import before the first job")
    parser.add_argument("--socket", type=int, required=True, help="descriptor of a listening socket")
    parser.add_argument("--owner", type=int, required=True, help="PID of the process whose end stops the server")
    arguments = parser.parse_args()
    listener = socket.socket(fileno=arguments.socket)
    try:
        owner = os.pidfd_open(arguments.owner)
    except ProcessLookupError:
        return 1  # the owner has already ended; clients see the connection close
    for name in IMPORTED[arguments.imports]:
        importlib.import_module(name)
    Server(listener, owner).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
