"""What a shell completes: the names of queues, while Redis answers at once."""

from __future__ import annotations

import asyncio
from typing import Final

from midday_worker.admin import list_queues
from midday_worker.cli.loading import settings_with
from midday_worker.client import JobClient

_PATIENCE_S: Final = 1.0


def queue_names(begun: str) -> list[str]:
    """Return the queues whose names begin so; none if Redis can't be asked, as a shell has no place for an error."""

    async def asked() -> list[str]:
        async with JobClient(settings_with()) as client, asyncio.timeout(_PATIENCE_S):
            return await list_queues(client.connection, client.settings.redis_prefix)

    try:
        return [name for name in asyncio.run(asked()) if name.startswith(begun)]
    except Exception:
        return []
