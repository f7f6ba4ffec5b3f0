"""Finding a job whose queue isn't known."""

from __future__ import annotations

from midday_worker.engine.inspection.queue_names import list_queues
from midday_worker.engine.redis.connection import Connection
from midday_worker.engine.redis.translation import translated


async def queues_of(connection: Connection, prefix: str, job_id: str) -> list[str]:
    """Return the queues that hold a job of this id."""
    with translated(f"look for job {job_id}"):
        names = await list_queues(connection, prefix)
        return [name for name in names if await connection.conn.exists(f"{prefix}:{name}:{job_id}")]
