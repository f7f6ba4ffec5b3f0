"""A heartbeat: a thread that notes when its process was not scheduled, as the machine was busy with other things."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from tests.soak.ledger import Ledger

BEAT_S: Final = 0.05
LATE_S: Final = 0.2
"""A beat that comes so late is noted."""


def start_heartbeat(ledger: Ledger, pid: int, redis: Redis | None = None) -> threading.Event:
    """Note, under this id, each time at which this process, or that Redis, didn't run for a while; the event stops it.

    A Redis may stand still though nobody stopped it: where the disk is busy it waits for what it has written.
    """
    stop = threading.Event()
    threading.Thread(target=_beat, args=(ledger, pid, stop, redis), name="soak-heartbeat", daemon=True).start()
    return stop


def _beat(ledger: Ledger, pid: int, stop: threading.Event, redis: Redis | None) -> None:
    due = time.monotonic() + BEAT_S
    while not stop.wait(max(0.0, due - time.monotonic())):
        if redis is not None:
            with suppress(RedisError):  # it was killed, and the disturber has noted that
                redis.ping()  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
        now = time.monotonic()
        if now - due > LATE_S:
            ledger.note("starved", due, pid=pid, until=now)
        due = now + BEAT_S
