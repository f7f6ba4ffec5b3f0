"""`ServerProcess`: a server as a child process, which is stopped by its id and ends with its parent."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from midday_worker.errors import ConfigurationError, MiddayWorkerError

HOST: Final = "127.0.0.1"

# Below the range from which Linux takes ports for outgoing connections: a server that is restarted
# finds its port still free.
_PORTS: Final = range(20_000, 32_000)
_PORT_TRIES: Final = 50
_LAUNCHES: Final = 5
_POLL_S: Final = 0.01
_STOP_S: Final = 10
_LOG_TAIL: Final = 800
_PR_SET_PDEATHSIG: Final = 1


class ServerStartError(MiddayWorkerError):
    """A server that should run embedded ended at once, or didn't answer."""


def on_free_port(launch: Callable[[int], None], first: int | None = None) -> None:
    """Launch a server on a free port, once more on others if it doesn't start.

    Args:
        launch: launches it. Raises ServerStartError.
        first: the port to try first, which may have been taken long before.
    """
    for _ in range(_LAUNCHES - 1):
        # Somebody else may take the port between the question and the start.
        with suppress(ServerStartError):
            launch(first or free_port())
            return
        first = None
    launch(free_port())


def free_port() -> int:
    """Return a loopback port that nothing listens on."""
    for port in random.sample(_PORTS, _PORT_TRIES):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port
    raise ServerStartError(f"No free port was found on {HOST} between {_PORTS.start} and {_PORTS.stop}.")


def check_port(port: int) -> None:
    """Raise ConfigurationError if something listens on a loopback port."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        raise ConfigurationError(
            f"Port {port} of {HOST} can't be had: {os.strerror(error.errno or 0)}. Choose another one."
        ) from None


class ServerProcess:
    """One run of a server.

    Start it on a thread that lives as long as the server should: on Linux the kernel ends it with that thread.

    Args:
        command: the program's path and its arguments.
        log: the file that gets its output; its directory is the server's working directory.
        stop_signal: what asks it to end.
        user: whose rights it has, as (user id, group id), if not the caller's.
        keep_open: file descriptors it inherits.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        stop_signal: signal.Signals = signal.SIGTERM,
        user: tuple[int, int] | None = None,
        keep_open: Sequence[int] = (),
    ) -> None:
        self.name = Path(command[0]).name
        self._log = log
        self._stop_signal = stop_signal
        with log.open("ab") as output:
            # A list, no shell: nothing in it is interpreted.
            self._child = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # The caller's own working directory may be closed to `user`.
                cwd=log.parent,
                pass_fds=keep_open,
                # A Ctrl-C in the terminal is for the worker, which still needs its server.
                start_new_session=True,
                preexec_fn=end_with_parent(stop_signal),
                user=user and user[0],
                group=user and user[1],
                extra_groups=user and (),
            )

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._child.poll() is None

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until `ready` says so. Raises ServerStartError if the server ends first, or the time does."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running:
                raise ServerStartError(f"{self.name} ended with code {self._child.returncode}: {self._tail()}")
            if time.monotonic() > deadline:
                raise ServerStartError(f"{self.name} did not answer within {seconds} s: {self._tail()}")
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """Ask it to end, wait, and kill it if it doesn't."""
        self.send(signal.SIGCONT)
        self.send(self._stop_signal)
        try:
            self._child.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.send(signal.SIGKILL)
        self._child.wait(_STOP_S)

    def send(self, signal_: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        self._child.send_signal(signal_)

    def _tail(self) -> str:
        text = self._log.read_text(errors="replace").strip()
        return text[-_LOG_TAIL:] or "it printed nothing"


def end_with_parent(stop_signal: signal.Signals) -> Callable[[], object] | None:
    """What a new child does first, so that the kernel ends it when its parent is gone. Linux only."""
    if sys.platform != "linux":
        return None
    # Looked up here: between fork and exec as little as possible may happen.
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
