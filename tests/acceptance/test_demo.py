"""The demo: everything at work on real input, and a failure as soon as anything isn't as it should be."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from midday_worker.client.client import JobClient
from midday_worker.demo import show as demo
from midday_worker.demo.input_lines import INPUT
from midday_worker.demo.node import NodeRuntime
from midday_worker.engine.inspection.health import heartbeats
from midday_worker.settings.settings import Settings
from tests.acceptance.cli_process import CliProcess
from tests.deadline import eventually

EMAILS = {
    "get-started-email": 188,
    "team-invite": 99,
    "trial-ended-email": 134,
    "trial-expiring-email": 134,
    "welcome-email": 188,
}
"""Of 204 teams 7 have cancelled and 9 users have unsubscribed; of the rest 54 pay, and hear nothing of a trial."""


@pytest.fixture
def here(tmp_path: Path, node: NodeRuntime) -> Path:
    """A directory for a demo, with Node's packages in place."""
    (tmp_path / ".midday").mkdir()
    (tmp_path / ".midday" / "node").symlink_to(node.directory)
    return tmp_path


@pytest.fixture
def few_lines(tmp_path: Path) -> Path:
    """Eight lines of the input, one of them wrong."""
    path = tmp_path / "few.jsonl"
    path.write_text("".join(INPUT.read_text("utf-8").splitlines(keepends=True)[3:11]), "utf-8")
    return path


def redis_url_in(output: str) -> str:
    found = re.search(r"redis://\S*127\.0\.0\.1:\d+", output)
    assert found, output
    return found[0]


async def worker_pids(redis_url: str) -> list[int]:
    async with JobClient(Settings(env_file=None, redis_url=redis_url)) as client:
        return [beat.pid for beat in await heartbeats(client.connection, "bull")]


async def test_the_demo_works_on_its_whole_input_and_keeps_running_when_told_to(here: Path) -> None:
    """2,500 jobs from Python and Node end as the input says; Redis and worker stay until Ctrl-C."""
    leave_something_behind(here / ".midday" / "demo")
    with CliProcess(here, "demo", "--keep") as process:
        output = process.wait_for("Left running.")
        assert "Everything ended as it should." in output
        assert re.search(r"all +│ +│ +2480 │ +20 │ yes", output)
        assert "Python added 242 of them and Node 80" in " ".join(output.split())
        assert len(await worker_pids(redis_url_in(output))) == 1
        process.send(signal.SIGINT)
        assert process.wait() == 0
    written = [path.name.partition(".")[0] for path in (here / ".midday" / "demo" / "mail").iterdir()]
    assert {kind: written.count(kind) for kind in set(written)} == EMAILS
    port = int(redis_url_in(output).rpartition(":")[2])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "the embedded Redis outlived the demo"


async def test_a_worker_that_dies_fails_the_demo_with_the_end_of_its_log(here: Path) -> None:
    """The demo doesn't wait for its time-out when nothing can come any more."""
    with CliProcess(here, "demo") as process:
        output = process.wait_for("Feeding")
        (pid,) = await worker_pids(redis_url_in(output))
        os.kill(pid, signal.SIGKILL)
        assert process.wait() == 1
        assert "The worker ended with code -9" in process.output
        # A line of the worker's log may hold one, of an attempt that failed on purpose.
        assert not [line for line in process.output.splitlines() if line.startswith("Traceback")]


async def test_an_email_that_is_missing_fails_the_demo_and_is_named(here: Path, few_lines: Path) -> None:
    """The counts come from the disk: take one file away, and the demo says so."""
    mail = here / ".midday" / "demo" / "mail"
    console = Console(file=StringIO(), width=120)

    async def first_email() -> Path | None:
        return next(mail.glob("welcome-email*.eml"), None)

    showing = asyncio.create_task(demo.show(console, keep=False, here=here, source=few_lines))
    await eventually(first_email, "a welcome e-mail is on disk", 30)
    next(mail.glob("welcome-email*.eml")).unlink()
    assert not await showing
    assert re.search(r"Not as expected: e-mails: (\d+) welcome-email, expected (?!\1)\d+\n", shown_on(console))
    assert "Everything ended" not in shown_on(console)


async def test_a_terminal_gets_a_bar_for_each_queue(here: Path, few_lines: Path) -> None:
    """On a terminal there are bars, elsewhere plain lines."""
    console = Console(file=StringIO(), width=120, force_terminal=True, color_system=None)
    assert await demo.show(console, keep=False, here=here, source=few_lines)
    text = shown_on(console)
    for queue in ("sign-ups", "onboarding", "emails", "orders", "payments", "inventory", "shipping"):
        assert re.search(rf"{queue} +━+ +(\d+)/\1 ", text), f"no full bar for {queue}"
    assert "jobs have ended" not in text


def test_a_second_demo_in_the_same_directory_is_refused(here: Path) -> None:
    """Two demos would count each other's e-mails."""
    with CliProcess(here, "demo", "--keep") as first:
        first.wait_for("Feeding")
        with CliProcess(here, "demo", output="second.txt") as second:
            assert second.wait() == 1
            assert "Another embedded Redis uses" in second.output
        first.send(signal.SIGTERM)
        first.wait()


def leave_something_behind(directory: Path) -> None:
    """Write what an earlier demo might have left; it must not count."""
    (directory / "mail").mkdir(parents=True)
    (directory / "mail" / "welcome-email.old.eml").touch()
    (directory / "demo.db").write_text("not a database")


def shown_on(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()
