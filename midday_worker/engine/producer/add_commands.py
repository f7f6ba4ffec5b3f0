"""The commands that add jobs: BullMQ's own scripts, with what is the same for all jobs of a queue computed once."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from bullmq.job import optsEncodeMap
from redis.typing import EncodableT

from midday_worker.engine.redis.duplicate_check import CHECKED
from midday_worker.engine.redis.template import Template, pack
from midday_worker.engine.wire.child_kinds import kind_of, mark
from midday_worker.engine.wire.options import WireOptions, encode_on_failure, encode_request
from midday_worker.options import ResolvedOptions
from midday_worker.request import FailurePolicy, JobRequest
from midday_worker.telemetry.tracing.trace_context import TraceContext

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


_MOST_SERIES: Final = 1_000
_LONG_TTL_MS: Final = 60_000  # longer than a command may take
_VARIANTS: Final = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}


@dataclass(slots=True)  # not frozen, as that takes three times as long to make
class Addition:
    """One job that is to be added.

    Attributes:
        id: the job's id, made here unless the request has one.
        name: the job's name.
        script: BullMQ's script that adds it.
        command: the script's call: its words, or packed already.
        repeatable: whether sending it twice makes one job all the same, as Lua's add does nothing if the id exists.
            But a job that is removed as it completes may be gone by then, and a deduplicated one has no key of its own;
            one with an idempotency key has one that outlives it.
    """

    id: str
    name: str
    script: Script
    command: Words | bytes
    repeatable: bool


@dataclass(frozen=True, slots=True)
class Parent:
    """A flow's parent: its id, its queue with the prefix, and what the child's failure does to it."""

    id: str
    queue: str
    policy: FailurePolicy

    @property
    def stored(self) -> WireOptions:
        """What a child's hash holds of it."""
        return {"id": self.id, "queueKey": self.queue, **short_names(encode_on_failure(self.policy))}


class Additions:
    """Makes a queue's additions.

    Args:
        keys: the queue's keys, by BullMQ's names for them.
        commands: BullMQ's scripts, registered.
        packed: whether the connection takes commands as bytes, which are made faster.
        more: further keys for each script to be called with; see `absent_key`.
    """

    def __init__(
        self, keys: Mapping[str, str], commands: Mapping[str, Script], *, packed: bool = True, more: Sequence[str] = ()
    ) -> None:
        self._packed = packed
        self._prefix = keys[""]
        self._kinds = {
            name: _call(commands[name], [*(keys[key] for key in used), *more]) for name, used in _KEYS.items()
        }
        for name in ("addStandardJob", "addDelayedJob", "addPrioritizedJob"):
            used = [*(keys[key] for key in _KEYS[name]), *more]
            self._kinds[name + CHECKED] = _call(commands[name + CHECKED], used)
        self._last: tuple[ResolvedOptions, TraceContext | None, bytes] | None = None
        self._series: dict[str, _Series] = {}

    def make(self, request: JobRequest, parent: Parent | None = None) -> Addition:
        """Return the addition of one request, as a job that waits for its children if it has any."""
        now = round(time.time() * 1000)
        if self._packed and parent is None and (one_of_many := self._from_template(request, now)) is not None:
            return one_of_many
        options = request.options
        job_id = options.job_id or (new_id() if parent is None else mark(new_id(), kind_of(request)))
        kind, last = script_of(request)
        about = [
            *(self._prefix, job_id, request.name, now),
            *lineage(parent),
            None,  # its schedule
            self.deduplication_key(request),
        ]
        check = () if parent is not None or request.children else check_arguments(options)
        script, call = self._kinds[kind + CHECKED if check else kind]
        args = (pack(about), request.text, self._packed_options(request, parent))
        command = (*call, *args) if request.children else (*call, *args, now if last is None else last, *check)
        return Addition(job_id, request.name, script, command, _is_repeatable(options))

    def keys_of(self, script: str) -> Sequence[str]:
        """Return the keys that a script is called with."""
        return [str(word) for word in self._kinds[script][1][3:]]

    def _from_template(self, request: JobRequest, now: int) -> Addition | None:
        """Return the addition of a request that was preceded by another one like it; None if it wasn't."""
        series = self._series.get(request.name)
        if series is None or not series.has(request):
            if _is_plain(request):
                if len(self._series) == _MOST_SERIES:
                    self._series.clear()
                self._series[request.name] = _Series(request)
            return None
        if series.template is None:
            series.template = self._template(request)
        job_id = new_id()
        command = series.template.command(job_id, now, request.text)
        return Addition(job_id, request.name, self._kinds[series.kind][0], command, series.repeatable)

    def _template(self, request: JobRequest) -> Template:
        kind, last = script_of(request)
        key = self.deduplication_key(request)
        packed = self._packed_options(request, None)
        return Template(self._kinds[kind][1], self._prefix, request.name, key, packed, last)

    def deduplication_key(self, request: JobRequest) -> str | None:
        """Return the key of a request's duplicates; None if it asks for none."""
        policy = request.options.deduplication
        return None if policy is None else f"{self._prefix}de:{policy.id_for(request.name)}"

    def _packed_options(self, request: JobRequest, parent: Parent | None) -> bytes:
        plain = parent is None and request.extras is None and not request.children
        # Most calls have no options of their own, and then those of their job are one and the same object.
        last = self._last
        if plain and last is not None and last[0] is request.options and last[1] is request.trace:
            return last[2]
        options = encode_request(request)
        if parent is not None:
            options |= {"parent": {"id": parent.id, "queue": parent.queue}, **encode_on_failure(parent.policy)}
        packed = pack(short_names(options))
        if plain:
            self._last = (request.options, request.trace, packed)
        return packed


