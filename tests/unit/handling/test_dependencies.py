"""What handlers depend on: given, shared, closed in order, and refused where it can't be."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Annotated, NoReturn

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from midday_worker import (
    BatchContext,
    BatchOptions,
    ConfigurationError,
    DefinitionError,
    Depends,
    JobContext,
    JobRegistry,
    JobTimeoutError,
    Payload,
    SyncJobContext,
    database,
    job,
)
from midday_worker.databases import DatabaseProvider, create_database
from midday_worker.errors import DatabaseNotConfiguredError
from midday_worker.handling.dependencies import needs_of
from midday_worker.handling.opened import Held
from midday_worker.testing import override, run_batch, run_job

said: list[str] = []


@pytest.fixture(autouse=True)
def nothing_said() -> None:
    said.clear()


class Client(Payload):
    name: str


async def settings() -> str:
    said.append("settings")
    return "s"


async def client(config: Annotated[str, Depends(settings)]) -> AsyncGenerator[Client]:
    said.append("client opens")
    try:
        yield Client(name=f"client of {config}")
    finally:
        said.append("client closes")


def connection(config: Annotated[str, Depends(settings)]) -> Generator[str]:
    said.append(f"connection opens {threading.current_thread() is threading.main_thread()}")
    try:
        yield f"connection of {config}"
    except BaseException as error:
        said.append(f"connection rolls back {type(error).__name__}")
        raise
    finally:
        said.append("connection closes")


class Clock:
    """A class gives what its constructor makes."""

    def __init__(self, ctx: JobContext) -> None:
        self.job = ctx.job.id


async def test_a_handler_is_given_what_it_asks_for_and_all_is_closed_in_reverse() -> None:
    @job("fetch", registry=JobRegistry())
    async def fetch(
        data: str,
        ctx: JobContext,
        http: Annotated[Client, Depends(client)],
        clock: Annotated[Clock, Depends(Clock)],
        *,
        db: Annotated[str, Depends(connection)],
    ) -> str:
        said.append("handler")
        return f"{data} {http.name}, {db}, {clock.job}"

    assert await run_job(fetch, "x", job_id="j1") == "x client of s, connection of s, j1"
    assert said == [
        "settings",
        "client opens",
        "connection opens False",
        "handler",
        "connection closes",
        "client closes",
    ]


async def test_a_plain_handler_and_a_batch_handler_are_given_theirs() -> None:
    def fetch(data: str, ctx: SyncJobContext, http: Annotated[Client, Depends(client)]) -> str:
        return http.name

    async def many(
        data: list[str], ctx: BatchContext, http: Annotated[Client, Depends(client)]
    ) -> list[str | Exception]:
        return [f"{each} {http.name}" for each in data]

    registry = JobRegistry()
    assert await run_job(job("fetch", str, fetch, registry=registry), "x") == "client of s"
    batch = job("many", str, many, batch=BatchOptions(max_size=2), registry=registry)
    assert await run_batch(batch, ["a", "b"]) == ["a client of s", "b client of s"]
    assert await run_job(batch, "c") == "c client of s"
    assert said.count("client closes") == 3


numbers_given: list[int] = []


async def number() -> int:
    numbers_given.append(len(numbers_given) + 1)
    return numbers_given[-1]


async def test_what_has_scope_call_is_never_shared() -> None:
    numbers_given.clear()

    @job("numbers", registry=JobRegistry())
    async def numbers(
        data: None,
        ctx: JobContext,
        one: Annotated[int, Depends(number)],
        same: Annotated[int, Depends(number)],
        other: Annotated[int, Depends(number, scope="call")],
    ) -> list[int]:
        return [one, same, other]

    assert await run_job(numbers, None) == [1, 1, 2]


@pytest.mark.parametrize("ending", ["raises", "is cancelled", "takes too long"])
async def test_all_is_closed_however_the_handler_ends(ending: str) -> None:
    in_handler = asyncio.Event()

    @job("fetch", timeout="200ms", registry=JobRegistry())
    async def fetch(
        data: str,
        ctx: JobContext,
        http: Annotated[Client, Depends(client)],
        db: Annotated[str, Depends(connection)],
    ) -> None:
        in_handler.set()
        if data == "raises":
            raise LookupError(data)
        await asyncio.Event().wait()

    running = asyncio.create_task(run_job(fetch, ending))
    async with asyncio.timeout(30):
        await in_handler.wait()
        if ending == "is cancelled":
            running.cancel()
        with pytest.raises((LookupError, asyncio.CancelledError, JobTimeoutError)):
            await running
    error = "LookupError" if ending == "raises" else "CancelledError"
    assert said[-3:] == [f"connection rolls back {error}", "connection closes", "client closes"]


opening, go_on = threading.Event(), threading.Event()


def slow() -> Generator[int]:
    opening.set()
    go_on.wait(30)
    try:
        yield 1
    finally:
        said.append("slow closes")


async def test_a_plain_generator_that_is_cancelled_as_it_opens_is_closed() -> None:
    @job("fetch", registry=JobRegistry())
    async def fetch(data: None, ctx: JobContext, one: Annotated[int, Depends(slow)]) -> None: ...

    running = asyncio.create_task(run_job(fetch, None))
    await asyncio.to_thread(opening.wait, 30)
    running.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert said == ["slow closes"]


async def unclosable() -> AsyncGenerator[int]:
    yield 1
    raise ConnectionError("can't be closed")


async def test_an_error_as_something_closes_fails_the_attempt() -> None:
    @job("fetch", registry=JobRegistry())
    async def fetch(data: None, ctx: JobContext, one: Annotated[int, Depends(unclosable)]) -> int:
        return one

    with pytest.raises(ConnectionError, match="can't be closed"):
        await run_job(fetch, None)


async def test_a_test_gives_its_own_in_place_of_what_a_provider_gives() -> None:
    @job("fetch", registry=JobRegistry())
    async def fetch(data: None, ctx: JobContext, http: Annotated[Client, Depends(client)]) -> str:
        return http.name

    with override(client, Client(name="fake")):
        with override(client, Client(name="inner")):
            assert await run_job(fetch, None) == "inner"
        assert await run_job(fetch, None) == "fake"
    assert said == []
    assert await run_job(fetch, None) == "client of s"
    with pytest.raises(DefinitionError, match="what stands in Depends"), override(5, 6):  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - a mistake of users
        pass


async def test_the_session_is_one_of_them_and_further_databases_are_a_test_s_own() -> None:
    session = object()

    @job("sum", registry=JobRegistry())
    async def total(
        data: None, ctx: JobContext, db: Annotated[object, Depends(database())], same: Annotated[object, Depends(first)]
    ) -> list[bool]:
        return [db is session, ctx.db is session, same is session]

    @job("report", registry=JobRegistry())
    async def report(data: None, ctx: JobContext, db: Annotated[str, Depends(database("reports"))]) -> str:
        return db

    assert await run_job(total, None, db=session) == [True, True, True]
    with pytest.raises(DatabaseNotConfiguredError):
        await run_job(report, None)
    with override(database("reports"), "reports"):
        assert await run_job(report, None) == "reports"


async def first(db: Annotated[object, Depends(database("primary"))]) -> object:
    return db


async def test_a_worker_s_are_opened_once_and_closed_at_its_end() -> None:
    @job("fetch", registry=JobRegistry())
    async def fetch(data: None, ctx: JobContext, http: Annotated[Client, Depends(pool, scope="worker")]) -> str:
        return http.name

    held = Held(_no_database)
    await held.open(fetch.runner.needs)
    await held.open(fetch.runner.needs)
    assert said == ["settings", "pool opens"]
    await held.close()
    assert said == ["settings", "pool opens", "pool closes"]
    assert await run_job(fetch, None) == "pool of s"  # without a worker, for itself
    assert said[3:] == ["settings", "pool opens", "pool closes"]


async def pool(config: Annotated[str, Depends(settings, scope="worker")]) -> AsyncGenerator[Client]:
    said.append("pool opens")
    yield Client(name=f"pool of {config}")
    said.append("pool closes")


async def broken(before: Annotated[Client, Depends(pool, scope="worker")]) -> None:
    raise ConnectionError("nobody there")


async def test_what_a_worker_cannot_open_is_named_and_what_was_open_is_closed() -> None:
    async def handle(data: None, ctx: JobContext, one: Annotated[None, Depends(broken, scope="worker")]) -> None: ...

    held = Held(_no_database)
    with pytest.raises(
        ConfigurationError, match=r"broken \(scope=\"worker\"\) can't be opened: ConnectionError: nobody"
    ):
        await held.open(needs_of(handle))
    assert said == ["settings", "pool opens", "pool closes"]


def _no_database(provider: DatabaseProvider) -> NoReturn:
    raise AssertionError(provider)


async def hen(it: int) -> int:
    return it


async def egg(it: Annotated[int, Depends(hen)]) -> int:
    return it


hen.__annotations__["it"] = Annotated[int, Depends(egg)]


async def longer(config: Annotated[str, Depends(settings)]) -> str:
    return config


async def of_the_job(ctx: JobContext) -> str:
    return ctx.job.id


async def asking(unexplained: int) -> int:
    return unexplained


async def in_a_circle(data: None, ctx: JobContext, one: Annotated[int, Depends(hen)]) -> None: ...
async def too_short(data: None, ctx: JobContext, one: Annotated[str, Depends(longer, scope="worker")]) -> None: ...
async def with_context(
    data: None, ctx: JobContext, one: Annotated[str, Depends(of_the_job, scope="worker")]
) -> None: ...
async def unexplained(data: None, ctx: JobContext, one: Annotated[int, Depends(asking)]) -> None: ...
async def unresolved(data: None, ctx: JobContext, one: Annotated[int, Depends(nowhere)]) -> None: ...  # noqa: F821  # pyright: ignore[reportUndefinedVariable, reportUnknownArgumentType] - a mistake of users
async def not_annotated(data: None, ctx: JobContext, one: int) -> None: ...
def plain(data: None, ctx: SyncJobContext, db: Annotated[AsyncSession, Depends(database())]) -> None: ...
async def awaiting(data: None, ctx: JobContext, db: Annotated[Session, Depends(database("reports"))]) -> None: ...


@pytest.mark.parametrize(
    ("handler", "refusal"),
    [
        (in_a_circle, r"Job 'refused' at .*test_dependencies.py:\d+: The dependency hen .*: hen -> egg -> hen\."),
        (too_short, 'longer has scope="worker" and needs settings, which ends with each job'),
        (with_context, 'of_the_job has scope="worker" and needs the context'),
        (unexplained, "asking has a parameter 'unexplained' that nothing is given to"),
        (unresolved, r"'Annotated\[int, Depends\(nowhere\)\]' of parameter 'one' of unresolved can't be resolved"),
        (not_annotated, "Further ones are annotated"),
        (plain, r"'db' is annotated as AsyncSession; a plain function is given a Session\."),
        (awaiting, r"'db' is annotated as Session; an async function is given an AsyncSession\."),
    ],
)
def test_what_cannot_be_is_refused_where_the_job_is_defined(handler: Callable[..., None], refusal: str) -> None:
    with pytest.raises(DefinitionError, match=refusal):
        job("refused", registry=JobRegistry())(handler)


async def test_a_driver_that_lacks_is_named_as_the_worker_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    def handle(data: None, ctx: SyncJobContext, db: Annotated[Session, Depends(database("reports"))]) -> None: ...

    monkeypatch.setitem(sys.modules, "psycopg", None)
    held = Held(lambda _: create_database("postgresql://me:secret@127.0.0.1/reports?connect_timeout=3"))
    with pytest.raises(ConfigurationError, match=r"/reports.*no driver here: pip install 'midday-worker\[psyc"):
        await held.open(needs_of(handle))


def test_what_no_provider_can_be_is_refused_where_it_is_written() -> None:
    with pytest.raises(DefinitionError, match=r"Depends\(5\) can't be called"):
        Depends(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - a mistake of users
    with pytest.raises(DefinitionError, match=r"scope='forever'; accepted: 'job', 'worker', 'call'"):
        Depends(settings, scope="forever")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - the same
    with pytest.raises(DefinitionError, match="small letters"):
        database("Reports!")


def test_a_hook_that_asks_for_what_cannot_be_is_refused_where_it_is_added() -> None:
    async def hook(event: object, one: Annotated[int, Depends(hen)]) -> None: ...

    with pytest.raises(DefinitionError, match="hen -> egg -> hen"):
        JobRegistry().hooks.on_end(hook)
