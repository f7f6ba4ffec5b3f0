"""A Node process with its own BullMQ that does what a test tells it, for as long as the tests run; see driver.mjs."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Final, cast

from midday_worker.demo.node import NodeRuntime

DRIVER: Final = Path(__file__).with_name("driver.mjs")
ANSWER_WITHIN_S: Final = 60

View = dict[str, object]
"""A job as it was read: its state and, if Redis holds it, what it was given and what became of it."""


class NodeRefusedError(Exception):
    """What Node's BullMQ threw."""


class NodeProcess:
    """One Node process. Answers come through a thread, so that tests on different event loops can share it."""

    def __init__(self, runtime: NodeRuntime, redis_url: str) -> None:
        self._process = subprocess.Popen(
            runtime.command("--input-type=module", "--eval", DRIVER.read_text(), redis_url),
            cwd=runtime.directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._numbers = itertools.count()
        self._waiting: dict[int, Future[object]] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    async def ask(self, op: str, **command: object) -> object:
        """Let Node do one thing; return its answer. Raises NodeRefusedError."""
        assert self._process.stdin is not None
        number = next(self._numbers)
        answer = self._waiting[number] = Future()
        # ASCII only: a pipe is no place to find out how the other side reads lone surrogates.
        self._process.stdin.write(json.dumps({"id": number, "op": op, **command}) + "\n")
        self._process.stdin.flush()
        async with asyncio.timeout(ANSWER_WITHIN_S):
            return await asyncio.wrap_future(answer)

    def kill(self) -> None:
        """End it at once, whatever it holds."""
        self._process.kill()
        self._process.communicate()
        self._reader.join()

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = cast("dict[str, object]", json.loads(line))
            waiting = self._waiting.pop(cast("int", answer["id"]))
            if waiting.cancelled():
                continue
            if "error" in answer:
                waiting.set_exception(NodeRefusedError(answer["error"]))
            else:
                waiting.set_result(answer["value"])
        for waiting in self._waiting.values():
            waiting.set_exception(NodeRefusedError("the Node process has ended"))


class NodePeer:
    """Node on one test's prefix."""

    def __init__(self, process: NodeProcess, prefix: str) -> None:
        self.process = process
        self.prefix = prefix

    async def ask(self, op: str, queue: str = "", **command: object) -> object:
        """Let Node do one thing on a queue of this test."""
        return await self.process.ask(op, prefix=self.prefix, queue=queue, **command)

    async def queue(self, queue: str, method: str, *args: object) -> object:
        """Call a method of Node's `Queue`."""
        return await self.ask("queue", queue, method=method, args=args)

    async def job(self, queue: str, job_id: str, method: str, *args: object) -> object:
        """Call a method of Node's `Job`."""
        return await self.ask("job", queue, job=job_id, method=method, args=args)

    async def add(self, queue: str, name: str, data: object, options: object = None) -> str:
        """Add a job, as `Queue.add`; return its id."""
        added = cast("dict[str, str]", await self.queue(queue, "add", name, data, options or {}))
        return added["id"]

    async def work(self, queue: str, **options: object) -> None:
        """Start a worker; `close` ends it."""
        await self.ask("work", queue, options=options)

    async def views(self, queue: str, job_ids: Sequence[str]) -> list[View]:
        """Return the jobs as Node reads them."""
        return cast("list[View]", await self.ask("view", queue, jobs=job_ids))

    async def close(self) -> None:
        """Close what was opened for this test."""
        await self.ask("close")
