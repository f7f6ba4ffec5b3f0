"""`OutboxClient`: a client that writes jobs into a database's transaction instead of adding them to Redis."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Final, cast
from weakref import WeakSet

from sqlalchemy import Connection as SyncConnection
from sqlalchemy import Engine, TwoPhaseTransaction, func, insert, select
from sqlalchemy.exc import UnboundExecutionError
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session
from sqlalchemy.orm import Session

from midday_worker.client.background_loop import process_loop
from midday_worker.client.client import JobClient
from midday_worker.client.producer_spans import add_flows_traced, add_many_traced, add_traced
from midday_worker.databases.missing_session import MissingSession
from midday_worker.engine.following.waiter import Waiter
from midday_worker.engine.job.threads import in_thread
from midday_worker.engine.producer.answer import PromisedId
from midday_worker.engine.producer.flow import check_flows, refuse_spread
from midday_worker.engine.producer.queue import Progress, Queue
from midday_worker.engine.producer.schedule import Recurrence
from midday_worker.engine.producer.stored_addition import StoredAddition
from midday_worker.engine.redis.connection import Connection
from midday_worker.errors import FlowError, OptionError
from midday_worker.outbox.promise import Promise
from midday_worker.outbox.table import CHANNEL, OUTBOX, UNTRANSLATED, check_table, now_ms
from midday_worker.queues import QueueLike
from midday_worker.request import JobRequest, refuse_same_ids

_checked: Final[WeakSet[Engine]] = WeakSet()
"""The engines whose table has been looked at."""


class OutboxClient(JobClient):
    """Writes what is added into a session's transaction. All else is its client's.

    Args:
        client: the client that would have added it; handles use it once it is added.
        session: an `AsyncSession`; for a blocking trigger a `Session`.

    Raises:
        OptionError: it is no session, or not the kind that this trigger takes.
    """

    def __init__(self, client: JobClient, session: object) -> None:
        self.settings = client.settings
        self._client = client
        self._session = _session_of(session)
        self._tokens: dict[str, tuple[str, str]] = {}

    def connection_of(self, prefix: str | None) -> Connection:
        """As the client's."""
        return self._client.connection_of(prefix)

    def queue_at(self, prefix: str | None, name: str) -> Queue:
        """As the client's."""
        return self._client.queue_at(prefix, name)

    def wait_for(self, queue: QueueLike, job_id: str, on_progress: Callable[[str], None] | None = None) -> Waiter:
        """As the client's, but it waits until the job has been added, too."""
        token = self._tokens.get(job_id)
        if token is None:
            return self._client.wait_for(queue, job_id, on_progress)
        return Promise(self._client, queue, job_id, token, on_progress).waiter

    async def close(self) -> None:
        """Do nothing: the client is somebody else's."""

    def _add(self, request: JobRequest) -> asyncio.Future[str]:
        self.check(request)
        return asyncio.ensure_future(add_traced(request, self._write_one))

    async def _add_many(self, requests: Sequence[JobRequest], on_progress: Progress | None) -> list[str]:
        for request in requests:
            self.check(request)
        refuse_same_ids(requests)
        if not requests:
            return []
        ids = await add_many_traced(requests, self._write_many)
        if on_progress is not None:
            on_progress(len(ids), len(ids))
        return ids

    async def _add_flows(self, roots: Sequence[JobRequest], on_progress: Progress | None) -> list[list[str]]:
        for root in roots:
            self.check(root)
        check_flows(roots)
        refuse_spread(roots, self._queue_of)
        for node in (node for root in roots for node in root.tree() if node.options.job_id is not None):
            raise FlowError(
                f"Job {node.name!r} of the flow has the job_id {node.options.job_id!r}. Whether such a job exists is "
                "known only after the commit, when nobody could be told: with session= the jobs of flows have none."
            )
        ids = await add_flows_traced(roots, self._write_flows)
        if on_progress is not None:
            on_progress(len(ids), len(ids))
        return ids

    async def _write_schedule(self, schedule_id: str, when: Recurrence, request: JobRequest) -> None:
        await self._client.schedule(schedule_id, when, request)

    async def _write_one(self, request: JobRequest) -> str:
        return (await self._write_many([request]))[0]

    async def _write_many(self, requests: Sequence[JobRequest]) -> list[str]:
        written = [[StoredAddition.of(request, self._queue_of(request))] for request in requests]
        await self._write(written)
        return [PromisedId(addition.id) for (addition,) in written]

    async def _write_flows(self, roots: Sequence[JobRequest]) -> list[list[str]]:
        written = [StoredAddition.tree(root, self._queue_of) for root in roots]
        await self._write(written)
        return [[PromisedId(addition.id) for addition in tree] for tree in written]

    async def _write(self, written: Sequence[Sequence[StoredAddition]]) -> None:
        """Write a row for what is added together. PostgreSQL tells of it at the commit, and only then."""
        now = now_ms()
        rows: list[dict[str, object]] = [
            {"created_ms": now, "jobs": json.dumps([each.dump() for each in together], separators=(",", ":"))}
            for together in written
        ]
        session = self._session
        if isinstance(session, AsyncSession):
            await session.run_sync(_insert, rows, self._client)
        else:
            await in_thread(_insert, session, rows, self._client)
        self._tokens.update({each.id: (each.prefix, each.token) for together in written for each in together})


def _insert(session: Session, rows: Sequence[dict[str, object]], client: JobClient) -> None:
    connection = _connection_of(session)
    if connection.engine not in _checked:
        check_table(connection)
        _checked.add(connection.engine)
    connection.execute(insert(OUTBOX), list(rows), execution_options=UNTRANSLATED)
    # With it, PostgreSQL prepares no transaction for a commit in two phases: then it is found without.
    if connection.dialect.name == "postgresql" and not isinstance(connection.get_transaction(), TwoPhaseTransaction):
        connection.execute(select(func.pg_notify(CHANNEL, "")))


def _connection_of(session: Session) -> SyncConnection:
    """Return the connection with the session's transaction. Raises OptionError if it can't hold a job."""
    try:
        connection = session.connection(bind_arguments={"mapper": None, "clause": OUTBOX.insert()})
    except UnboundExecutionError as error:
        message = "session has engines for models alone, and none for the outbox: give it a bind= as well."
        raise OptionError("session", message) from error
    of_engine: object = getattr(connection.dialect, "_on_connect_isolation_level", None)  # as SQLAlchemy asks itself
    if connection.get_execution_options().get("isolation_level", of_engine) == "AUTOCOMMIT":
        raise OptionError(
            "session", "session is of an engine in AUTOCOMMIT: it has no transaction that a job could be part of."
        )
    return connection


def _session_of(given: object) -> AsyncSession | Session:
    session = cast("Callable[[], object]", given)() if isinstance(given, async_scoped_session) else given
    if isinstance(session, MissingSession):
        _ = session.bind  # any use of it raises, and says what is missing
    blocking = process_loop.runs_here()
    if isinstance(session, Session if blocking else AsyncSession):
        return session
    wanted = "a Session of sqlalchemy.orm" if blocking else "an AsyncSession of sqlalchemy.ext.asyncio"
    other = isinstance(session, (Session, AsyncSession))
    hint = " An AsyncSession belongs to `await my_job.trigger(...)`, a Session to `my_job.sync.trigger(...)`."
    raise OptionError("session", f"session is {session!r}; accepted here: {wanted}.{hint if other else ''}")
