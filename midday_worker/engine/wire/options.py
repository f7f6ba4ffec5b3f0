"""Options between our form and BullMQ's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, TypeAlias, cast

from midday_worker.engine.wire.child_kinds import CHILD_KINDS, encode_kinds
from midday_worker.options import BackoffPolicy, DeduplicationPolicy, KeepPolicy, ResolvedOptions
from midday_worker.request import FailurePolicy, JobRequest

WireOptions: TypeAlias = dict[str, object]

OURS: Final = "midday"
"""The key in a job's options under which travels what BullMQ doesn't know."""

METRICS_POINTS: Final = 2 * 7 * 24 * 60
"""Minutes of throughput that BullMQ keeps per queue: two weeks."""

_VERSION: Final = "version"
_TRACED_CHILDREN: Final = "children"

_FAILURE_POLICIES: Final[Mapping[FailurePolicy, str]] = {
    "fail": "failParentOnFailure",
    "ignore": "ignoreDependencyOnFailure",
    "remove": "removeDependencyOnFailure",
    "continue": "continueParentOnFailure",
}


def encode(options: ResolvedOptions, job: str = "") -> WireOptions:
    """Return the options of a job of this name in BullMQ's form.

    Those that `fill_in` looks at are always there: one that were left out at BullMQ's default would get the job's own
    value back, whatever its call says. Of the others, what is at BullMQ's default is left out.
    """
    wire: WireOptions = {
        "attempts": options.attempts,
        "backoff": encode_backoff(options.backoff),
        "removeOnComplete": encode_keep(options.remove_on_complete),
        "removeOnFail": encode_keep(options.remove_on_fail),
        "stackTraceLimit": options.stack_trace_limit,
        "keepLogs": options.keep_logs,
    }
    optional: WireOptions = {
        "delay": options.delay,
        "priority": options.priority,
        "lifo": options.lifo,
        "deduplication": _encode_deduplication(options.deduplication, job),
        "jobId": options.job_id,
        "omc": options.omit_trace_context,
    }
    wire.update({key: value for key, value in optional.items() if value})
    ours = _extras_of(options.backoff)
    if ours:
        wire[OURS] = ours
    return wire


def encode_request(request: JobRequest) -> WireOptions:
    """Return a request's options in BullMQ's form, with those that BullMQ doesn't know under a key of ours."""
    wire = encode(request.options, request.name)
    if request.version > 1:
        wire[OURS] = {**extras_of(wire), _VERSION: request.version}
    if request.extras is not None:
        wire[OURS] = {**extras_of(wire), **request.extras}
    if request.trace is not None:
        wire["tm"] = request.trace.carrier
        if request.trace.children:
            wire[OURS] = {**extras_of(wire), _TRACED_CHILDREN: list(request.trace.children)}
    if request.children:
        wire[OURS] = {**extras_of(wire), CHILD_KINDS: encode_kinds(request.children)}
    return wire


def encode_on_failure(policy: FailurePolicy) -> WireOptions:
    """Return the option of a child that says what its failure does to its parent."""
    return {_FAILURE_POLICIES[policy]: True}


def encode_keep(keep: KeepPolicy) -> bool | WireOptions:
    """Return a retention in BullMQ's form; ages are whole seconds there."""
    if keep.count is None and keep.age_ms is None:
        return False
    if keep.count == 0:
        return True
    wire: WireOptions = {}
    if keep.count is not None:
        wire["count"] = keep.count
    if keep.age_ms is not None:
        wire["age"] = math.ceil(keep.age_ms / 1000)
    return wire


def encode_backoff(backoff: BackoffPolicy) -> WireOptions:
    """Return a backoff in BullMQ's form; Node's workers know `jitter` too. See `_encode_ours` for the rest of it."""
    wire: WireOptions = {"type": backoff.type, "delay": backoff.delay_ms}
    if backoff.jitter:
        wire["jitter"] = backoff.jitter
    return wire


def _extras_of(backoff: BackoffPolicy) -> WireOptions:
    """Return what BullMQ doesn't know of a backoff: its limit, and whether the definition's function decides."""
    ours: WireOptions = {}
    if backoff.max_delay_ms is not None:
        ours["maxDelay"] = backoff.max_delay_ms
    if backoff.function is not None:
        ours["backoff"] = "function"
    return ours


def _encode_deduplication(policy: DeduplicationPolicy | None, job: str) -> WireOptions | None:
    if policy is None:
        return None
    wire: WireOptions = {"id": policy.id_for(job)}
    optional: WireOptions = {"ttl": policy.ttl_ms, "extend": policy.extend, "replace": policy.replace}
    wire.update({key: value for key, value in optional.items() if value})
    return wire


def fill_in(wire: WireOptions, defaults: WireOptions) -> None:
    """Give a job that was produced elsewhere the options that it lacks, in place.

    Args:
        wire: the job's options as stored.
        defaults: its definition's, encoded.

    Node writes `attempts: 0` for a job without attempts, so there 0 counts as absent; elsewhere it says something.
    """
    if wire.get("backoff") is None and OURS in defaults:
        wire[OURS] = {**extras_of(wire), **extras_of(defaults)}
    for key in ("attempts", "backoff", "removeOnComplete", "removeOnFail", "stackTraceLimit", "keepLogs"):
        if wire.get(key) is None or (key == "attempts" and not wire[key]):
            wire[key] = defaults[key]


def attempts_of(wire: Mapping[str, object]) -> int:
    """Return how often a job may be tried."""
    attempts = wire.get("attempts")
    return attempts if isinstance(attempts, int) and attempts > 0 else 1


def longest_backoff(wire: Mapping[str, object]) -> int | None:
    """Return the `max_delay` in milliseconds that travels with a job; None if there is none."""
    return milliseconds_of(extras_of(wire), "maxDelay")


def asks_function(wire: Mapping[str, object]) -> bool:
    """Return whether the backoff of a job is what its definition's function says."""
    return extras_of(wire).get("backoff") == "function"


def version_of(wire: Mapping[str, object]) -> int:
    """Return the version of a job's payload; 1 for a job without one."""
    version = extras_of(wire).get(_VERSION)
    return version if isinstance(version, int) and version > 0 else 1


def stamped(wire: WireOptions, version: int) -> WireOptions:
    """Return a job's options with the version of its payload, which has none if it is 1."""
    others = {name: value for name, value in extras_of(wire).items() if name != _VERSION}
    extras = {**others, _VERSION: version} if version > 1 else others
    rest = {name: value for name, value in wire.items() if name != OURS}
    return {**rest, OURS: extras} if extras else rest


def traced_children(wire: Mapping[str, object]) -> object:
    """Return the spans that added a flow's children, as `TraceContext.children` has them; None if there are none."""
    return extras_of(wire).get(_TRACED_CHILDREN)


def extras_of(wire: Mapping[str, object]) -> WireOptions:
    """Return what travels with a job that BullMQ doesn't know."""
    ours = wire.get(OURS)
    # JSON makes no other mapping, and Mapping's own check is slow.
    return cast("WireOptions", ours) if isinstance(ours, dict) else {}


def milliseconds_of(extras: Mapping[str, object], name: str) -> int | None:
    """Return one of them that is a number of milliseconds; None if it isn't."""
    value = extras.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def keep_jobs(keep: object) -> object:
    """Return a retention as the scripts read it: -1 keeps all, 0 none."""
    if isinstance(keep, dict):
        return cast("dict[str, object]", keep)
    if isinstance(keep, int) and not isinstance(keep, bool):
        return {"count": keep}
    return {"count": 0 if keep else -1}
