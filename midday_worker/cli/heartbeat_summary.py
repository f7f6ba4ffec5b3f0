"""The roll call: do all the worker processes of this host have a heartbeat?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from midday_worker.engine.inspection.health import STALE_S, Heartbeat
from midday_worker.errors import MiddayWorkerError


def summarize_heartbeats(beats: Sequence[Heartbeat]) -> str:
    """Return what the fresh heartbeats say, each service of several processes counted as one.

    Raises:
        MiddayWorkerError: there are none, one says that its worker isn't ready, or a process of a service has none.
    """
    if not beats:
        raise MiddayWorkerError("no worker on this host has sent a heartbeat; start one with: midday-worker run")
    # A stale one may be that of a process that was killed, beside its successor's.
    fresh = [beat for beat in beats if beat.age_s <= STALE_S]
    if troubled := [beat for beat in fresh or beats if beat.trouble is not None]:
        raise MiddayWorkerError(", ".join(f"pid {beat.pid} is not ready: {beat.trouble}" for beat in troubled))
    ordered = sorted(fresh, key=lambda beat: (beat.supervisor or 0, beat.process))
    services = groupby(ordered, key=lambda beat: beat.supervisor)
    return ", ".join(_service(supervisor, list(members)) for supervisor, members in services)


def _service(supervisor: int | None, beats: list[Heartbeat]) -> str:
    workers = ", ".join(f"pid {beat.pid} on {', '.join(beat.queues)}, {beat.age_s:.0f} s ago" for beat in beats)
    if supervisor is None:
        return workers
    # By their numbers: the heartbeat of one that crashed stays for a while beside that of its successor.
    count, alive = beats[0].processes, {beat.process for beat in beats}
    counted = f"{len(alive)} of {count} processes of pid {supervisor}"
    if missing := [str(index) for index in range(1, count + 1) if index not in alive]:
        raise MiddayWorkerError(f"{counted} have a heartbeat; without one: {', '.join(missing)}")
    return f"{counted}: {workers}"
