"""EmbeddedRedis: a real redis-server that starts, keeps what it should, and ends with its parent."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from midday_worker.embedded import EmbeddedRedis, ServerStartError, free_port
from midday_worker.errors import ConfigurationError
from midday_worker.testing import RedisServer
from tests.unit.embedded.test_binary import make_binary

DEADLINE_S = 15


def command(server: EmbeddedRedis, line: str) -> list[str]:
    """Send one command and return the lines of its reply, without their lengths."""
    with socket.create_connection((server.host, server.port), timeout=DEADLINE_S) as connection:
        password = urlsplit(server.url).password
        connection.sendall(f"{f'AUTH {password}' if password else 'PING'}\r\n{line}\r\nQUIT\r\n".encode())
        _, _, reply = b"".join(iter(lambda: connection.recv(4096), b"")).partition(b"\r\n")
    return [line for line in reply.decode().split("\r\n")[:-2] if not line.startswith(("*", "$"))]


def get(server: EmbeddedRedis, key: str) -> str | None:
    return next(iter(command(server, f"GET {key}")), None)


def put(server: EmbeddedRedis, key: str, value: str) -> None:
    assert command(server, f"SET {key} {value}") == ["+OK"]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while is_alive(pid):
        assert time.monotonic() < deadline, f"{pid} has not ended"
        time.sleep(0.02)


def test_it_answers_as_soon_as_it_is_started_and_is_gone_after() -> None:
    with EmbeddedRedis() as server:
        put(server, "key", "value")
        assert get(server, "key") == "value"
        port, pid = server.port, server.process.pid
        assert server.url == f"redis://127.0.0.1:{port}"
        directory = Path(command(server, "CONFIG GET dir")[-1])
    assert not listens(port)
    assert not is_alive(pid)
    assert not directory.exists()


async def test_it_starts_and_stops_without_blocking_the_loop() -> None:
    async with EmbeddedRedis() as server:
        put(server, "key", "value")
        port = server.port
    assert not listens(port)


def test_it_listens_on_loopback_only() -> None:
    with EmbeddedRedis() as server:
        assert command(server, "CONFIG GET bind") == ["bind", "127.0.0.1"]
        assert command(server, "CONFIG GET save") == ["save", ""]


def test_two_of_them_get_ports_of_their_own() -> None:
    with EmbeddedRedis() as one, EmbeddedRedis() as two:
        put(one, "key", "one")
        assert get(two, "key") is None


def test_its_data_is_kept_in_its_folder_when_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "redis"
    with EmbeddedRedis(folder, appendonly=True) as server:
        put(server, "key", "value")
    with EmbeddedRedis(folder, appendonly=True) as server:
        assert get(server, "key") == "value"


def test_with_a_folder_it_has_a_password_and_a_port_that_are_kept(tmp_path: Path) -> None:
    """So that the URL holds that somebody has noted; nobody else reads it there, or in the list of processes."""
    folder = tmp_path / "redis"
    with EmbeddedRedis(folder) as server:
        url, pid = server.url, server.process.pid
        password = urlsplit(url).password
        assert password is not None
        assert len(password) >= 32
        with socket.create_connection((server.host, server.port), timeout=DEADLINE_S) as stranger:
            stranger.sendall(b"KEYS *\r\n")
            assert stranger.recv(4096).startswith(b"-NOAUTH")
        assert password not in Path(f"/proc/{pid}/cmdline").read_text()
    with EmbeddedRedis(folder) as server:
        assert server.url == url
        put(server, "key", "value")
    with EmbeddedRedis(tmp_path / "other") as other:
        assert urlsplit(other.url).password not in (None, password)
    with socket.create_server(("127.0.0.1", urlsplit(url).port or 0)), EmbeddedRedis(folder) as server:
        moved = server.url
        assert urlsplit(moved).password == password
        assert (server.last_port, server.port) == (urlsplit(url).port, urlsplit(moved).port)
    with EmbeddedRedis(folder) as server:
        assert server.url == moved


@pytest.mark.parametrize("before", [None, 0o755])
def test_its_folder_is_its_owner_s_alone(tmp_path: Path, before: int | None) -> None:
    """One that an older version made, too."""
    folder = tmp_path / "new" / "redis"
    if before is not None:
        folder.mkdir(parents=True)
        folder.chmod(before)
    with EmbeddedRedis(folder, appendonly=True):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_nothing_is_kept_unless_asked_for(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        put(server, "key", "value")
    with EmbeddedRedis(tmp_path) as server:
        assert get(server, "key") is None


def test_two_never_share_a_folder(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path), pytest.raises(ConfigurationError, match=f"Another embedded Redis uses {tmp_path}"):
        EmbeddedRedis(tmp_path).start()
    with EmbeddedRedis(tmp_path):
        pass


def test_a_port_can_be_asked_for_and_a_taken_one_is_an_error() -> None:
    port = free_port()
    with EmbeddedRedis(port=port) as server:
        assert server.port == port
        with pytest.raises(
            ConfigurationError, match=rf"^Port {port} of 127\.0\.0\.1 can't be had: Address already in use\."
        ):
            EmbeddedRedis(port=port).start()
        put(server, "key", "value")


def test_a_server_that_ends_at_once_is_tried_on_other_ports_and_then_given_up(tmp_path: Path) -> None:
    binary = make_binary(tmp_path / "redis-server", "7.0.0")
    server = EmbeddedRedis(tmp_path / "data", binary=binary)
    with pytest.raises(ServerStartError, match=r"redis-server ended with code 0: Redis server v=7\.0\.0"):
        server.start()
    log = (tmp_path / "data" / "redis.log").read_text()
    assert log.count("Redis server") == 5


def test_a_server_that_never_answers_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("midday_worker.embedded.server._START_S", 0.2)
    binary = tmp_path / "redis-server"
    binary.write_text(f"#!/bin/sh\necho $$ >> {tmp_path}/pids\nexec sleep 60\n")
    binary.chmod(0o755)
    with pytest.raises(ServerStartError, match=r"did not answer within 0\.2 s: it printed nothing"):
        EmbeddedRedis(binary=binary, port=free_port()).start()
    [pid] = map(int, (tmp_path / "pids").read_text().split())
    assert not is_alive(pid)


def test_before_it_is_started_it_has_no_url() -> None:
    with pytest.raises(ServerStartError, match="not started"):
        _ = EmbeddedRedis().url
    with pytest.raises(ServerStartError, match="not started"):
        _ = EmbeddedRedis().process


def test_stopping_it_twice_is_no_trouble() -> None:
    server = EmbeddedRedis()
    server.start()
    server.stop()
    server.stop()


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from midday_worker.embedded import EmbeddedRedis\n"
        "server = EmbeddedRedis(Path(sys.argv[1]))\n"
        "server.start()\n"
        "print(server.process.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()
    wait_for_end(pid)


def test_a_ctrl_c_in_the_terminal_does_not_reach_it() -> None:
    with EmbeddedRedis() as server:
        assert os.getpgid(server.process.pid) != os.getpgid(0)


class TestMistreated:
    """What tests do to a server of their own."""

    def test_a_killed_one_comes_back_on_the_same_port_with_what_was_appended(self) -> None:
        with RedisServer(appendonly=True) as server:
            put(server, "key", "value")
            url, pid = server.url, server.process.pid
            server.kill()
            assert not is_alive(pid)
            with pytest.raises(ConnectionRefusedError):
                get(server, "key")
            server.restart()
            assert server.url == url
            assert server.process.pid != pid
            assert get(server, "key") == "value"

    def test_one_that_runs_can_be_restarted(self) -> None:
        with RedisServer() as server:
            port, pid = server.port, server.process.pid
            server.restart()
            assert (server.port, is_alive(pid)) == (port, False)
            assert get(server, "key") is None

    def test_a_paused_one_keeps_connections_and_answers_when_resumed(self) -> None:
        with RedisServer() as server, socket.create_connection((server.host, server.port), timeout=0.3) as connection:
            server.pause()
            connection.sendall(b"PING\r\n")
            with pytest.raises(TimeoutError):
                connection.recv(64)
            server.resume()
            connection.settimeout(DEADLINE_S)
            assert connection.recv(64) == b"+PONG\r\n"

    def test_a_paused_one_can_be_stopped(self) -> None:
        with RedisServer() as server:
            server.pause()
            pid = server.process.pid
            started = time.monotonic()
        assert not is_alive(pid)
        assert time.monotonic() - started < DEADLINE_S / 3
