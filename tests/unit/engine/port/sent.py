"""What a script is called with, as it would go to Redis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import msgpack
from bullmq.redis_connection import loadScript
from redis.asyncio import Redis
from redis.typing import EncodableT

from midday_worker.engine.redis.connection import Connection


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a script: its name among a connection's commands, its keys, and its arguments as they are read."""

    script: str
    keys: tuple[str, ...]
    args: tuple[object, ...]


class SilentRedis(Redis):
    """A client that sends nothing, and keeps the last command that it was to send."""

    words: tuple[EncodableT, ...] = ()
    answer: object = None

    async def execute_command(self, *args: EncodableT, **options: object) -> object:
        """Keep the command. What a script reads of a job before, it finds empty."""
        if args[0] == "EVALSHA":
            self.words = args
            return self.answer
        return None


def silent_connection(answer: object = None) -> tuple[Connection, SilentRedis]:
    """Return a connection that sends nothing, and its client."""
    client = SilentRedis(decode_responses=True)
    client.answer = answer
    return Connection(client), client


def call_of(words: Sequence[EncodableT], connection: Connection) -> Call:
    """Return the call that a command is."""
    sha, count = words[1], int(str(words[2]))
    names = [name for name, script in connection.commands.items() if script.sha == sha]
    keys = [str(word) for word in words[3 : 3 + count]]
    return Call(names[0] if names else "", tuple(keys), tuple(map(read_argument, words[3 + count :])))


def read_argument(word: object) -> object:
    """Return an argument as a script reads it: MessagePack unpacked, numbers as their text."""
    if isinstance(word, bytes):
        return msgpack.unpackb(word) if word else ""
    return str(word)


def lua_reads(file: str, option: str) -> bool:
    """Return whether a script reads an option of its packed ones."""
    text = loadScript(file)
    return any(f"opts{form}" in text for form in (f"['{option}']", f'["{option}"]', f".{option}"))


def same_options(ours: object, ports: object, file: str) -> bool:
    """Return whether two packed tables are the same for a script: what one has beyond the other, it doesn't read.

    `name`, the worker's, is of ours alone: the port never writes who works on a job.
    """
    one, other = cast("Mapping[str, object]", ours), cast("Mapping[str, object]", ports)
    apart = {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}
    return not {name for name in apart - {"name"} if lua_reads(file, name)}
