"""Renewing locks whose slot moves to another node of a cluster: each where it is just now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from redis import Redis
from redis.exceptions import AskError

from midday_worker.engine.redis.cluster import ClusterDiscovery
from midday_worker.engine.redis.sentinels import Place

# BullMQ's own is called with the set of stalled jobs, too, and two keys may be in two places. Who looks for stalled
# jobs can't either, and sees the lock.
_EXTEND: Final = """
if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("PEXPIRE", KEYS[1], ARGV[2]) end
return 0
"""

Lock = tuple[bytes, str]
"""A lock's key, and the token that it holds."""


def renew_where_they_are(client: Redis, locks: Sequence[Lock], duration_ms: int) -> list[object]:
    """Renew locks; return 1 for each that is renewed, and 0 for one that is lost. Raises redis-py's errors.

    Args:
        client: leads to the node that gives up the slot; those that it has given up already are asked for at the other.
        locks: what to renew.
        duration_ms: how long they last from now on.
    """
    answers = dict(zip(locks, _renew(client, locks, duration_ms), strict=True))
    moved: dict[Place, list[Lock]] = {}
    for lock, answer in answers.items():
        if isinstance(answer, AskError):
            host, port = cast("Place", (answer.host, answer.port))  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
            moved.setdefault((host, port), []).append(lock)
    discovery: object = client.connection_pool.connection_kwargs.get("discovery")
    for place, theirs in moved.items():
        if isinstance(discovery, ClusterDiscovery):
            with discovery.client_at(place) as other:
                answers.update(zip(theirs, _renew(other, theirs, duration_ms, asking=True), strict=True))
    for answer in answers.values():
        if isinstance(answer, Exception):
            raise answer
    return [answers[lock] for lock in locks]


def _renew(client: Redis, locks: Sequence[Lock], duration_ms: int, *, asking: bool = False) -> list[object]:
    with client.pipeline(transaction=False) as pipeline:  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
        for key, token in locks:
            if asking:
                pipeline.execute_command("ASKING")  # type: ignore[no-untyped-call] # as all of redis-py's pipelines
            pipeline.eval(_EXTEND, 1, key, token, duration_ms)
        answers = pipeline.execute(raise_on_error=False)
    return cast("list[object]", answers[1::2] if asking else answers)
