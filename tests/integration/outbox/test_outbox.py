"""Jobs that are added with a database's transaction, on a real PostgreSQL and a real Redis."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import cast
from unittest.mock import ANY

import pytest
from loguru import logger
from redis.asyncio import Redis
from sqlalchemy import create_engine, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Session, scoped_session, sessionmaker

from midday_worker import (
    JobClient,
    JobContext,
    JobDefinition,
    JobEvent,
    JobHandle,
    JobRegistry,
    QueueRegistry,
    Settings,
    job,
    queue,
)
from midday_worker.databases import Database, create_database, given_session
from midday_worker.definition.bulk import FlowItem
from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.producer.relayed import add_stored
from midday_worker.errors import DatabaseNotConfiguredError, FlowError, OptionError, OutboxError
from midday_worker.outbox.relay import Backlog, Relay, backlog, remove_old, replay
from midday_worker.outbox.table import OUTBOX, OUTBOX_VERSION, make_table, now_ms
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.integration.outbox import killed

DEADLINE_S = 60
KILL_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
)
SECRET = "what only the payload's owner may know"


@pytest.fixture
def settings(redis_server: RedisServer, redis_prefix: str) -> Settings:
    return Settings.model_validate(
        {"redis_url": redis_server.url, "redis_prefix": redis_prefix, "redis_command_timeout": 30_000}
    )


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[JobClient]:
    async with JobClient(settings) as client:
        yield client


@pytest.fixture
def charge(registry: JobRegistry) -> JobDefinition[int, int]:
    @job("charge", queue="orders", registry=registry, remove_on_complete=True)
    async def charge(data: int, ctx: JobContext) -> int:
        return data

    return charge


def session(database: Database) -> AsyncSession:
    return AsyncSession(database.engine())


async def relay_all(database_url: str, client: JobClient) -> int:
    relay, count = Relay(database_url, client), 0
    try:
        while some := await relay.relay_some():
            count += some
    finally:
        await relay.dispose()
    return count


async def test_a_job_is_added_once_its_transaction_has_committed(
    database: Database, database_url: str, client: JobClient, charge: JobDefinition[int, int]
) -> None:
    async with session(database) as within:
        handle = await charge.trigger(1, session=within)
        assert handle.added is None
        assert await relay_all(database_url, client) == 0
        await within.commit()
        assert await handle.state() == "unknown"
        assert await relay_all(database_url, client) == 1
        assert await handle.state() == "waiting"


async def test_what_is_rolled_back_is_never_added(
    database: Database, database_url: str, client: JobClient, charge: JobDefinition[int, int]
) -> None:
    async with session(database) as within:
        await charge.trigger(1, session=within)
        await within.rollback()
        kept = await charge.trigger(2, session=within)
        with suppress(ValueError):
            async with within.begin_nested():
                await charge.trigger(3, session=within)
                raise ValueError
        await within.commit()
    assert await relay_all(database_url, client) == 1
    assert await client.queue("orders").getWaitingCount() == 1
    assert await kept.state() == "waiting"


async def test_batches_flows_and_delays_go_the_same_way(
    database: Database, database_url: str, client: JobClient, charge: JobDefinition[int, int]
) -> None:
    async with session(database) as within:
        batch = await charge.batch_trigger([{"payload": n} for n in range(5)], session=within)
        flow = await charge.trigger_flow(1, [charge.node(2), charge.node(3)], session=within)
        delayed = await charge.trigger_delayed(4, "1h", session=within)
        key = await charge.trigger(5, session=within, idempotency_key="o1")
        again = await charge.trigger(5, session=within, idempotency_key="o1")
        await within.commit()
    assert [flow.added, *(child.added for child in flow.children)] == [None] * 3
    before = now_ms()
    assert await relay_all(database_url, client) == 9
    assert [await handle.state() for handle in batch] == ["waiting"] * 5
    assert (await flow.state(), await flow.children[0].state()) == ("waiting-children", "waiting")
    assert (await key.state(), await again.state()) == ("waiting", "unknown")
    assert await delayed.state() == "delayed"
    assert (await delayed.fetch()).timestamp <= before


async def test_whatever_is_killed_a_committed_job_is_added_once(
    database: Database, database_url: str, settings: Settings
) -> None:
    await kill_transactions(4, database_url, settings)


@pytest.mark.long
async def test_a_thousand_transactions_killed_at_each_point(
    database: Database, database_url: str, settings: Settings
) -> None:
    await kill_transactions(1_000, database_url, settings)


async def kill_transactions(count: int, database_url: str, settings: Settings) -> None:
    """Jobs are removed as they complete, so that the outbox and its keys in Redis alone know them."""
    ran: Counter[int] = Counter()

    @killed.charge.hooks.on_success
    async def note(event: JobEvent[int, int]) -> None:
        ran[-1 if event.payload is None else event.payload] += 1

    where = (database_url, settings.revealed()["redis_url"], settings.redis_prefix)
    async with Crew(killed.registry, settings), JobClient(settings) as client:
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-m", killed.__name__, *map(str, where), str(count), stdout=asyncio.subprocess.PIPE
        )
        committed = json.loads((await program.communicate())[0])
        assert len(committed) == count * (len(killed.POINTS) - 1) // 2
        assert await relay_all(database_url, client) == 0
        orders = client.queue("orders")

        async def nothing_left() -> bool:
            return not any((await orders.getJobCounts("waiting", "active", "completed", "failed")).values())

        await eventually(nothing_left, "all jobs have run and are removed", DEADLINE_S)
    assert dict(ran) == dict.fromkeys(committed, 1)


async def test_a_running_relay_is_woken_and_a_handle_waits(
    database: Database,
    database_url: str,
    client: JobClient,
    settings: Settings,
    registry: JobRegistry,
    charge: JobDefinition[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(f"{Relay.__module__}._POLL_S", 10 * DEADLINE_S)
    relays = [asyncio.create_task(Relay(database_url, client).run()) for _ in range(2)]
    try:
        async with Crew(registry, settings), asyncio.timeout(DEADLINE_S):
            for number in range(3):
                async with session(database) as within:
                    handle = await charge.trigger(number, session=within)
                    waiting = asyncio.create_task(handle.result())
                    await within.commit()
                assert await waiting == number
    finally:
        for each in relays:
            each.cancel()
        await asyncio.wait(relays)


async def test_each_outage_is_told_and_got_over(
    postgres_url: str, client: JobClient, charge: JobDefinition[int, int]
) -> None:
    told: list[str] = []
    sink = logger.add(told.append, level="WARNING", format="{message}")
    database = create_database(postgres_url)
    async with database.engine().begin() as connection:
        await connection.run_sync(make_table)
    relaying = asyncio.create_task(Relay(postgres_url, client).run())
    try:
        for outages in range(1, 3):
            async with session(database) as within:
                handle = await charge.trigger(1, session=within)
                await within.commit()
            await eventually_in(handle, "waiting")
            async with session(database) as within:
                await within.execute(text(KILL_OTHERS))

            async def is_told(count: int = outages) -> bool:
                return len(told) >= count

            await eventually(is_told, "the outage is told", DEADLINE_S)
    finally:
        logger.remove(sink)
        relaying.cancel()
        await asyncio.wait({relaying})
        await database.dispose()


async def eventually_in(handle: JobHandle[int], state: str) -> None:
    async def is_there() -> bool:
        return await handle.state() == state

    await eventually(is_there, f"the job is {state}", DEADLINE_S)


async def test_a_refused_row_stops_no_other(
    database: Database, database_url: str, client: JobClient, charge: JobDefinition[int, int]
) -> None:
    async with session(database) as within:
        await charge.trigger(1, session=within)
        await within.execute(update(OUTBOX).values(jobs=json.dumps([{"from": SECRET}])))
        good = await charge.trigger(2, session=within)
        await within.commit()
    await relay_all(database_url, client)
    assert await good.state() == "waiting"
    left = await backlog(database)
    assert left is not None
    assert (left.rows, left.refused) == (1, 1)
    assert left.error is not None
    assert "prefix: Field required" in left.error
    assert SECRET not in left.error
    async with session(database) as within:
        await within.execute(update(OUTBOX).values(jobs="[]", next_try_ms=0))
        await within.commit()
    assert await relay_all(database_url, client) == 1
    assert await replay(database, 0) == 2
    assert await backlog(database) == Backlog(rows=2, oldest_s=ANY, refused=0, error=None)


async def test_rows_of_a_relay_that_is_gone_are_taken_by_another_one(
    postgres_url: str, client: JobClient, charge: JobDefinition[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL hears nothing of a machine that was lost, and would wait for it for hours."""
    monkeypatch.setattr(f"{Relay.__module__}._HELD_MS", 100)
    database, gone = create_database(postgres_url), Relay(postgres_url, client)
    async with database.engine().begin() as connection:
        await connection.run_sync(make_table)
    async with session(database) as within:
        handle = await charge.trigger(1, session=within)
        await within.commit()
    has_rows = asyncio.Event()

    async def hang(*_: object) -> None:
        has_rows.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patched:
        patched.setattr(f"{Relay.__module__}.add_stored", hang)
        holding = asyncio.create_task(gone.relay_some())
        await has_rows.wait()

    async def taken() -> bool:
        return bool(await relay_all(postgres_url, client))

    await eventually(taken, "another relay has the row", DEADLINE_S)
    assert await handle.state() == "waiting"
    holding.cancel()
    await asyncio.wait({holding})
    await gone.dispose()
    await database.dispose()


