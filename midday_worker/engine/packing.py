"""Commands as bytes: hiredis packs them where it gives what redis-py would, as it is several times as fast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias, cast

from redis.asyncio.connection import AbstractConnection
from redis.typing import EncodableT
from redis.utils import HIREDIS_AVAILABLE

Packer: TypeAlias = Callable[[tuple[EncodableT, ...]], bytes]

# Exactly these: of bool, None, int enums and memoryviews the two think differently.
_PLAIN: Final = frozenset((str, bytes, int, float))
_ERRORS: Final = {"strict", "surrogateescape"}


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
