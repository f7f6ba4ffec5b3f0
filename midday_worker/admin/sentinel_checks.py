"""Checks of sentinels and replicas: whether a primary that fails would be replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from midday_worker.admin.finding import Finding
from midday_worker.engine.redis.connection import Connection
from midday_worker.engine.redis.discovery import describe_sentinels
from midday_worker.engine.redis.error_translation import translated
from midday_worker.engine.redis.sentinels import SentinelGroup

_FEWEST: Final = 3
"""Of two, one alone is no majority."""


async def check_sentinels(connection: Connection) -> list[Finding]:
    """Return what was found of the sentinels; nothing if REDIS_URL names none.

    Raises:
        RedisUnavailableError: none of them answers.
        RedisRefusedError: none of them knows the service.
    """
    with translated("ask the sentinels"):
        group = await describe_sentinels(connection.conn.connection_pool)
    return [] if group is None else judge_sentinels(group)


def judge_sentinels(group: SentinelGroup) -> list[Finding]:
    """Return the findings about a service: who is there, and who is missing."""
    text = f"{group.service} is {group.primary or 'nowhere just now'}; sentinels {_listed(group.sentinels)}"
    findings = [Finding(check="sentinels", grade="ok", text=f"{text}; quorum {group.quorum}")]
    findings += [_warn(lost, "start it, or take it out of REDIS_URL") for lost in group.lost]
    findings += [*_judge_majority(group), *_judge_replicas(group)]
    return findings


def _judge_majority(group: SentinelGroup) -> list[Finding]:
    count, well = len(group.sentinels), sum(not trouble for trouble in group.sentinels.values())
    if 2 * well <= count or well < group.quorum:
        text = f"{well} of {count} sentinels are well: they can make no other server the primary"
        return [Finding(check="sentinels", grade="fail", text=text, fix="start the others")]
    if count < _FEWEST:
        text = f"{count} {'sentinel' if count == 1 else 'sentinels'}: with one away, no primary can be replaced"
        return [_warn(text, "run three or more, each on a machine of its own")]
    if well < count:
        away = {name: trouble for name, trouble in group.sentinels.items() if trouble}
        return [_warn(f"not well: {_listed(away)}", "start them, or let the others forget them: SENTINEL RESET")]
    return []


def _judge_replicas(group: SentinelGroup) -> list[Finding]:
    if any(group.replicas.values()) or not group.replicas:
        text = _listed(group.replicas) or "none: if the primary fails, nothing takes its place"
        fix = "see their logs" if group.replicas else "run one or more: redis-server --replicaof HOST PORT"
        return [Finding(check="replicas", grade="warn", text=text, fix=fix)]
    return [Finding(check="replicas", grade="ok", text=_listed(group.replicas))]


def _warn(text: str, fix: str) -> Finding:
    return Finding(check="sentinels", grade="warn", text=text, fix=fix)


def _listed(servers: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({trouble})" if trouble else name for name, trouble in sorted(servers.items()))
