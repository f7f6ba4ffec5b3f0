"""`OutboxState`: what committed transactions have left for a test's worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from midday_worker.databases import create_database

if TYPE_CHECKING:
    from midday_worker.client.client import JobClient
    from midday_worker.databases import Database
    from midday_worker.outbox.relay import Relay


class OutboxState:
    """The outbox in the database of a client's settings, if there is one.

    Args:
        client: of the test's worker.
    """

    def __init__(self, client: JobClient) -> None:
        self._made: tuple[Database, Relay] | None = None
        if (url := client.settings.database_primary_url) is not None:
            # Not at the top: a test without a database is spared SQLAlchemy's 150 ms.
            from midday_worker.outbox.relay import Relay

            address = url.get_secret_value()
            self._made = create_database(address, max_connections=1), Relay(address, client)

    async def unsent(self) -> int:
        """Bring to Redis what is there; return how many rows others are bringing now. Refused ones don't count."""
        if self._made is None:
            return 0
        from midday_worker.outbox.relay import backlog

        database, relay = self._made
        try:
            left = await backlog(database)
            while left is not None and left.rows > left.refused and await relay.relay_some():
                left = await backlog(database)
        except OSError:  # it can't be reached, and perhaps no job of the test uses it
            return 0
        return 0 if left is None else left.rows - left.refused

    async def dispose(self) -> None:
        """Close its connections."""
        for each in self._made or ():
            await each.dispose()