def new_id() -> str:
    """Return a random UUID (version 4), as `uuid.uuid4` makes them, in a fraction of its time."""
    text = os.urandom(16).hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{_VARIANTS[text[16]]}{text[17:20]}-{text[20:]}"


def _call(script: Script, keys: Sequence[str]) -> tuple[Script, tuple[str | int, ...]]:
    """Return a script, and the words of its call before its arguments."""
    return script, ("EVALSHA", script.sha, len(keys), *keys)


class _Series:
    """Requests that are told apart by their payloads alone. The template is made for the second one."""

    __slots__ = ("_options", "_trace", "kind", "repeatable", "template")

    def __init__(self, first: JobRequest) -> None:
        self._options, self._trace = first.options, first.trace
        self.kind = script_of(first)[0]
        self.repeatable = _is_repeatable(first.options)
        self.template: Template | None = None

    def has(self, request: JobRequest) -> bool:
        """Return whether a request is one of them: most calls have no options of their own, but those of their job."""
        return (
            request.options is self._options
            and request.trace is self._trace
            and not request.children
            and request.extras is None
        )


def _is_plain(request: JobRequest) -> bool:
    return not check_arguments(request.options) and not request.children and request.extras is None


def check_arguments(options: ResolvedOptions) -> tuple[str, ...]:
    """Return what a checked script takes beyond BullMQ's own; nothing if the answer alone tells whether the job is new.

    That is so of an id that was made here: BullMQ answers another one for a duplicate.
    """
    option = "" if options.deduplication is None else options.deduplication.option
    if options.job_id is not None:
        return option, os.urandom(8).hex()
    return (option, "") if option in ("idempotency_key", "debounce") else ()


def _is_repeatable(options: ResolvedOptions) -> bool:
    policy, is_kept = options.deduplication, options.remove_on_complete.count != 0
    if policy is not None and policy.option == "idempotency_key":
        return is_kept or (policy.ttl_ms or 0) >= _LONG_TTL_MS
    return policy is None and is_kept


def script_of(request: JobRequest) -> tuple[str, int | None]:
    """Return which script adds it, and the argument that it takes beyond what all take; None for the time."""
    if request.children:
        return "addParentJob", None
    if request.options.delay:
        return "addDelayedJob", request.options.delay
    if request.options.priority:
        return "addPrioritizedJob", request.options.priority
    return "addStandardJob", None


def lineage(parent: Parent | None) -> tuple[object, object, object]:
    """Return the parent's key, the key of its dependencies, and what the job stores of it."""
    if parent is None:
        return None, None, None
    key = f"{parent.queue}:{parent.id}"
    return key, f"{key}:dependencies", parent.stored


def short_names(options: WireOptions) -> WireOptions:
    """Return options under the short names that BullMQ stores some of them by."""
    return {optsEncodeMap.get(name, name): value for name, value in options.items()}
