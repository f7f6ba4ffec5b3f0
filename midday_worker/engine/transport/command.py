"""One command on a shared connection, and which commands must not be sent on one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, cast

from redis.asyncio.connection import AbstractConnection
from redis.typing import EncodableT
from redis.utils import HIREDIS_AVAILABLE

Packer: TypeAlias = Callable[[tuple[EncodableT, ...]], bytes]

# Exactly these: of bool, None, int enums and memoryviews the two think differently.
_PLAIN: Final = frozenset((str, bytes, int, float))
_ERRORS: Final = {"strict", "surrogateescape"}

_BLOCKING: Final = {
    *("BLPOP", "BRPOP", "BRPOPLPUSH", "BLMOVE", "BLMPOP", "BZPOPMIN", "BZPOPMAX", "BZMPOP"),
    *("WAIT", "WAITAOF"),
}
# They change what the connection is, or what comes back on it, for every command after them.
_OF_A_CONNECTION: Final = {
    *("MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH", "ASKING", "READONLY", "READWRITE", "HIMPORT"),
    *("SUBSCRIBE", "UNSUBSCRIBE", "PSUBSCRIBE", "PUNSUBSCRIBE", "SSUBSCRIBE", "SUNSUBSCRIBE", "MONITOR"),
    *("AUTH", "HELLO", "SELECT", "RESET", "QUIT", "SYNC", "PSYNC", "REPLCONF"),
}
_BY_ARGUMENT: Final = {"XREAD": {"BLOCK"}, "XREADGROUP": {"BLOCK"}, "CLIENT": {"REPLY", "TRACKING"}}
_SPECIAL: Final = _BLOCKING | _OF_A_CONNECTION | _BY_ARGUMENT.keys()


class Errors:
    """In place of many commands' futures: keeps the first error, and nothing else."""

    __slots__ = ("first",)

    def __init__(self) -> None:
        self.first: BaseException | None = None

    def done(self) -> bool:
        """Return False: replies are always wanted."""
        return False

    def set_result(self, result: object) -> None:
        """Take no note of a reply."""

    def set_exception(self, error: BaseException) -> None:
        """Take note of an error."""
        self.first = self.first or error


class Command:
    """A packed command and the future of its reply.

    Args:
        future: gets the reply as it was read, or an error.
        data: the bytes to write.
        raw: whether the reply is left undecoded.
        before: the commands whose bytes `data` holds, too, and whose replies come first.
    """

    __slots__ = ("before", "data", "ends_at", "future", "raw", "size")

    def __init__(
        self, future: asyncio.Future[object], data: bytes, raw: bool = False, before: Sequence[Command] = ()
    ) -> None:
        self.future = future
        self.data = data
        self.size = len(data)
        self.raw = raw
        self.before = before
        self.ends_at = 0.0

    @property
    def over(self) -> bool:
        """Whether its outcome is known, or nobody waits for it any more."""
        return self.future.done()

    def expire(self) -> None:
        """End the wait for its reply: its time is up."""
        if not self.future.done():
            self.future.set_exception(TimeoutError())

    async def read_response(self, disable_decoding: bool = False) -> object:
        """Return the reply. The name and the argument are those of a redis-py connection, for its parse_response."""
        return await self.future


def needs_own_connection(args: Sequence[EncodableT]) -> bool:
    """Return whether a command blocks its connection or changes what the connection is."""
    name = args[0]
    if not isinstance(name, str):
        name = bytes(name).decode(errors="replace") if isinstance(name, (bytes, memoryview)) else str(name)
    word, _, rest = name.upper().partition(" ")
    if word not in _SPECIAL:
        return False
    wanted = _BY_ARGUMENT.get(word)
    return wanted is None or _has_option(wanted, [*rest.split(), *args[1:]])


def _has_option(wanted: set[str], args: Sequence[EncodableT]) -> bool:
    for arg in args:
        text = (arg.decode(errors="replace") if isinstance(arg, bytes) else str(arg)).upper()
        if text in wanted:
            return True
        if text == "STREAMS":  # what follows are keys
            return False
    return False


def packer(connection: AbstractConnection) -> Packer:
    """Return what packs commands for this connection, by its encoding."""

    def pack_as_redis_py(args: tuple[EncodableT, ...]) -> bytes:
        return b"".join(connection.pack_command(*args))

    encoder = connection.encoder
    if not HIREDIS_AVAILABLE or encoder.encoding != "utf-8" or encoder.encoding_errors not in _ERRORS:
        return pack_as_redis_py
    import hiredis  # absent where it could not be built

    pack_plainly = cast("Packer", hiredis.pack_command)  # pyright: ignore[reportUnknownMemberType] - its stub knows tuples of one only

    def pack(args: tuple[EncodableT, ...]) -> bytes:
        name = args[0]
        if type(name) is not str or not _PLAIN.issuperset(map(type, args)):
            return pack_as_redis_py(args)
        if " " in name:
            args = (*name.split(), *args[1:])
        try:
            return pack_plainly(args)
        except UnicodeEncodeError:  # it knows no way but the strict one
            return pack_as_redis_py(args)

    return pack