async def test_many_large_flows_go_to_redis_in_parts(
    database: Database,
    database_url: str,
    client: JobClient,
    redis: Redis,
    charge: JobDefinition[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(f"{add_stored.__module__}.BULK", 3)
    await charge.batch_trigger([{"payload": 0}])  # the connection's first transaction comes after one that is empty
    async with session(database) as within:
        await charge.batch_trigger([{"payload": 1}, {"payload": 1}], session=within)
        flow: FlowItem[int] = {"payload": 1, "children": [charge.node(2)] * 4}
        await charge.batch_trigger_flow([flow, flow], session=within)
        await within.commit()

    async def transactions() -> int:
        stats = cast("dict[str, dict[str, int]]", await redis.info("commandstats"))  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
        return stats.get("cmdstat_exec", {"calls": 0})["calls"]

    before = await transactions()
    assert await relay_all(database_url, client) == 4
    assert await transactions() - before == 2
    counts = await client.queue("orders").getJobCounts("waiting", "waiting-children")
    assert counts == {"waiting": 11, "waiting-children": 2}


async def test_a_replay_adds_what_redis_no_longer_knows(
    database: Database, database_url: str, client: JobClient, redis: Redis, charge: JobDefinition[int, int]
) -> None:
    async with session(database) as within:
        lost, kept = await charge.batch_trigger([{"payload": 1}, {"payload": 2}], session=within)
        await within.commit()
    await relay_all(database_url, client)
    orders: Queue = client.queue("orders")
    await kept.remove()  # as of a job that has ended: it is known all the same
    await lost.remove()
    await redis.delete(f"{orders.prefix}:midday-worker-outbox:{lost.id}")
    assert await replay(database, now_ms() - 60_000, dry_run=True) == 2
    assert await replay(database, now_ms() - 60_000) == 2
    await redis.expire(f"{orders.prefix}:midday-worker-outbox:{kept.id}", 60)
    assert await relay_all(database_url, client) == 2
    assert (await lost.state(), await kept.state()) == ("waiting", "unknown")
    # Its row may be sent again for another seven days.
    assert await redis.ttl(f"{orders.prefix}:midday-worker-outbox:{kept.id}") > 7 * 24 * 3600


async def test_rows_that_were_sent_long_ago_are_removed(
    database: Database, database_url: str, client: JobClient, charge: JobDefinition[int, int]
) -> None:
    async with session(database) as within:
        await charge.batch_trigger([{"payload": 1}, {"payload": 2}], session=within)
        await within.commit()
        await relay_all(database_url, client)
        await within.execute(update(OUTBOX).where(OUTBOX.c.id == 1).values(sent_ms=1))
        await within.commit()
        await remove_old(database)
        assert list(await within.scalars(select(OUTBOX.c.id))) == [2]


async def test_each_queue_keeps_its_prefix(
    database: Database, database_url: str, client: JobClient, redis_prefix: str
) -> None:
    own = JobRegistry(QueueRegistry())
    place = queue(redis_prefix, prefix=f"{redis_prefix}-own", registry=own.queues)

    @job("elsewhere", queue=place, registry=own)
    async def elsewhere(data: int, ctx: JobContext) -> None: ...

    async with session(database) as within:
        handle = await elsewhere.trigger(1, session=within)
        await within.commit()
    await relay_all(database_url, client)
    assert await client.queue_at(f"{redis_prefix}-own", redis_prefix).getJobState(handle.id) == "waiting"


async def test_what_cannot_be_written_is_refused(
    database: Database, client: JobClient, charge: JobDefinition[int, int], tmp_path: Path
) -> None:
    async with session(database) as within:
        with pytest.raises(FlowError, match="have none"):
            await charge.trigger_flow(1, [charge.node(2)], session=within, job_id="known")
        with pytest.raises(OptionError, match="session belongs to trigger"):
            await charge.trigger_recurring(1, every="1h", session=within)  # type: ignore[call-arg]  # refused at run time too
        with pytest.raises(OptionError, match="AsyncSession"):
            await charge.trigger(1, session=Session())  # type: ignore[arg-type]  # as above
        await within.execute(update(OUTBOX_VERSION).values(version=0))
        await within.commit()
    other = create_database(f"sqlite:///{tmp_path}/other.db")
    async with session(other) as empty:
        with pytest.raises(OutboxError, match="midday-worker outbox init"):
            await charge.trigger(1, session=empty)
        await empty.execute(text("create table mine (id integer)"))  # its transaction is whole
    await other.dispose()


async def test_what_has_no_transaction_is_refused(
    database: Database, database_url: str, client: JobClient, charge: JobDefinition[int, int]
) -> None:
    url = database_url.replace("sqlite:", "sqlite+aiosqlite:").replace("postgresql:", "postgresql+asyncpg:")
    loose = create_async_engine(url, isolation_level="AUTOCOMMIT")
    for engine in (loose, database.engine().execution_options(isolation_level="AUTOCOMMIT")):
        async with AsyncSession(engine) as within:
            with pytest.raises(OptionError, match="in AUTOCOMMIT"):
                await charge.trigger(1, session=within)
    await loose.dispose()
    async with AsyncSession(binds={DeclarativeBase: database.engine()}) as within:
        with pytest.raises(OptionError, match="for models alone"):
            await charge.trigger(1, session=within)
    with pytest.raises(DatabaseNotConfiguredError, match="run_job"):
        await charge.trigger(1, session=given_session(None))


async def test_transactions_of_other_kinds_hold_jobs_too(
    postgres_url: str, client: JobClient, charge: JobDefinition[int, int]
) -> None:
    database = create_database(postgres_url)
    async with database.engine().begin() as connection:
        await connection.run_sync(make_table)
    elsewhere = database.engine().execution_options(schema_translate_map={None: "a_tenants"})
    for within in (AsyncSession(database.engine(), twophase=True), AsyncSession(elsewhere)):
        async with within:
            await charge.trigger(1, session=within)
            await within.commit()
    assert await relay_all(postgres_url, client) == 2
    await database.dispose()


async def test_a_table_of_an_older_version_is_told(
    database: Database, client: JobClient, charge: JobDefinition[int, int]
) -> None:
    async with session(database) as within:
        await within.execute(update(OUTBOX_VERSION).values(version=0))
        await within.commit()
        with pytest.raises(OutboxError, match="is of version 0; 1 is needed"):
            await charge.trigger(1, session=within)


@pytest.mark.parametrize("scoped", [False, True])
async def test_a_blocking_trigger_takes_a_plain_session(
    settings: Settings, client: JobClient, charge: JobDefinition[int, int], tmp_path: Path, *, scoped: bool
) -> None:
    """A `scoped_session` is that of the thread that calls, and not of the one that works for it."""
    url = f"sqlite:///{tmp_path}/plain.db"

    def add() -> None:
        engine = create_engine(url)
        registry = scoped_session(sessionmaker(engine))
        with JobClient.sync(settings) as blocking, registry() as own:
            within = registry if scoped else own
            make_table(own.connection())
            charge.sync.trigger(1, session=within, client=blocking)
            charge.sync.trigger_delayed(1, "1s", session=within, client=blocking)
            charge.sync.trigger_flow(1, [charge.node(1)], session=within, client=blocking)
            charge.sync.batch_trigger([{"payload": 2}], session=within, client=blocking)
            charge.sync.batch_trigger_flow([{"payload": 2, "children": []}], session=within, client=blocking)
            own.commit()
        engine.dispose()

    await asyncio.to_thread(add)
    assert await relay_all(url, client) == 5
