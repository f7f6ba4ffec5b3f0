"""Checks of a Redis server, its clock and the versions around it."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Final

from midday_worker.admin.cluster_checks import check_cluster
from midday_worker.admin.finding import Finding
from midday_worker.engine.redis.connection import Connection
from midday_worker.engine.redis.error_translation import bounded
from midday_worker.engine.redis.nodes import answering
from midday_worker.engine.redis.server import KEEPS_ALL, OLDEST_VERSION, Server, inspect
from midday_worker.errors import ConfigurationError

_PACKAGES: Final = ("midday-worker", "bullmq", "redis", "pydantic")
_NOTICED_S: Final = 1.0
_WRONG_S: Final = 30.0
"""The lock of a job lasts so long: with clocks further apart, other things than delays go wrong."""


async def check_server(connection: Connection) -> list[Finding]:
    """Return what was found of the server, of its cluster if it is in one, of its clock, and the versions.

    Where its node of a cluster is away, another one is asked.

    Raises:
        RedisUnavailableError: it is away.
        ConfigurationError: it can't hold jobs as REDIS_URL names it, and nothing more can be asked.
    """
    async with answering(connection) as there:
        server = await inspect(there)
        if (unfit := server.unfit()) is not None:
            raise ConfigurationError(f"This Redis {unfit}")
        skew_s = await clock_skew(there)
        cluster = await check_cluster(connection, there) if server.mode == "cluster" else []
    return [*judge_server(server), *cluster, judge_clock(skew_s), list_versions()]


async def clock_skew(connection: Connection) -> float:
    """Return by how many seconds this machine's clock is ahead of Redis's; negative if it is behind."""
    skews: list[tuple[float, float]] = []
    for _ in range(3):
        started = time.time()
        async with bounded(connection.deadlines, "ask Redis for the time"):
            seconds, micros = await connection.conn.time()  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
        ended = time.time()
        skews.append((ended - started, (started + ended) / 2 - (seconds + micros / 1_000_000)))
    return min(skews)[1]  # the quickest answer knows it best


def judge_server(server: Server) -> list[Finding]:
    """Return the findings about a server: its version, what it drops, whether it takes writes."""
    findings = [_judge_version(server), _judge_eviction(server)]
    if server.read_only:
        text = "this server is a read-only replica: no job can be added or fetched"
        findings.append(Finding(check="role", grade="fail", text=text, fix="name the primary in REDIS_URL"))
    return findings


def judge_clock(skew_s: float) -> Finding:
    """Return the finding about this machine's clock, which is ahead of Redis's by so many seconds."""
    apart = abs(skew_s)
    if apart < _NOTICED_S:
        return Finding(check="clock", grade="ok", text=f"this machine and Redis are {apart * 1000:.0f} ms apart")
    side = "ahead of" if skew_s > 0 else "behind"
    return Finding(
        check="clock",
        grade="fail" if apart >= _WRONG_S else "warn",
        text=f"this machine is {apart:.1f} s {side} Redis: delays and schedules are off by as much",
        fix="synchronise both clocks, for example with chrony",
    )


def list_versions(packages: Sequence[str] = _PACKAGES) -> Finding:
    """Return the versions of what runs here."""
    shown: Mapping[str, str] = {name: version(name) for name in packages}
    text = ", ".join([*(f"{name} {number}" for name, number in shown.items()), f"Python {platform.python_version()}"])
    return Finding(check="versions", grade="ok", text=text)


def _judge_version(server: Server) -> Finding:
    if server.too_old:
        text = f"version {server.shown} lacks commands that BullMQ needs"
        return Finding(check="redis", grade="fail", text=text, fix=f"install Redis {OLDEST_VERSION} or newer")
    return Finding(check="redis", grade="ok", text=f"version {server.shown}")


def _judge_eviction(server: Server) -> Finding:
    if not server.may_drop_jobs:
        policy = server.eviction_policy or "the server doesn't tell its policy"
        return Finding(check="eviction policy", grade="ok" if server.eviction_policy else "note", text=policy)
    return Finding(
        check="eviction policy",
        grade="fail",
        text=f"{server.eviction_policy}: when its memory is full, Redis drops jobs",
        fix=f"redis-cli CONFIG SET maxmemory-policy {KEEPS_ALL}",
    )
