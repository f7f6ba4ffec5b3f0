"""The orchestrator in the worker service: what it triggers goes where the worker's settings say."""

from __future__ import annotations

import asyncio

from pydantic import SecretStr

from midday_worker import JobClient, Settings, default_registry
from midday_worker.databases import create_database
from midday_worker.jobs import OnboardTeam, onboard_team_job
from midday_worker.jobs.models import Base, User
from midday_worker.workers.plan import make_plan
from midday_worker.workers.service import WorkerService


async def test_a_handler_triggers_on_the_redis_and_prefix_of_its_worker(settings: Settings, postgres_url: str) -> None:
    """They may come from the command line; the environment, which another client would read, names another Redis."""
    database = create_database(postgres_url)
    async with database.engine().begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with database.session() as session:
        session.add(User(id="kim", email="kim@example.com"))
        await session.commit()
    await database.dispose()

    settings = settings.model_copy(update={"database_primary_url": SecretStr(postgres_url)})
    service = WorkerService(default_registry, make_plan(default_registry, only=["onboarding"]), settings)
    running = asyncio.create_task(service.run())
    client = JobClient(settings)
    try:
        handle = await onboard_team_job.trigger(OnboardTeam(user_id="kim"), client=client)
        result = await handle.result(timeout="10s")
        states = [await client.state("emails", email.job_id) for email in result.emails]
    finally:
        service.stop()
        await running
        await client.close()
    assert states == ["waiting", "delayed", "delayed", "delayed"]
