"""The outbox: jobs that are written with a database's transaction, and added to Redis once it has committed."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from midday_worker.client.client import JobClient, current_client

if TYPE_CHECKING:
    from collections.abc import Callable

    from midday_worker.options.declared import AwaitedSession, BlockingSession


def chosen(client: JobClient | None, session: AwaitedSession | None) -> JobClient:
    """Return the client that was given, else the present one; one that writes to the outbox for a session."""
    client = client or current_client()
    if session is None or client.is_recording:
        return client
    # Not at the top: a process that only triggers jobs is spared SQLAlchemy's 150 ms.
    from midday_worker.outbox.outbox_client import OutboxClient

    return OutboxClient(client, session)


def session_here(session: BlockingSession | None) -> AwaitedSession | None:
    """Return the session of a blocking call, as its trigger takes it.

    A `scoped_session`, as Flask's, has one in each thread: it is asked here, and not on the loop that does the call.
    """
    registry: Callable[[], object] | None = getattr(session, "registry", None)
    return cast("AwaitedSession | None", session if registry is None else registry())
