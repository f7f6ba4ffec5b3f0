"""`EmbeddedRedis`: a redis-server of one's own on a free loopback port."""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from midday_worker.embedded.access import Access, make_private
from midday_worker.embedded.binary import find_redis_server
from midday_worker.embedded.process import HOST, ServerProcess, ServerStartError, check_port, on_free_port
from midday_worker.errors import ConfigurationError
from midday_worker.settings.platform import refuse_windows

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_START_S: Final = 20
_ANSWER_S: Final = 1
_ACCESS: Final = "access.conf"


class EmbeddedRedis:
    """A redis-server as a child process; `with` or `async with` starts and stops it.

    Args:
        data_dir: where its data and log go; it is made if missing, kept, and its owner's alone. The server has a
            password then, which is kept there too, as is its port as long as it is free. Without one, a temporary
            directory and no password.
        appendonly: keep the data over restarts. Otherwise nothing is saved.
        binary: the redis-server, if not the one that `find_redis_server` finds.
        port: a port to listen on, if not any free one.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        appendonly: bool = False,
        binary: Path | None = None,
        port: int | None = None,
    ) -> None:
        self._data_dir = data_dir
        self._appendonly = appendonly
        self._binary = binary
        self._fixed_port = port
        self.last_port: int | None = None
        """Where it listened at its start before this one, if its data was kept since."""
        self._port: int | None = None
        self._directory: Path | None = None
        self._access: Access | None = None
        self._lock: BinaryIO | None = None
        self._process: ServerProcess | None = None

    @property
    def host(self) -> str:
        """The address it listens on: loopback, always."""
        return HOST

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._port is None:
            raise ServerStartError("This Redis is not started.")
        return self._port

    @property
    def url(self) -> str:
        """Its URL, for REDIS_URL."""
        password = "" if self._access is None else f":{self._access.password}@"
        return f"redis://{password}{self.host}:{self.port}"

    @property
    def process(self) -> ServerProcess:
        """The process that runs now."""
        if self._process is None:
            raise ServerStartError("This Redis is not started.")
        return self._process

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            ConfigurationError: there is no redis-server, or another one uses the data directory, or its port is taken.
            ServerStartError: it ended at once or doesn't answer; with the end of its log.
        """
        refuse_windows("An embedded server")
        self._binary = (self._binary or find_redis_server()).absolute()
        self._directory = self._take_directory()
        try:
            if self._fixed_port is not None:
                check_port(self._fixed_port)
                self._launch(self._fixed_port)
            else:
                on_free_port(self._launch, self.last_port)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop it, if it runs, and remove its temporary directory."""
        if self._process is not None:
            self._process.stop()
        if self._lock is not None:
            self._lock.close()
        if self._directory is not None and self._data_dir is None:
            shutil.rmtree(self._directory, ignore_errors=True)
        self._process = self._lock = self._directory = self._port = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def _take_directory(self) -> Path:
        if self._data_dir is None:
            return Path(tempfile.mkdtemp(prefix="midday-redis-"))
        import fcntl  # not on Windows

        directory = self._data_dir.absolute()
        make_private(directory)
        lock = (directory / "lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise ConfigurationError(
                f"Another embedded Redis uses {directory}. Stop it, or give this one a directory of its own."
            ) from None
        self._lock = lock
        self._access = Access.read(directory / _ACCESS)
        self.last_port = self._access.port
        return directory

    def _launch(self, port: int) -> None:
        directory = self._directory or Path()
        if self._access is not None:
            self._access.keep(directory / _ACCESS, port)
        self._process = ServerProcess(
            [str(self._binary), *self._arguments(directory, port)],
            directory / "redis.log",
            # The lock is the server's too: it holds as long as either lives.
            keep_open=() if self._lock is None else (self._lock.fileno(),),
        )
        pid = self._process.pid
        password = None if self._access is None else self._access.password
        self._process.wait_until(lambda: _answers(port, pid, password), _START_S)
        self._port = port

    def _arguments(self, directory: Path, port: int) -> list[str]:
        options = {
            "port": str(port),
            "bind": HOST,
            "dir": str(directory),
            "daemonize": "no",
            "save": "",
            "appendonly": "yes" if self._appendonly else "no",
        }
        file = [] if self._access is None else [str(directory / _ACCESS)]
        return file + [part for name, value in options.items() for part in (f"--{name}", value)]


def _answers(port: int, pid: int, password: str | None) -> bool:
    """Whether the Redis on this port is that process, and done with loading its data."""
    try:
        with socket.create_connection((HOST, port), timeout=_ANSWER_S) as connection:
            if password is not None:
                connection.sendall(f"AUTH {password}\r\n".encode())
            connection.sendall(b"INFO server\r\nPING\r\n")
            answer = b""
            while not answer.endswith((b"+PONG\r\n", b"in memory\r\n")):
                part = connection.recv(4096)
                if not part:
                    return False
                answer += part
    except OSError:
        return False
    return f"\r\nprocess_id:{pid}\r\n".encode() in answer and answer.endswith(b"+PONG\r\n")
