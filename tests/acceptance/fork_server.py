"""A process that has imported what every command imports, and forks for each that `forked_command.py` asks for.

To import takes ten times as long as the rest of a short command. From there on, a child does what
`python -m midday_worker` does, with the folder, the environment, the streams and the arguments that it is given; the
modules of the command itself it imports on its own. What imports have read of the environment is noted: a command for
which that reads otherwise is refused, and starts by itself.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from unittest import mock

IMPORTED = (
    "midday_worker.cli",
    "midday_worker.cli.loading",
    "rich.markdown",
    "sqlalchemy.ext.asyncio",
    "typer.rich_utils",
)
READ_BY_PYTHON = ("PYTHON", "COVERAGE", "LANG", "LC_", "TZ", "LD_", "MALLOC_")
"""How the names of the variables begin that the interpreter reads when it starts, and what starts with it."""
LONGEST = 1 << 20
REFUSED = -1
STDIN = 0


@dataclass(frozen=True, slots=True)
class Request:
    """What a command is started with."""

    arguments: list[str]
    folder: str
    environment: dict[str, str]

    def fits(self, asked_for: set[str]) -> bool:
        """Return whether all that has been read of this process's environment reads the same in the command's."""
        names = {name for name in (*os.environ, *self.environment) if name.startswith(READ_BY_PYTHON)}
        return all(os.environ.get(name) == self.environment.get(name) for name in names | asked_for)

    def become(self, streams: list[int]) -> None:
        """Make this process the one that was asked for."""
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(self.folder)
        os.environ.clear()
        os.environ.update(self.environment)
        sys.path[0] = self.folder
        sys.argv[1:] = self.arguments
        signal.signal(signal.SIGINT, signal.default_int_handler)
        gc.enable()


def import_all() -> set[str]:
    """Import it all, and return the variables that were asked for meanwhile."""
    asked_for: set[str] = set()
    environment = type(os.environ)
    read = environment.__getitem__

    def noted(self: os._Environ[str], name: str) -> str:  # pyright: ignore[reportPrivateUsage] - the class of os.environ
        asked_for.add(name)
        return read(self, name)

    with mock.patch.object(environment, "__getitem__", noted):
        for module in IMPORTED:
            importlib.import_module(module)
    gc.collect()
    gc.freeze()  # a collection in a child would copy it all
    gc.disable()
    return asked_for


def serve(listener: socket.socket, asked_for: set[str]) -> bool:
    """Serve until standard input ends; return whether this is a command's process now, and not that which serves."""
    while True:
        ready, _, _ = select.select([listener.fileno(), STDIN], [], [])
        if STDIN in ready:
            return False
        connection, _ = listener.accept()
        if not os.fork():
            keep(connection, asked_for)
            return True
        connection.close()
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def keep(connection: socket.socket, asked_for: set[str]) -> None:
    """Fork for one command, and stay until it has ended, to tell how; return in its process alone."""
    text, streams, _, _ = socket.recv_fds(connection, LONGEST, 3)
    while not text.endswith(b"\n"):
        text += connection.recv(LONGEST)
    request = Request(*json.loads(text))
    pid = os.fork() if request.fits(asked_for) else REFUSED
    if pid == 0:
        connection.close()
        request.become(streams)
        return
    for stream in streams:
        os.close(stream)
    connection.sendall(b"%d\n" % pid)
    if pid != REFUSED:
        wait(pid, connection)
    os._exit(0)


def wait(pid: int, connection: socket.socket) -> None:
    """Tell how a command ended; kill it if whoever asked for it has gone."""
    command = os.pidfd_open(pid)
    ended, _, _ = select.select([command, connection.fileno()], [], [])
    if command not in ended:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if command in ended:
        connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def main() -> None:
    """Serve on the socket that is named; each command's process goes on from here as `python -m midday_worker` does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(sys.argv[1])
        asked_for = import_all()
        listener.listen()
        os.write(1, b"ready\n")
        is_command = serve(listener, asked_for)
    if is_command:
        runpy.run_module("midday_worker", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
