"""The commands that add jobs: BullMQ's own scripts, with what is the same for all jobs of a queue computed once."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import msgpack
from bullmq.job import optsEncodeMap
from redis.typing import EncodableT

from midday_worker.engine.wire import WireOptions, encode_on_failure, encode_request
from midday_worker.options import ResolvedOptions
from midday_worker.request import FailurePolicy, JobRequest
from midday_worker.tracing import TraceContext

if TYPE_CHECKING:
    from bullmq.redis_connection import Script

Words: TypeAlias = tuple[EncodableT, ...]

_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "addStandardJob": ("wait", "paused", "meta", "id", "completed", "delayed", "active", "events", "marker"),
    "addDelayedJob": ("marker", "meta", "id", "delayed", "completed", "events"),
    "addPrioritizedJob": (
        *("marker", "meta", "id", "prioritized", "delayed"),
        *("completed", "active", "events", "pc"),
    ),
    "addParentJob": ("meta", "id", "delayed", "waiting-children", "completed", "events"),
}


_VARIANTS: Final = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}


@dataclass(frozen=True, slots=True)
class Addition:
    """One job that is to be added.

    Attributes:
        id: the job's id, made here unless the request has one.
        name: the job's name.
        script: BullMQ's script that adds it.
        keys: the script's keys.
        args: the script's arguments.
        repeatable: whether sending it twice makes one job all the same, as Lua's add does nothing if the id exists.
            But a job that is removed as it completes may be gone by then, and a deduplicated one has no key of its own.
    """

    id: str
    name: str
    script: Script
    keys: Sequence[str]
    args: Words
    repeatable: bool

    @property
    def command(self) -> Words:
        """The script's call as the words of one command."""
        return ("EVALSHA", self.script.sha, len(self.keys), *self.keys, *self.args)


@dataclass(frozen=True, slots=True)
class Parent:
    """A flow's parent: its id, its queue with the prefix, and what the child's failure does to it."""

    id: str
    queue: str
    policy: FailurePolicy


class Additions:
    """Makes a queue's additions.

    Args:
        keys: the queue's keys, by BullMQ's names for them.
        commands: BullMQ's scripts, registered.
    """

    def __init__(self, keys: Mapping[str, str], commands: Mapping[str, Script]) -> None:
        self._prefix = keys[""]
        self._kinds = {name: (commands[name], [keys[key] for key in used]) for name, used in _KEYS.items()}
        self._last: tuple[ResolvedOptions, TraceContext | None, bytes] | None = None

    def make(self, request: JobRequest, parent: Parent | None = None) -> Addition:
        """Return the addition of one request, as a job that waits for its children if it has any."""
        options = request.options
        job_id, now = options.job_id or _new_id(), round(time.time() * 1000)
        kind, last = _kind(request, now)
        policy = options.deduplication
        about = [
            *(self._prefix, job_id, request.name, now),
            *_lineage(parent),
            None,  # its schedule
            None if policy is None else f"{self._prefix}de:{policy.id}",
        ]
        script, keys = self._kinds[kind]
        args: Words = (_packed(about), request.text, self._packed_options(request, parent), *last)
        repeatable = policy is None and options.remove_on_complete.count != 0
        return Addition(job_id, request.name, script, keys, args, repeatable)

    def _packed_options(self, request: JobRequest, parent: Parent | None) -> bytes:
        plain = parent is None and request.extras is None
        # Most calls have no options of their own, and then those of their job are one and the same object.
        last = self._last
        if plain and last is not None and last[0] is request.options and last[1] is request.trace:
            return last[2]
        options = encode_request(request)
        if parent is not None:
            options |= {"parent": {"id": parent.id, "queue": parent.queue}, **encode_on_failure(parent.policy)}
        packed = _packed(_short(options))
        if plain:
            self._last = (request.options, request.trace, packed)
        return packed


def _new_id() -> str:
    """Return a random UUID (version 4), as `uuid.uuid4` makes them, in a fraction of its time."""
    text = os.urandom(16).hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{_VARIANTS[text[16]]}{text[17:20]}-{text[20:]}"


def _kind(request: JobRequest, now: int) -> tuple[str, tuple[int, ...]]:
    """Return which script adds it, and the argument that it takes beyond what all take."""
    if request.children:
        return "addParentJob", ()
    if request.options.delay:
        return "addDelayedJob", (request.options.delay,)
    if request.options.priority:
        return "addPrioritizedJob", (request.options.priority,)
    return "addStandardJob", (now,)


def _lineage(parent: Parent | None) -> tuple[object, object, object]:
    """Return the parent's key, the key of its dependencies, and what the job stores of it."""
    if parent is None:
        return None, None, None
    key = f"{parent.queue}:{parent.id}"
    stored = {"id": parent.id, "queueKey": parent.queue, **_short(encode_on_failure(parent.policy))}
    return key, f"{key}:dependencies", stored


def _short(options: WireOptions) -> WireOptions:
    """Return options under the short names that BullMQ stores some of them by."""
    return {optsEncodeMap.get(name, name): value for name, value in options.items()}


def _packed(value: object) -> bytes:
    return msgpack.packb(value, use_bin_type=True)
