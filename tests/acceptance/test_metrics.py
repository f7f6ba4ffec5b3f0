"""`/metrics` of a worker that runs, alone and as several processes."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from midday_worker import JobClient
from midday_worker.telemetry.metrics.catalogue import INSTRUMENTS
from midday_worker.testing import PostgresServer, RedisServer
from tests.acceptance.command import Command
from tests.acceptance.http_client import HttpClient
from tests.acceptance.test_http import started
from tests.acceptance.test_run import add
from tests.deadline import eventually

SUCCEEDED = 'midday_worker_jobs_succeeded_total{job_name="send-mail",queue="mails"}'
STARTED = 'midday_worker_jobs_started_total{job_name="send-mail",queue="mails"}'
SUPERVISED = "midday_worker_process_restarts_total"


async def scraped(http: HttpClient) -> dict[str, float]:
    """What a scraper reads, by the sample's name with its labels."""
    answer = await http.get("/metrics")
    assert (answer.status, answer.kind.split(";")[0]) == (200, "text/plain")
    return {
        sample.name + _labels(sample.labels): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def _labels(labels: dict[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in sorted(labels.items())) + "}" if labels else ""


async def until(http: HttpClient, sample: str, value: float | None = None) -> dict[str, float]:
    """Scrape until a sample has this value, or any but 0, and return all of them."""
    seen: list[dict[str, float]] = []

    async def reached() -> bool:
        seen.append(await scraped(http))
        return bool(seen[-1].get(sample)) if value is None else seen[-1].get(sample) == value

    await eventually(reached, f"{sample} is {value}", 30)
    return seen[-1]


@pytest.mark.parametrize("processes", ["1", "2"])
async def test_jobs_are_counted_over_all_processes(
    command: Command, client: JobClient, postgres_server: PostgresServer, processes: str
) -> None:
    running, http = await started(command, "--processes", processes, DATABASE_PRIMARY_URL=postgres_server.url)
    for _ in range(6):
        await add(client, "send-mail", "mails")
    read = await until(http, SUCCEEDED, 6)
    count = float(processes)
    assert read[STARTED] == 6
    assert read['midday_worker_job_wait_seconds_count{job_name="send-mail",queue="mails"}'] == 6
    assert read["midday_worker_processes"] == read["midday_worker_processes_ready"] == count
    assert read['midday_worker_queue_concurrency{queue="mails"}'] == 5 * count
    read = await until(http, 'midday_worker_queue_jobs{queue="mails",state="completed"}', 6)
    assert 0 < read["midday_worker_redis_latency_seconds"] < 5
    assert read["midday_worker_database_connections_limit"] == (2 * 5 + 1) * count
    # Readiness has used one in each.
    in_use, idle = (read[f'midday_worker_database_connections{{state="{state}"}}'] for state in ("in_use", "idle"))
    assert in_use + idle == count
    read = await until(http, "midday_worker_event_loop_lag_seconds_count")
    # Every metric of the table is there, and no other.
    families = {name.split("{")[0] for name in read}
    plain = {name.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum") for name in families}
    without_table = {name for name in INSTRUMENTS if "_outbox_" in name}
    assert plain == set(INSTRUMENTS) - without_table - (set() if count > 1 else {SUPERVISED})
    running.signal(signal.SIGTERM)
    assert await running.end() == 0


async def test_no_counter_goes_down_when_a_process_is_killed(command: Command, client: JobClient) -> None:
    running, http = await started(command, "--processes", "2")
    for _ in range(6):
        await add(client, "send-mail", "mails")
    await until(http, SUCCEEDED, 6)
    for pid in (await http.get("/health/ready")).processes:
        os.kill(pid, signal.SIGKILL)
    assert (await scraped(http))[SUCCEEDED] == 6
    await until(http, SUPERVISED, 2)
    await http.until_ready()
    await add(client, "send-mail", "mails")
    await until(http, SUCCEEDED, 7)
    running.signal(signal.SIGTERM)
    assert await running.end() == 0


async def test_without_redis_the_counters_are_there(command: Command, mortal_redis: RedisServer) -> None:
    running, http = await started(command, REDIS_URL=mortal_redis.url, REDIS_PREFIX="bull")
    waiting = 'midday_worker_queue_jobs{queue="mails",state="waiting"}'
    assert (await until(http, waiting, 0))["midday_worker_processes_ready"] == 1
    mortal_redis.pause()
    read = await until(http, "midday_worker_processes_ready", 0)
    assert read[STARTED] == 0

    async def left_out() -> bool:
        return waiting not in await scraped(http)

    await eventually(left_out, "sizes that nobody knows are left out", 30)
    mortal_redis.resume()
    await until(http, waiting, 0)
    running.signal(signal.SIGTERM)
    assert await running.end() == 0


async def test_without_the_extra_the_rest_answers(command: Command, project: Path) -> None:
    (project / "prometheus_client.py").write_text("raise ImportError(\"No module named 'prometheus_client'\")\n")
    running, http = await started(command, PYTHONPATH=str(project))
    answer = await http.get("/metrics")
    assert answer.status == 501
    assert "pip install 'midday-worker[metrics]'" in answer.text
    running.signal(signal.SIGTERM)
    assert await running.end() == 0
