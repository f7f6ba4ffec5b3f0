"""Which queues a process works, and the banner that says it."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import SecretStr

from midday_worker import (
    ConfigurationError,
    JobContext,
    JobRegistry,
    Payload,
    PerKey,
    QueueRegistry,
    RateLimit,
    Settings,
    job,
    queue,
)
from midday_worker.engine.job.interruption import Grace
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.telemetry.metrics.snapshot import Snapshot
from midday_worker.telemetry.metrics.tally import UNKNOWN
from midday_worker.workers.monitor import Monitor
from midday_worker.workers.plan import grace_from, make_plan, plan_from_settings
from midday_worker.workers.startup import banner


class Account(Payload):
    id: str


class Export(Payload):
    team_id: str
    account: Account | None = None
    more: dict[str, int] | None = None


@pytest.fixture
def registry() -> JobRegistry:
    """Two queues, of which one has settings of its own, and three jobs."""
    queues = QueueRegistry()
    queue("reports", registry=queues, concurrency=2, rate_limit=RateLimit(10, "1m"), attempts=7)
    queue("unused", registry=queues)
    registry = JobRegistry(queues)
    for name, where in (("weekly", "reports"), ("daily", "reports"), ("welcome", "mail")):

        async def handle(data: int, ctx: JobContext) -> None:
            await asyncio.sleep(0)

        job(name, int, handle, queue=where, registry=registry)
    return registry


def test_every_queue_with_jobs_is_worked_with_its_own_settings(registry: JobRegistry) -> None:
    mail, reports = make_plan(registry, concurrency=9).queues

    assert (mail.queue, mail.concurrency, mail.rate_limit) == ("mail", 9, None)
    assert (reports.queue, reports.concurrency, reports.rate_limit) == ("reports", 2, (10, 60_000))


def test_the_settings_say_how_long_locks_last_and_how_often_stalled_jobs_are_looked_for(registry: JobRegistry) -> None:
    settings = Settings(
        env_file=None, lock_duration="5s", stalled_interval="2s", concurrency=7, worker_queues=("mail",)
    )

    (mail,) = plan_from_settings(registry, settings).queues

    assert (mail.queue, mail.concurrency, mail.lock_duration_ms, mail.stalled_interval_ms) == ("mail", 7, 5_000, 2_000)


@pytest.mark.parametrize("count", [0, 2])
def test_the_settings_say_how_often_a_job_may_lose_its_worker(registry: JobRegistry, count: int) -> None:
    plan = plan_from_settings(registry, Settings(env_file=None, max_stalled_count=count))

    assert {config.max_stalled_count for config in plan.queues} == {count}


def test_a_limit_that_no_payload_has_a_field_for_is_told(lines: list[str]) -> None:
    registry = JobRegistry(QueueRegistry())
    limits = [PerKey(path, concurrency=2) for path in ("teamId", "team_id", "account.id", "account.ids", "more.x")]
    exports = queue("exports", registry=registry.queues, limits=limits)

    @job("export", queue=exports, registry=registry)
    async def export(data: Export | None, ctx: JobContext) -> None: ...

    make_plan(registry)
    told = sorted(line.partition("limit for ")[2].partition(",")[0] for line in lines)
    assert told == ["'account.ids'", "'team_id'"]

    @job("anything", queue=exports, registry=registry)
    async def anything(data: dict[str, object], ctx: JobContext) -> None: ...

    lines.clear()
    make_plan(registry)
    assert lines == []


def test_only_the_named_queues_are_worked(registry: JobRegistry) -> None:
    assert [config.queue for config in make_plan(registry, only=["mail"]).queues] == ["mail"]


def test_a_queue_without_jobs_is_refused_with_those_that_have_some(registry: JobRegistry) -> None:
    with pytest.raises(ConfigurationError, match=r"No job lives on queue 'unused' .*Queues with jobs: mail, reports"):
        make_plan(registry, only=["mail", "unused"])


def test_a_queue_on_which_all_jobs_are_run_elsewhere_is_not_worked(registry: JobRegistry) -> None:
    job("send-sms", int, queue="sms", registry=registry)
    job("print", int, queue="reports", registry=registry)

    assert [config.queue for config in make_plan(registry).queues] == ["mail", "reports"]
    with pytest.raises(
        ConfigurationError,
        match=r"^Queue 'sms' has no job with a handler, only 'send-sms', declared to be run elsewhere "
        r"\(from --queues .*Queues with jobs: mail, reports\.$",
    ):
        make_plan(registry, only=["sms"])


def test_with_declared_jobs_alone_there_is_nothing_to_run() -> None:
    registry = JobRegistry(QueueRegistry())
    job("send-sms", int, queue="sms", registry=registry)
    job("send-fax", int, queue="fax", registry=registry)

    for only in ([], ["sms"]):
        with pytest.raises(
            ConfigurationError,
            match=r"^No jobs with a handler are registered, only 'send-fax', 'send-sms', declared to be run elsewhere, "
            r"so there is nothing to run\.",
        ):
            make_plan(registry, only=only)


def test_without_jobs_there_is_nothing_to_run() -> None:
    with pytest.raises(ConfigurationError, match=r"No jobs are registered.*--import my_service\.jobs"):
        make_plan(JobRegistry())


def test_the_banner_lists_servers_without_passwords_queues_and_jobs(registry: JobRegistry) -> None:
    settings = Settings.model_construct(
        environment="staging",
        redis_url=SecretStr("redis://user:hidden@cache:6379"),
        database_primary_url=SecretStr("postgresql://app:hidden@db/app"),
    )

    said = banner(make_plan(registry), registry, settings, "7.2.4")

    assert "hidden" not in said
    assert [line.strip() for line in said.splitlines()] == [
        "midday-worker",
        "environment  staging",
        "redis        redis://user:***@cache:6379 (7.2.4)",
        "database     postgresql://app:***@db/app",
        "queue        mail (concurrency 5)",
        "job        welcome (attempts 3)",
        "queue        reports (concurrency 2, at most 10 per 60000 ms)",
        "job        daily (attempts 7)",
        "job        weekly (attempts 7)",
    ]


def test_a_prefix_of_its_own_is_planned_and_said() -> None:
    registry = JobRegistry(QueueRegistry())

    async def handle(data: int, ctx: JobContext) -> None: ...

    job("send", int, handle, queue=queue("mail", prefix="{mail}", registry=registry.queues), registry=registry)
    job("print", int, handle, queue="paper", registry=registry)
    plan = make_plan(registry)

    assert [config.prefix for config in plan.queues] == ["{mail}", None]
    said = banner(plan, registry, Settings.model_construct(), "7")
    assert "queue        mail (concurrency 5, prefix {mail})" in said


def test_the_banner_lists_what_other_workers_of_a_queue_run_and_nothing_of_other_queues(registry: JobRegistry) -> None:
    job("send-sms", int, queue="sms", registry=registry)
    job("print", int, queue="mail", registry=registry)

    said = banner(make_plan(registry, only=["mail"]), registry, Settings.model_construct(), "7")

    assert [line.strip() for line in said.splitlines()[-3:]] == [
        "queue        mail (concurrency 5)",
        "job        welcome (attempts 3)",
        "elsewhere  print",
    ]


def test_only_what_is_run_here_is_counted_from_the_start_and_told(registry: JobRegistry) -> None:
    job("print", int, queue="mail", registry=registry)
    settings = Settings.model_construct()
    monitor = Monitor(registry, make_plan(registry, only=["mail"]), settings)
    snapshot = Snapshot()

    monitor.tallies["mail"].write(snapshot)

    parked = dict(snapshot)["midday_worker_jobs_parked_total"]
    assert set(parked) == {("mail", "welcome"), ("mail", UNKNOWN)}
    assert [entry.id for entry in monitor.process_status().jobs] == ["welcome"]
    assert monitor.tallies["mail"].of("print") is not monitor.tallies["mail"].of("gone")


def test_the_banner_says_that_there_is_no_database(registry: JobRegistry) -> None:
    assert "not configured" in banner(make_plan(registry), registry, Settings.model_construct(), "7")


def test_the_banner_says_how_many_processes_there_are(registry: JobRegistry) -> None:
    assert "processes    3" in banner(make_plan(registry), registry, Settings.model_construct(processes=3), "7")


def test_how_long_a_handler_may_take_to_stop_is_what_the_settings_say(registry: JobRegistry) -> None:
    settings = Settings(env_file=None, cancel_grace="250ms", cut_grace=0)
    assert {config.grace for config in plan_from_settings(registry, settings).queues} == {Grace(0.25, 0)}
    assert WorkerConfig(queue="q", concurrency=1).grace == grace_from(Settings.model_construct()) == Grace(5, 1)
