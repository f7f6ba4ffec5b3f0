"""`midday-worker run`, from its banner to its end."""

from __future__ import annotations

import asyncio
import json
import signal

from midday_worker import JobClient, JobContext, JobRegistry, job
from midday_worker.engine.redis.connection import RedisConfig, connect
from midday_worker.testing import RedisServer
from midday_worker.workers.stopping import SAME_SIGNAL_S
from tests.acceptance.command import TIME_S, Command, Running


async def add(client: JobClient, name: str, queue: str = "default") -> str:
    """Add a job of the project."""

    async def elsewhere(data: dict[str, object], ctx: JobContext) -> None: ...

    definition = job(name, dict[str, object], elsewhere, queue=queue, attempts=2, registry=JobRegistry())
    return (await definition.trigger({"userId": "u1"}, client=client)).id


async def test_run_says_what_it_works_and_hides_passwords(command: Command) -> None:
    running = await command.start("run", DATABASE_PRIMARY_URL="postgresql://app:hunter2@localhost:5432/shop")
    await running.until("send-mail")
    running.signal(signal.SIGTERM)
    assert await running.end() == 0
    banner = "".join(running.lines)
    assert "environment  development" in banner
    assert command.environment["REDIS_URL"].removeprefix("redis://") in banner
    assert "postgresql://app:***@localhost:5432/shop" in banner
    assert "hunter2" not in banner
    assert "mails (concurrency 5)" in banner
    assert "send-mail (attempts 4)" in banner
    assert "wait-for-ever (attempts 2)" in banner


async def test_sigterm_lets_running_jobs_finish_and_exits_with_0(command: Command, client: JobClient) -> None:
    job_id = await add(client, "wait-until-told")
    running = await command.start("run")
    await running.until("waiting")
    running.signal(signal.SIGTERM)
    await running.until("stopping")
    (command.folder / "done-waiting").touch()
    assert await running.end() == 0
    assert await client.state("default", job_id) == "completed"


async def test_a_second_signal_forces_hands_back_and_exits_with_1(command: Command, client: JobClient) -> None:
    job_id = await add(client, "wait-for-ever")
    running = await command.start("run", "--drain-timeout", "10m")
    await running.until("waiting")
    running.signal(signal.SIGINT)
    await running.until("stopping")
    await asyncio.sleep(SAME_SIGNAL_S + 0.1)  # until then it counts as the same Ctrl-C
    running.signal(signal.SIGINT)
    assert await running.end() == 1
    assert await client.state("default", job_id) == "waiting"
    handed_back = await client.find("default", job_id)
    assert handed_back is not None
    assert handed_back.attemptsMade == 0


async def test_the_drain_timeout_ends_a_drain(command: Command, client: JobClient) -> None:
    job_id = await add(client, "wait-for-ever")
    running = await command.start("run", "--drain-timeout", "200ms")
    await running.until("waiting")
    running.signal(signal.SIGTERM)
    assert await running.end() == 1
    assert await client.state("default", job_id) == "waiting"


async def test_only_the_named_queues_are_worked(command: Command) -> None:
    running = await command.start("run", "--queues", "mails", "--concurrency", "2")
    await running.until("mails (concurrency 2)")
    running.signal(signal.SIGTERM)
    assert await running.end() == 0
    assert "default" not in "".join(running.lines)
    refused = await command.run("run", "--queues", "letters")
    assert refused.refused().startswith("No job lives on queue 'letters' (from --queues or WORKER_QUEUES). Queues")


async def test_a_redis_that_is_not_there_yet_is_waited_for_and_said_once(
    command: Command, mortal_redis: RedisServer
) -> None:
    mortal_redis.kill()
    running = await command.start("run", "--startup-timeout", "20s", REDIS_URL=mortal_redis.url)
    await running.until("does not answer yet; trying up to 20 s")
    await is_tried(mortal_redis.port, times=2)  # of which nothing is said
    mortal_redis.restart()
    await running.until("wait-for-ever")
    running.signal(signal.SIGTERM)
    assert await running.end() == 0
    assert len([line for line in running.lines if "does not answer" in line]) == 1


async def is_tried(port: int, times: int) -> None:
    """Hang up on so many connections to a port where nobody else listens."""
    knocks: asyncio.Queue[None] = asyncio.Queue()

    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        knocks.put_nowait(None)

    async with await asyncio.start_server(hang_up, "127.0.0.1", port), asyncio.timeout(TIME_S):
        for _ in range(times):
            await knocks.get()


async def test_a_redis_that_does_not_come_is_given_up_in_one_line(command: Command, mortal_redis: RedisServer) -> None:
    mortal_redis.kill()
    ended = await command.run("run", "--startup-timeout", "700ms", REDIS_URL=mortal_redis.url)
    assert ended.code == 1
    assert "Traceback" not in ended.err
    assert ended.err.splitlines()[-1].startswith(f"Error: Redis at {mortal_redis.url} did not answer within 0.7 s")


async def test_a_wrong_password_exits_at_once_with_one_line(command: Command, mortal_redis: RedisServer) -> None:
    await require_password(mortal_redis)
    url = mortal_redis.url.replace("redis://", "redis://:hunter2@")
    line = (await command.run("run", "--startup-timeout", "0", REDIS_URL=url)).refused()
    assert "Redis refused" in line
    assert "hunter2" not in line


async def require_password(server: RedisServer) -> None:
    async with connect(RedisConfig(server.url)) as redis:
        await redis.config_set("requirepass", "right")  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped


async def test_in_production_every_line_of_a_job_is_json_with_its_ids(command: Command, client: JobClient) -> None:
    job_id = await add(client, "send-mail", "mails")
    running = await command.start("run", ENVIRONMENT="production", LOG_LEVEL="DEBUG")
    await running.until("completed in")
    running.signal(signal.SIGTERM)
    assert await running.end() == 0
    lines = parsed(running)
    (sending,) = [line for line in lines if line["message"] == "sending to u1"]
    assert {key: sending[key] for key in ("job_id", "job", "queue", "attempt", "level")} == {
        "job_id": job_id,
        "job": "send-mail",
        "queue": "mails",
        "attempt": 1,
        "level": "INFO",
    }


def parsed(running: Running) -> list[dict[str, object]]:
    """Each line as the JSON object that it has to be."""
    objects: list[dict[str, object]] = [json.loads(line) for line in running.lines]
    return objects
