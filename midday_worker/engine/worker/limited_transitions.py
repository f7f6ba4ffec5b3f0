"""The moves of the jobs of a queue that has limits per key: each takes or gives places in the script that moves."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, cast

import msgpack
from redis.typing import EncodableT

from midday_worker.engine.redis.connection import run_script
from midday_worker.engine.wire.place_acts import PUBLISH
from midday_worker.engine.wire.places import SWEEP, WireLimit, fetching, settling
from midday_worker.engine.worker.job_scripts import Transitions, now_ms

if TYPE_CHECKING:
    from bullmq.redis_connection import Script

    from midday_worker.engine.job.job import Job
    from midday_worker.engine.producer.backend import Backend

_NAME: Final = "limited:"

_ID_AT: Final = {"moveToFinished": 0, "dropGone": 0, "moveToDelayed": 2, "retryJob": 3, "moveJobFromActiveToWait": 0}
"""Where the job's id is among the arguments of BullMQ's scripts."""

_FETCH_AT: Final = {"moveToFinished": (5, 7), "dropGone": (5, 7), "moveToDelayed": (7, 8)}
"""Where it says whether to fetch the next job, and with which options."""


class LimitedTransitions(Transitions):
    """The moves of a queue's jobs, within the limits of their keys.

    Args:
        backend: the queue.
        limits: its limits.
        lock_duration_ms, limiter, metrics_points, worker_name: see `Transitions`.
    """

    def __init__(
        self,
        backend: Backend,
        limits: Sequence[WireLimit],
        *,
        lock_duration_ms: int,
        limiter: Mapping[str, int] | None = None,
        metrics_points: int | None = None,
        worker_name: str | None = None,
    ) -> None:
        super().__init__(
            backend,
            lock_duration_ms=lock_duration_ms,
            limiter=limiter,
            metrics_points=metrics_points,
            worker_name=worker_name,
        )
        self._wire = limits
        self._limits = msgpack.packb(list(limits), use_bin_type=True)
        _register(backend)

    async def publish_limits(self) -> None:
        """See `Transitions.publish_limits`."""
        merged: dict[str, dict[str, str | int]] = {}
        for limit in self._wire:
            merged.setdefault(str(limit["path"]), {}).update(
                {name: value for name, value in limit.items() if name != "path"}
            )
        args = [part for path, limit in merged.items() for part in (path, json.dumps(limit))]
        await run_script(
            self._backend.conn, self._commands[_NAME + "publish"], [f"{self._prefix}limits", *self._absent], args
        )

    async def sweep(self) -> None:
        """Free the places of jobs that have lost their worker, and bring those that wait for them."""
        await self._send(_NAME + "sweep", [self._prefix], [])

    async def drop_broken(self, job: Job, reason: str) -> None:
        """See `Transitions.drop_broken`."""
        await super().drop_broken(job, reason)
        await self.sweep()

    def _run(self, command: str, keys: Sequence[str], args: Sequence[EncodableT]) -> Awaitable[object]:
        if command not in _ID_AT:
            return self._send(_NAME + command, keys, args)
        theirs, options = list(args), cast("EncodableT", "")
        wants, at = _FETCH_AT.get(command, (0, 0))
        if at and len(theirs) > wants and theirs[wants] == "1":
            theirs[wants], options = "", theirs[at]
        how = "keep" if command == "moveJobFromActiveToWait" else ""
        return self._send(_NAME + command, keys, [*theirs, args[_ID_AT[command]], how, options])

    def _send(self, name: str, keys: Sequence[str], args: Sequence[EncodableT]) -> Awaitable[object]:
        own: list[EncodableT] = [self._prefix, now_ms(), self._limits]
        return run_script(self._backend.conn, self._commands[name], [*keys, *self._absent], [*args, *own])


def _register(backend: Backend) -> None:
    """Make the scripts, once for each connection."""
    commands = backend.connection.commands
    if _NAME + "sweep" in commands:
        return
    fetch = _text(commands["moveToActive"])
    scripts = {command: settling(_text(commands[command]), fetch) for command in _ID_AT}
    scripts |= {"moveToActive": fetching(fetch), "sweep": SWEEP, "publish": PUBLISH}
    for name, script in scripts.items():
        commands[_NAME + name] = backend.conn.register_script(script)


def _text(script: Script) -> str:
    return str(script.script)
