"""The queues that a Redis holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from midday_worker.engine.connection import Connection

_META: Final = ":meta"


async def queue_names(connection: Connection, prefix: str) -> list[str]:
    """Return the names of all queues under a prefix, those of Node's among them."""
    # As bull-board does: each queue has this key from its first job on.
    scan = cast("AsyncIterator[str]", connection.conn.scan_iter(match=f"{_escaped(prefix)}:*{_META}", count=1000))  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
    return sorted({key.removeprefix(f"{prefix}:").removesuffix(_META) async for key in scan})


def _escaped(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "*?[]^\\" else letter for letter in text)
