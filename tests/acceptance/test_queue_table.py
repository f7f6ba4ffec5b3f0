"""`queues` on a terminal: a table that keeps itself up to date."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from midday_worker import JobClient, JobRegistry, Settings, job
from midday_worker.testing import RedisServer
from tests.acceptance.command import Command

TIME_S = 60


def read_until(terminal: int, reached: Callable[[str], bool]) -> str:
    """Read what is written to a terminal until it is enough."""
    os.set_blocking(terminal, False)
    seen, ends = "", time.monotonic() + TIME_S
    while not reached(seen):
        assert time.monotonic() < ends, seen
        try:
            seen += os.read(terminal, 65_536).decode(errors="replace")
        except BlockingIOError:
            time.sleep(0.05)
    return seen


async def test_on_a_terminal_the_table_keeps_itself_up_to_date_until_ctrl_c(
    settings: Settings, client: JobClient, project: Path, redis_server: RedisServer, redis_prefix: str
) -> None:
    mail = job("send-mail", str, lambda _data, _ctx: None, queue="mails", registry=JobRegistry())
    await mail.trigger("ada", client=client)
    ours, theirs = pty.openpty()
    environment = {"REDIS_URL": redis_server.url, "REDIS_PREFIX": redis_prefix, "COLUMNS": "100", "TERM": "xterm"}
    process = subprocess.Popen(  # noqa: ASYNC220 - on a terminal of its own, which asyncio's processes can't have
        [sys.executable, "-m", "midday_worker", "queues", "--every", "200ms"],
        cwd=project,
        env={"PATH": os.environ["PATH"], **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        assert "no workers" in read_until(ours, lambda seen: "Ctrl-C" in seen and "mails" in seen)
        await mail.batch_trigger([{"payload": "eve"} for _ in range(4_321)], client=client)
        read_until(ours, lambda seen: "4,322" in seen)
        process.send_signal(signal.SIGINT)
        assert process.wait(TIME_S) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)


async def test_into_a_pipe_the_table_is_written_once(command: Command) -> None:
    finished = await command.run("queues")
    assert (finished.code, finished.err) == (0, "")
    assert finished.out.startswith("No queues under prefix")
