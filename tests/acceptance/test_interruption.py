"""Ctrl-C in the middle of a command that acts on many jobs: what it says it did is what it did."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from typing import cast

import pytest

from midday_worker import JobClient
from midday_worker.admin import count_jobs
from midday_worker.engine.producer.queue import Queue
from tests.acceptance.command import TIME_S, Command
from tests.acceptance.test_queue_table import read_until
from tests.deadline import eventually

MANY, STEP = 150_000, 5_000
PRESSED_EVERY_S = 10
FILL = """
local prefix, now = ARGV[1], 1700000000000
redis.call("HSET", prefix .. "meta", "opts.maxLenEvents", "10000")
for i = ARGV[3], ARGV[4] do
  redis.call("HSET", prefix .. "j" .. i, "name", "send-mail", "data", '"x"', "opts", "{}", "timestamp", now)
  if ARGV[2] == "waiting" then redis.call("LPUSH", prefix .. "wait", "j" .. i)
  else redis.call("ZADD", prefix .. ARGV[2], now, "j" .. i) end
end
"""


async def fill(queue: Queue, state: str, count: int) -> None:
    """Fill it in steps, each of which ends within the time of a command on any machine."""
    for first in range(1, count + 1, STEP):
        last = min(first + STEP - 1, count)
        await queue.ask("EVAL", FILL, 0, queue.keys[""], state, first, last)


@pytest.mark.parametrize(
    ("state", "arguments", "said"),
    [
        ("failed", ("queue", "clean", "many", "--state", "failed"), r"Removed ([\d,]+) of 150,000 failed jobs"),
        ("failed", ("queue", "clean", "many", "--state", "failed", "--json"), r"Removed ([\d,]+) of 150,000"),
        ("waiting", ("queue", "drain", "many"), r"Removed ([\d,]+) of 150,000 waiting jobs"),
        ("failed", ("retry", "--queue", "many"), r"Retried ([\d,]+) of 150,000 failed jobs"),
        ("failed", ("retry", "--queue", "many", "--json"), r"Retried ([\d,]+) of 150,000 failed jobs"),
    ],
)
async def test_what_an_interrupted_command_says_it_did_is_what_it_did(
    command: Command, client: JobClient, state: str, arguments: tuple[str, ...], said: str
) -> None:
    queue = client.queue("many")
    await fill(queue, state, MANY)
    running = await command.start(*arguments, "--yes")

    async def left() -> int:
        return (await count_jobs(queue))[state]

    async def begun() -> bool:
        return await left() < MANY

    await eventually(begun, "it has begun", TIME_S)  # it looks at each failure first
    running.signal(signal.SIGINT)
    async with asyncio.timeout(TIME_S):
        out, err = await running.process.communicate()
    done = MANY - await left()
    await queue.ask("UNLINK", queue.toKey(state), queue.keys["wait"])
    assert (running.process.returncode, 0 < done < MANY) == (130, True)
    found = re.search(f"Interrupted. {said}", err.decode())
    assert found is not None, err
    assert int(found[1].replace(",", "")) == done
    if "--json" in arguments:
        record = cast("dict[str, object]", json.loads(out))
        assert (record["matching"], record["done"], record["interrupted"]) == (MANY, done, True)
    else:
        assert out == b""


async def test_ctrl_c_at_the_question_changes_nothing(command: Command, client: JobClient) -> None:
    queue = client.queue("few")
    await fill(queue, "failed", 3)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(  # noqa: ASYNC220 - on a terminal of its own, which asyncio's processes can't have
        [sys.executable, "-m", "midday_worker", "queue", "clean", "few", "--state", "failed"],
        cwd=command.folder,
        env={"PATH": os.environ["PATH"], "TERM": "xterm", **command.environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    try:
        read_until(ours, lambda seen: "[y/N]" in seen)
        presses = 0

        def is_interrupted(seen: str) -> bool:
            # CPython's input() obeys no signal that comes between its prompt and its read: one presses again.
            nonlocal presses
            if time.monotonic() - asked > presses * PRESSED_EVERY_S:
                process.send_signal(signal.SIGINT)
                presses += 1
            return "Interrupted. Nothing was changed." in seen

        asked = time.monotonic()
        read_until(ours, is_interrupted)
        assert process.wait(TIME_S) == 130
    finally:
        process.kill()
        process.wait()
        os.close(theirs)
        os.close(ours)
    assert (await count_jobs(queue))["failed"] == 3
