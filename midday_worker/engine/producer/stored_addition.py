"""`StoredAddition`: one job's addition, in a form that can wait elsewhere and is carried out once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, cast

from pydantic import TypeAdapter, ValidationError

from midday_worker.engine.producer.add_commands import (
    Addition,
    Parent,
    Words,
    check_arguments,
    lineage,
    new_id,
    script_of,
    short_names,
)
from midday_worker.engine.redis.connection import Connection
from midday_worker.engine.redis.duplicate_check import CHECKED
from midday_worker.engine.redis.template import pack
from midday_worker.engine.wire.child_kinds import kind_of, mark
from midday_worker.engine.wire.options import encode_on_failure, encode_request
from midday_worker.options import ResolvedOptions
from midday_worker.request import JobRequest

if TYPE_CHECKING:
    from bullmq.redis_connection import Script
    from redis.typing import EncodableT

    from midday_worker.engine.producer.flow import QueueOf
    from midday_worker.engine.producer.queue import Queue

LEAST_KEPT_S: Final = 8 * 24 * 3600
"""For how long Redis knows at least that an addition was carried out."""

_DAY_S: Final = 24 * 3600
_MOST_PROBLEMS: Final = 5

# What is ours comes last and is taken off, so that BullMQ's part finds its own keys and arguments.
_ONCE: Final = """
local kept, marker = table.remove(ARGV), table.remove(KEYS)
local before = redis.call("GET", marker)
if before then
  redis.call("EXPIRE", marker, kept)
  return before
end
local answer = add()
if type(answer) == "number" then return answer end
redis.call("SET", marker, type(answer) == "table" and answer[1] or answer, "EX", kept)
return answer
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAddition:
    """What the script that adds a job is called with, but for keys.

    Attributes:
        prefix: of its queue's keys.
        queue: its queue's name.
        id: the job's id.
        name: the job's name.
        text: the payload as JSON.
        options: as BullMQ stores them.
        timestamp: when it was triggered, in epoch milliseconds: from then on its delay counts.
        script: the name of the script that adds it.
        last: the delay or the priority, which its script takes.
        has_children: whether it waits for children.
        deduplication: the key of its duplicates.
        check: what a checked script takes beyond BullMQ's own.
        lineage: the parent's key, the key of its dependencies, and what the job stores of it.
        token: names this addition among all.
        kept_s: for how long Redis knows that it was carried out.
    """

    prefix: str
    queue: str
    id: str
    name: str
    text: str
    options: Mapping[str, object]
    timestamp: int
    script: str
    last: int | None
    has_children: bool
    deduplication: str | None
    check: Sequence[str]
    lineage: Sequence[object]
    token: str
    kept_s: int

    @classmethod
    def of(cls, request: JobRequest, queue: Queue, parent: Parent | None = None) -> StoredAddition:
        """Return what `Additions.make` would add now to a queue, to be carried out later."""
        made = new_id() if parent is None else mark(new_id(), kind_of(request))
        script, last = script_of(request)
        check = () if parent is not None or request.children else check_arguments(request.options)
        wire = encode_request(request)
        if parent is not None:
            wire |= {"parent": {"id": parent.id, "queue": parent.queue}, **encode_on_failure(parent.policy)}
        return cls(
            prefix=queue.prefix,
            queue=queue.name,
            id=request.options.job_id or made,
            name=request.name,
            text=request.text,
            options=short_names(wire),
            timestamp=round(time.time() * 1000),
            script=script + CHECKED if check else script,
            last=last,
            has_children=bool(request.children),
            deduplication=queue.additions.deduplication_key(request),
            check=check,
            lineage=lineage(parent),
            token=made,
            kept_s=kept_s(request.options),
        )

    @classmethod
    def tree(cls, request: JobRequest, queue_of: QueueOf, parent: Parent | None = None) -> list[StoredAddition]:
        """Return a flow's additions, parents first."""
        queue = queue_of(request)
        own = cls.of(request, queue, parent)
        found = [own]
        for child in request.children:
            found += cls.tree(child, queue_of, Parent(own.id, queue.qualifiedName, child.on_failure))
        return found

    @property
    def marker(self) -> str:
        """The key that says that it was carried out. It holds the id of the job that was made, or was there."""
        return marker_of(self.prefix, self.token)

    def dump(self) -> dict[str, object]:
        """Return it as JSON's values."""
        return asdict(self)

    def addition(self, queue: Queue) -> Addition:
        """Return the command that carries it out, unless that has been done; `queue` is its own."""
        script = _once(cast("Connection", queue.redisConnection), self.script)
        keys = [*queue.additions.keys_of(self.script), self.marker]
        prefix = queue.keys[""]
        about: list[object] = [prefix, self.id, self.name, self.timestamp, *self.lineage, None, self.deduplication]
        args: list[EncodableT] = [pack(about), self.text, pack(self.options)]
        if not self.has_children:
            args += [self.timestamp if self.last is None else self.last, *self.check]
        command: Words = ("EVALSHA", script.sha, len(keys), *keys, *args, self.kept_s)
        return Addition(self.id, self.name, script, command, repeatable=True)


_STORED: Final = TypeAdapter(list[StoredAddition])


def load_additions(text: str) -> list[StoredAddition]:
    """Read what was dumped as JSON. Raises ValueError, which says nothing of what payloads hold."""
    try:
        return _STORED.validate_json(text)
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False, include_context=False)
        problems = "; ".join(f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in wrong[:_MOST_PROBLEMS])
    raise ValueError(f"This midday-worker can't read it, as one that is newer might: {problems}.")


def marker_of(prefix: str, token: str) -> str:
    """Return the key that says that an addition was carried out."""
    # Not below `prefix:midday-worker:`, where heartbeats are looked for.
    return f"{prefix}:midday-worker-outbox:{token}"


def kept_s(options: ResolvedOptions) -> int:
    """Return for how long Redis has to know that a job was added: longer than it keeps the job."""
    ages = (options.remove_on_complete.age_ms or 0, options.remove_on_fail.age_ms or 0)
    return max(LEAST_KEPT_S, max(ages) // 1000 + _DAY_S)


def _once(connection: Connection, name: str) -> Script:
    """Return one of the scripts that add jobs, behind a look at whether it was carried out."""
    known = connection.commands.get(f"{name}Once")
    if known is None:
        theirs = str(connection.commands[name].script)
        known = connection.conn.register_script(f"local function add()\n{theirs}\nend{_ONCE}")
        connection.commands[f"{name}Once"] = known
    return known
