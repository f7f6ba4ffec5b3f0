"""One command on a shared connection, and which commands must not be sent on one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from redis.typing import EncodableT

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


class Command:
    """A packed command and the future of its reply.

    Args:
        future: resolved with the reply as it was read, or an error.
        data: the bytes to write.
        raw: whether the reply is left undecoded.
    """

    __slots__ = ("data", "future", "raw", "size")

    def __init__(self, future: asyncio.Future[object], data: bytes, raw: bool) -> None:
        self.future = future
        self.data = data
        self.size = len(data)
        self.raw = raw

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
