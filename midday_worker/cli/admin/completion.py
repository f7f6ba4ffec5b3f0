"""What a shell completes: the names of queues, while Redis answers."""

from __future__ import annotations

import asyncio

from midday_worker.admin import list_queues
from midday_worker.cli.loading import settings_with
from midday_worker.client.client import JobClient


def queue_names(begun: str) -> list[str]:
    """Return the queues whose names begin so; none if Redis can't be asked, as a shell has no place for an error."""

    async def asked() -> list[str]:
        async with JobClient(settings_with()) as client:
            return await list_queues(client.connection, client.settings.redis_prefix)

    try:
        return [name for name in asyncio.run(asked()) if name.startswith(begun)]
    except Exception:
        return []
