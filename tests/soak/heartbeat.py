"""A heartbeat: a thread that notes when its process was not scheduled, as the machine was busy with other things."""

from __future__ import annotations

import threading
import time
from typing import Final

from tests.soak.ledger import Ledger

BEAT_S: Final = 0.05
LATE_S: Final = 0.2
"""A beat that comes so late is noted."""


def start_heartbeat(ledger: Ledger, pid: int) -> threading.Event:
    """Note, under this id, each time at which this process didn't run for a while; the event stops it."""
    stop = threading.Event()
    threading.Thread(target=_beat, args=(ledger, pid, stop), name="soak-heartbeat", daemon=True).start()
    return stop


def _beat(ledger: Ledger, pid: int, stop: threading.Event) -> None:
    due = time.monotonic() + BEAT_S
    while not stop.wait(max(0.0, due - time.monotonic())):
        now = time.monotonic()
        if now - due > LATE_S:
            ledger.note("starved", due, pid=pid, until=now)
        due = now + BEAT_S
