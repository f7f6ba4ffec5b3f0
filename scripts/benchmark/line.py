"""A longer way to Redis: the delaying proxy as a process, and what it adds and lets through."""

# redis-py's **kwargs are untyped.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final, Self

from redis import Redis

from scripts.benchmark.programs import ROOT, stop

_PINGS: Final = 50
_BATCH: Final = 50
_BATCHES: Final = 100


class Line:
    """The proxy, within `with`.

    Args:
        redis_port: where Redis listens.
        round_trip_ms: what is added to each round trip, half of it each way.
    """

    def __init__(self, redis_port: int, round_trip_ms: float) -> None:
        self._command = [sys.executable, "-m", "scripts.benchmark.proxy", str(redis_port), str(round_trip_ms)]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"redis://127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(self, *_: object) -> None:
        stop(self._process)

    def round_trip_ms(self) -> float:
        """Return the median round trip of a ping through it."""
        with Redis.from_url(self.url) as redis:
            return statistics.median(_timed(redis.ping) for _ in range(_PINGS)) * 1000

    def commands_per_second(self) -> float:
        """Return how many pings in batches pass through it: its own limit, where it adds nothing."""
        with Redis.from_url(self.url) as redis:
            started = time.monotonic()
            for _ in range(_BATCHES):
                pipe = redis.pipeline(transaction=False)
                for _ in range(_BATCH):
                    pipe.ping()
                pipe.execute()
            return _BATCH * _BATCHES / (time.monotonic() - started)


def _timed(call: Callable[[], object]) -> float:
    started = time.monotonic()
    call()
    return time.monotonic() - started
