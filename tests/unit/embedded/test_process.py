"""ServerProcess: a child that is waited for, stopped by its id, and killed if it must be."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest

from midday_worker.embedded import ServerProcess, ServerStartError, free_port

DEADLINE_S = 10


def start(script: str, log: Path, stop_signal: signal.Signals = signal.SIGTERM) -> ServerProcess:
    """Run a script that says when it is ready."""
    process = ServerProcess(["/bin/sh", "-c", script], log, stop_signal=stop_signal)
    process.wait_until(lambda: "ready" in log.read_text(), DEADLINE_S)
    return process


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.mark.process
def test_it_runs_until_it_is_stopped(log: Path) -> None:
    process = start("echo ready; exec sleep 60", log)
    states = [process.running]
    process.stop()
    process.stop()
    assert [*states, process.running] == [True, False]


@pytest.mark.process
def test_it_is_asked_to_end_with_its_own_signal(log: Path) -> None:
    process = start("trap 'echo asked; exit' INT; echo ready; while :; do sleep 0.05; done", log, signal.SIGINT)
    process.stop()
    assert log.read_text() == "ready\nasked\n"


@pytest.mark.process
def test_one_that_does_not_heed_the_signal_is_killed(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("midday_worker.embedded.process._STOP_S", 0.1)
    process = start("trap '' TERM; echo ready; exec sleep 60", log)
    process.stop()
    assert not process.running


@pytest.mark.process
def test_one_that_ends_too_early_is_an_error_with_its_last_words(log: Path) -> None:
    with pytest.raises(ServerStartError, match=r"^sh ended with code 3: no disk$"):
        start("echo no disk >&2; exit 3", log)


@pytest.mark.process
def test_one_that_is_never_ready_is_an_error(log: Path) -> None:
    process = ServerProcess(["/bin/sleep", "60"], log)
    with pytest.raises(ServerStartError, match=r"^sleep did not answer within 0\.05 s: it printed nothing$"):
        process.wait_until(lambda: False, 0.05)
    process.kill()


@pytest.mark.process
def test_its_working_directory_is_its_logs(log: Path) -> None:
    process = start("pwd; echo ready; exec sleep 60", log)
    process.stop()
    assert Path(log.read_text().split()[0]) == log.parent


def test_a_free_port_is_one_that_can_be_listened_on() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port()))


def test_a_port_that_is_taken_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = listener.getsockname()[1]
        monkeypatch.setattr("midday_worker.embedded.process._PORTS", range(taken, taken + 1))
        monkeypatch.setattr("midday_worker.embedded.process._PORT_TRIES", 1)
        with pytest.raises(ServerStartError, match="No free port"):
            free_port()


@pytest.mark.process
def test_on_macos_it_starts_without_what_only_linux_has(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("ctypes.CDLL", None)
    process = start("echo ready; exec sleep 60", log)
    process.stop()
    assert not process.running
