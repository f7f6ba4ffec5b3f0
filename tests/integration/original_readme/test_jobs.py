"""Each thing that the README of the TypeScript original shows, done here, in its order.

A docstring names the section; those on flows are in test_original_readme_flows.py. test_original_readme_index.py has
the whole README's headings, each with the tests that show it, wherever they are.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import pytest
from loguru import logger
from sqlalchemy import text

from midday_worker import (
    JobClient,
    JobContext,
    JobRegistry,
    Payload,
    PayloadError,
    Settings,
    default_registry,
    execute_job,
    job,
)
from midday_worker.databases import create_database, session_scope
from midday_worker.queues.documents import documents
from midday_worker.testing import RedisServer
from tests.integration.crew import Crew


class MyPayload(Payload):
    user_id: str
    action: Literal["email", "notification"]


class MyResult(Payload):
    processed: bool
    user_id: str
    name: str | None = None


async def my_handler(data: MyPayload, ctx: JobContext) -> MyResult:
    ctx.logger.info("Processing {action} for user {user}", action=data.action, user=data.user_id)
    await ctx.job.updateProgress(50)
    return MyResult(processed=True, user_id=data.user_id)


USER_123 = MyPayload(user_id="user_123", action="email")


async def test_key_features_type_safety(client: JobClient, registry: JobRegistry) -> None:
    """Key Features, "Type Safety": all job data is validated, before it is written."""
    my_job = job("my-job", MyPayload, my_handler, registry=registry)
    with pytest.raises(PayloadError, match="action: Input should be 'email' or 'notification'"):
        await my_job.trigger({"userId": "user_123", "action": "fax"}, client=client)
    assert await client.queue("default").getJobCounts("waiting", "delayed") == {"waiting": 0, "delayed": 0}


def test_key_features_auto_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key Features, "Auto-Registry"; Quick Start, 3; Development, "Add a New Job": importing a package is enough."""
    package = tmp_path / "readme_jobs"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "my_new_job.py").write_text(
        "from midday_worker import JobContext, job\n\n"
        "@job('readme-new-job')\nasync def my_new_job(data: int, ctx: JobContext) -> int:\n    return data\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    default_registry.load("readme_jobs")
    assert default_registry.get("readme-new-job").queue == "default"


async def test_quick_start_1_define_a_job(
    client: JobClient, registry: JobRegistry, settings: Settings, postgres_url: str
) -> None:
    """Quick Start, "1. Define a Job": schema, handler with job, db and logger, progress, options."""

    async def handle(data: MyPayload, ctx: JobContext) -> MyResult:
        ctx.logger.info("Processing {action} for user {user}", action=data.action, user=data.user_id)
        user = await ctx.db.execute(text("SELECT 'Ada' AS name WHERE :id = 'user_123'"), {"id": data.user_id})
        await ctx.job.updateProgress(50)
        return MyResult(processed=True, user_id=data.user_id, name=str(user.scalar_one()))

    my_job = job("my-job", MyPayload, handle, priority=1, attempts=3, remove_on_complete=50, registry=registry)
    assert my_job.schema.type is MyPayload  # z.infer<typeof myJob.schema>
    database = create_database(postgres_url)
    async with Crew(registry, settings, database):
        triggered = await my_job.trigger(USER_123, client=client)
        assert await triggered.result("10s") == MyResult(processed=True, user_id="user_123", name="Ada")
    await database.dispose()
    stored = await triggered.fetch()
    assert (stored.progress, stored.opts["priority"], stored.opts["attempts"]) == (50, 1, 3)
    assert stored.opts["removeOnComplete"] == {"count": 50}


async def test_quick_start_2_simple_trigger(client: JobClient, registry: JobRegistry, settings: Settings) -> None:
    """Quick Start, "2. Trigger the Job": a simple trigger."""
    my_job = job("my-job", MyPayload, my_handler, registry=registry)
    async with Crew(registry, settings):
        triggered = await my_job.trigger({"userId": "user_123", "action": "email"}, client=client)
        assert (await triggered.result("10s")).processed is True


async def test_quick_start_2_with_options(client: JobClient, registry: JobRegistry) -> None:
    """Quick Start, "2. Trigger the Job": with options."""
    my_job = job("my-job", MyPayload, my_handler, registry=registry)
    triggered = await my_job.trigger(
        {"userId": "user_123", "action": "notification"}, client=client, delay=5000, priority=10
    )
    stored = await triggered.fetch()
    assert (await triggered.state(), stored.delay, stored.priority) == ("delayed", 5000, 10)


async def test_quick_start_2_batch_trigger(client: JobClient, registry: JobRegistry, settings: Settings) -> None:
    """Quick Start, "2. Trigger the Job": a batch."""
    my_job = job("my-job", MyPayload, my_handler, registry=registry)
    handles = await my_job.batch_trigger(
        [
            {"payload": {"userId": "user_1", "action": "email"}},
            {"payload": {"userId": "user_2", "action": "notification"}},
        ],
        client=client,
    )
    async with Crew(registry, settings):
        assert [(await handle.result("10s")).user_id for handle in handles] == ["user_1", "user_2"]


async def test_quick_start_2_delayed_trigger(client: JobClient, registry: JobRegistry) -> None:
    """Quick Start, "2. Trigger the Job": delayed, in milliseconds."""
    my_job = job("my-job", MyPayload, my_handler, registry=registry)
    triggered = await my_job.trigger_delayed(USER_123, 30_000, client=client)
    assert (await triggered.fetch()).delay == 30_000


async def test_quick_start_2_recurring_trigger(client: JobClient, registry: JobRegistry) -> None:
    """Quick Start, "2. Trigger the Job": recurring, daily at 9."""
    my_job = job("my-job", MyPayload, my_handler, registry=registry)
    schedule = await my_job.trigger_recurring(USER_123, "0 9 * * *", client=client)
    next_run = await schedule.next_run()
    assert next_run is not None
    assert (next_run.hour, next_run.minute) == (9, 0)


def test_project_structure_queue_specific_configuration() -> None:
    """Project Structure, "queues/documents": queue-specific configuration, shipped as the example."""
    assert (documents.name, documents.concurrency, documents.options["attempts"]) == ("documents", 3, 5)


def test_environment_setup(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, redis_server: RedisServer, postgres_url: str
) -> None:
    """Environment Setup: the three variables, in a `.env` file."""
    for name in ("REDIS_URL", "DATABASE_PRIMARY_URL", "ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    env_file = tmp_path / ".env"
    env_file.write_text(f"REDIS_URL={redis_server.url}\nDATABASE_PRIMARY_URL={postgres_url}\nENVIRONMENT=development\n")
    settings = Settings(env_file=env_file)
    assert settings.redis_url.get_secret_value() == redis_server.url
    assert settings.database_primary_url is not None
    assert settings.database_primary_url.get_secret_value() == postgres_url
    assert settings.environment == "development"


class MockJob:
    """The README's mock: an id, data, and an updateProgress that does nothing."""

    id = "test"
    data = {"userId": "test_user", "action": "email"}  # noqa: RUF012 - as plain as the README's

    async def updateProgress(self, progress: object, /) -> None: ...


async def test_testing_jobs_execute(postgres_url: str) -> None:
    """Testing Jobs: `myJob.execute(mockJob, mockDb)`, and `executeJob` by id, without Redis."""
    my_job = job("readme-my-job", MyPayload, my_handler)
    database = create_database(postgres_url)
    async with session_scope(database) as db:
        assert (await my_job.execute(MockJob(), db)).processed is True
        by_id = await execute_job("readme-my-job", MockJob(), db)
    await database.dispose()
    assert by_id == MyResult(processed=True, user_id="test_user")


async def test_context_object(client: JobClient, registry: JobRegistry, settings: Settings, postgres_url: str) -> None:
    """Context Object: job, db and logger; progress, a query, a log line with its context."""
    lines: list[dict[str, object]] = []

    async def handle(data: MyPayload, ctx: JobContext) -> int:
        job_, db, log = ctx.job, ctx.db, ctx.logger
        await job_.updateProgress(25)
        log.info("Processing user", user_id=data.user_id)
        return int((await db.execute(text("SELECT 41 + 1"))).scalar_one())

    my_job = job("my-job", MyPayload, handle, queue="emails", registry=registry)
    database = create_database(postgres_url)
    sink = logger.add(lambda line: lines.append({"message": line.record["message"], **line.record["extra"]}))
    async with Crew(registry, settings, database):
        triggered = await my_job.trigger(USER_123, client=client)
        assert await triggered.result("10s") == 42
    logger.remove(sink)
    await database.dispose()
    bound = {"job_id": triggered.id, "job": "my-job", "queue": "emails", "attempt": 1}
    assert {"message": "Processing user", "user_id": "user_123", **bound} in lines


async def test_monitoring_and_observability(client: JobClient, registry: JobRegistry, settings: Settings) -> None:
    """Monitoring & Observability, "Metrics": BullMQ's own counts of completed and failed jobs, for any dashboard."""

    async def handle(data: MyPayload, ctx: JobContext) -> None:
        if data.action == "notification":
            raise LookupError("no device")

    my_job = job("my-job", MyPayload, handle, attempts=1, registry=registry)
    async with Crew(registry, settings):
        for user in range(3):
            await (await my_job.trigger(MyPayload(user_id=str(user), action="email"), client=client)).result("10s")
        failing = await my_job.trigger({"userId": "user_3", "action": "notification"}, client=client)
        with pytest.raises(Exception, match="no device"):
            await failing.result("10s")
    queue = client.queue("default")
    assert await queue.getJobCounts("completed", "failed") == {"completed": 3, "failed": 1}
    metrics = [await queue.backend.conn.hget(queue.toKey(f"metrics:{end}"), "count") for end in ("completed", "failed")]
    assert metrics == ["3", "1"]
