"""The outbox: jobs that are written with a database's transaction, and added to Redis once it has committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from midday_worker.client.client import JobClient, current_client

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


def chosen(client: JobClient | None, session: AsyncSession | None) -> JobClient:
    """Return the client that was given, else the present one; one that writes to the outbox for a session."""
    client = client or current_client()
    if session is None or client.is_recording:
        return client
    # Not at the top: a process that only triggers jobs is spared SQLAlchemy's 150 ms.
    from midday_worker.outbox.outbox_client import OutboxClient

    return OutboxClient(client, session)
