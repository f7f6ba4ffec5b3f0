"""Workers, throughput and the server's own figures."""

from __future__ import annotations

from redis.asyncio import Redis

from midday_worker import JobClient, JobDefinition, JobRegistry, Settings
from midday_worker.admin import list_all_workers, read_log, read_server, read_throughput
from midday_worker.engine.producer.queue import Queue
from tests.integration.crew import Crew

Mail = JobDefinition[str, str]


async def test_throughput_is_counted_by_the_workers(
    mail: Mail, client: JobClient, queue: Queue, registry: JobRegistry, settings: Settings
) -> None:
    async with Crew(registry, settings):
        for _ in range(3):
            await (await mail.trigger("ada", client=client)).result("10s")
    completed, failed = await read_throughput(queue, "completed"), await read_throughput(queue, "failed")
    assert (completed.total, failed.total) == (3, 0)
    assert failed.by_minute == ()


async def test_workers_of_all_queues_come_from_one_question(
    mail: Mail, client: JobClient, queue: Queue, registry: JobRegistry, settings: Settings
) -> None:
    async with Crew(registry, settings) as crew:
        await (await mail.trigger("ada", client=client)).result("10s")
        found = await list_all_workers([queue, client.queue("reports")])
        assert found is not None
        assert len(crew.workers) == len(found["emails"]) == 1
    assert found["reports"] == []
    assert found["emails"][0].id.isdecimal()


async def test_only_the_newest_lines_of_a_long_log_are_read(
    mail: Mail, client: JobClient, queue: Queue, redis: Redis
) -> None:
    handle = await mail.trigger("ada", client=client)
    await redis.rpush(f"{queue.toKey(handle.id)}:logs", *(f"line {number}" for number in range(5)))
    log = await read_log(queue, handle.id, most=2)
    assert (log.lines, log.total) == (("line 3", "line 4"), 5)


async def test_the_server_tells_its_figures(queue: Queue) -> None:
    server = await read_server(queue)
    assert server.version.removeprefix("Valkey ")[0].isdigit()
    assert server.memory_used > 0
    assert server.clients >= 1
