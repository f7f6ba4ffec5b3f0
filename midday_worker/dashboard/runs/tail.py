"""What a run logs and how far it gets, as server-sent events."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Final

from midday_worker.admin import JobSnapshot
from midday_worker.dashboard.board import Board
from midday_worker.dashboard.json_response import to_json
from midday_worker.dashboard.shown.job import show_line
from midday_worker.dashboard.shown.redaction import Shown
from midday_worker.engine.following.waiter import Waiter
from midday_worker.engine.producer.queue import Queue
from midday_worker.errors import RedisUnavailableError
from midday_worker.handles.job_log import LogReader

LONGEST_S: Final = 60.0
"""How long a stream lasts, in seconds: the browser then asks again, so that nobody follows longer than they may, and
none holds up a server that stops."""

_MOST: Final = 2_000
"""How many lines are read at once."""

HEARTBEAT_S: Final = 15.0
_LOOK_S: Final = 0.5  # BullMQ has no event for a new line
_AGAIN_MS: Final = 1_000


async def tail(board: Board, queue: Queue, job: JobSnapshot) -> AsyncGenerator[str]:
    """Yield the events of a run: `start`, then `log`, `progress`, `waiting` for Redis, `back`, and `end` at its end."""
    follower = _Follower(board, queue, job)
    until = beat = time.monotonic()
    until += LONGEST_S
    waiter = follower.wait()
    try:
        yield f"retry: {_AGAIN_MS}\n{event('start', {'state': job.state})}"
        while True:
            has_ended = waiter.ending.done()
            news = await follower.news()
            for text in news:
                beat = time.monotonic()
                yield text
            if has_ended and not news:  # one reading may not have brought all that was written until then
                yield event("end", {"state": outcome(waiter)})
                return
            now = time.monotonic()
            if now >= until:
                return
            if now - beat >= HEARTBEAT_S:
                beat = now
                yield ": still there\n\n"
            if not has_ended:
                await follower.pause()
    finally:
        waiter.leave(waiter)


def event(kind: str, data: object) -> str:
    """Return an event as it is sent."""
    return f"event: {kind}\ndata: {to_json(data)}\n\n"


def outcome(waiter: Waiter) -> str:
    """Return how a run has ended: "completed", "failed", "missing"; "unknown" if that can't be known."""
    return "unknown" if waiter.ending.exception() is not None else waiter.ending.result().outcome


class _Follower:
    """Gathers what is new of one run."""

    def __init__(self, board: Board, queue: Queue, job: JobSnapshot) -> None:
        self._board = board
        self._queue = queue
        self._job = job
        self._log = LogReader(board.client, board.place(queue.name), job.id, _MOST)
        self._progress: deque[str] = deque(maxlen=1)  # only the newest one is of interest
        self._woken = asyncio.Event()
        self._is_cut_off = False

    def wait(self) -> Waiter:
        waiter = self._board.client.wait_for(self._board.place(self._queue.name), self._job.id, self._take)
        waiter.ending.add_done_callback(lambda _: self._woken.set())
        return waiter

    async def pause(self) -> None:
        """Wait until there may be something new."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                await self._woken.wait()
        self._woken.clear()

    async def news(self) -> list[str]:
        """Return the events of what is new."""
        texts: list[str] = []
        try:
            first = self._log.earlier is None
            lines = await self._log.new_rows()
        except RedisUnavailableError:
            texts += [] if self._is_cut_off else [event("waiting", {})]
            self._is_cut_off = True
            return texts
        if self._is_cut_off:
            self._is_cut_off = False
            texts.append(event("back", {}))
        if lines or first:
            shown = [show_line(line, self._queue.name, self._job.name, self._board.redaction) for line in lines]
            texts.append(event("log", {"lines": shown, "earlier": (self._log.earlier or 0) if first else 0}))
        while self._progress:
            texts += self._shown(self._progress.popleft())
        return texts

    def _take(self, progress: str) -> None:
        self._progress.append(progress)
        self._woken.set()

    def _shown(self, progress: str) -> list[str]:
        try:
            value: object = json.loads(progress)
        except (ValueError, RecursionError):  # another program's, which is no JSON
            return []
        shown = self._board.redaction.value(Shown(value, "progress", self._queue.name, self._job.name))
        return [event("progress", {"value": shown})]
