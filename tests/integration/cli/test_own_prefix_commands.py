"""Commands find a queue that has a prefix of its own: through WORKER_IMPORTS, or by --prefix."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from redis import Redis

from midday_worker import JobClient, default_registry
from midday_worker.queues import default_queues
from midday_worker.testing import RedisServer
from tests.integration.cli.terminal import Terminal, Written
from tests.integration.crew import Crew

JOBS = """
from midday_worker import JobContext, job, queue

mails = queue("mails", prefix={prefix!r})


@job("send", queue=mails, attempts=1)
async def send(data: str, ctx: JobContext) -> str:
    await ctx.log(f"sending to {{data}}")
    if data == "nobody":
        raise LookupError("no such user")
    return data.upper()
"""


class Office:
    """A terminal in a project whose queue `mails` has a prefix, or none."""

    def __init__(self, terminal: Terminal, prefix: str, redis: Redis) -> None:
        self.prefix = prefix
        self.terminal = terminal
        self.redis = redis

    def run(self, *arguments: str) -> Written:
        """Type a command that must go well."""
        written = self.terminal.run(*arguments)
        assert written.code == 0, (arguments, written)
        return written

    def record(self, *arguments: str) -> dict[str, object]:
        """Type a command that answers in JSON."""
        return cast("dict[str, object]", self.run(*arguments, "--json").json)

    def add(self, data: str, *options: str) -> str:
        """Trigger a job; return its id."""
        return str(self.record("trigger", "send", "--data", f'"{data}"', *options)["id"])

    def work(self, *job_ids: str) -> None:
        """Run jobs to their end."""

        async def act(client: JobClient) -> None:
            async with Crew(default_registry, self.terminal.settings):
                for job_id in job_ids:
                    await asyncio.wait_for(client.wait_for("mails", job_id).ending, 60)

        self.terminal.with_client(act)


@pytest.fixture(params=["shared", "own"])
def office(
    request: pytest.FixtureRequest,
    terminal: Terminal,
    tmp_path: Path,
    redis_server: RedisServer,
    redis_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Office]:
    """At its end nothing of the queue is elsewhere."""
    own = f"{{own-{redis_prefix}}}"
    prefix = own if request.param == "own" else None
    (tmp_path / "mail_jobs.py").write_text(JOBS.format(prefix=prefix))
    monkeypatch.setitem(vars(default_queues), "_queues", {})
    monkeypatch.syspath_prepend(str(tmp_path))  # pyright: ignore[reportUnknownMemberType] - untyped in pytest
    monkeypatch.delitem(sys.modules, "mail_jobs", raising=False)
    monkeypatch.setenv("WORKER_IMPORTS", "mail_jobs")
    with Redis.from_url(redis_server.url, decode_responses=True) as redis:  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
        yield Office(terminal, prefix or redis_prefix, redis)
        found = cast("list[str]", redis.keys(f"*{redis_prefix}*:mails:*"))  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
    assert found
    assert [key for key in found if not key.startswith(f"{prefix or redis_prefix}:mails:")] == []
    sys.modules.pop("mail_jobs", None)


def test_jobs_are_shown_and_acted_on(office: Office) -> None:
    run, record = office.run, office.record
    done, failed, later, gone, never = (office.add(name) for name in ("ada", "nobody", "later", "gone", "never"))
    assert record("cancel", never)["outcome"] == "cancelled"
    run("job", "remove", gone, "--yes")
    office.work(done, failed, later)
    assert record("job", "show", done)["result"] == "ADA"
    assert record("job", "logs", done, "-q", "mails")["lines"] == ["sending to ada"]
    assert '"ADA"' in run("watch", done).out
    assert '"ADA"' in run("watch", done, "-q", "mails").out
    assert office.terminal.run("watch", failed, "--job", "send").code == 1
    groups = cast("list[dict[str, object]]", record("failed")["groups"])
    assert {(group["queue"], group["newest_id"]) for group in groups} == {("mails", failed), ("mails", never)}
    assert record("retry", "--yes")["done"] == 1
    run("job", "retry", never)
    delayed = office.add("delayed", "--delay", "1h")
    run("job", "promote", delayed)
    assert record("job", "show", delayed)["state"] == "waiting"


def test_the_queue_is_shown_and_acted_on(office: Office) -> None:
    run, record = office.run, office.record
    done = office.add("ada")
    office.work(done)
    office.add("waits")
    listed = cast("list[dict[str, object]]", run("queues", "--once", "--json").json)
    assert [row["name"] for row in listed] == ["mails"]
    run("queue", "pause", "mails")
    run("queue", "concurrency", "mails", "3")
    run("queue", "rate-limit", "mails", "5")
    shown = record("queue", "show", "mails")
    assert (shown["paused"], shown["concurrency"], shown["rate"]) == (True, 3, {"max": 5, "duration_ms": 1_000})
    run("queue", "resume", "mails")
    assert record("queue", "drain", "mails", "--yes")["done"] == 1
    assert record("queue", "clean", "mails", "--yes")["done"] == 1
    assert list(cast("dict[str, object]", record("workers")["connections"])) == ["mails"]
    findings = cast("list[dict[str, object]]", record("doctor")["findings"])
    assert {finding["grade"] for finding in findings if finding["check"] in ("prefix", "handlers")} <= {"ok"}


def test_schedules_are_shown_and_acted_on(office: Office) -> None:
    office.run("jobs")  # which imports them
    send = default_registry.get("send")

    async def schedule(client: JobClient) -> None:
        await send.trigger_recurring("ada", every="1h", schedule_id="often", client=client)

    office.terminal.with_client(schedule)
    listed = cast("list[dict[str, object]]", office.run("schedules", "list", "--json").json)
    assert [(row["id"], row["queue"]) for row in listed] == [("often", "mails")]
    office.run("schedules", "run", "often")
    assert office.record("schedules", "remove", "often", "--yes")["done"] == 1


def test_a_prefix_can_be_named(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = office.add("ada"), office.add("eve")
    monkeypatch.setitem(vars(default_queues), "_queues", {})  # another process: it has imported nothing
    monkeypatch.setenv("WORKER_IMPORTS", "")
    at = ("--prefix", office.prefix)
    assert office.record("job", "show", first, *at)["queue"] == "mails"
    assert office.record("queue", "show", "mails", *at)["name"] == "mails"
    listed = cast("list[dict[str, object]]", office.run("queues", "--once", "--json", *at).json)
    assert [row["name"] for row in listed] == ["mails"]
    assert office.record("cancel", first, *at)["outcome"] == "cancelled"
    assert office.terminal.run("watch", first, *at).code == 1
    assert office.record("queue", "drain", "mails", "--yes", *at)["done"] == 1
    assert "--prefix is ':x'" in office.terminal.run("queues", "--prefix", ":x").refused
    assert office.terminal.run("job", "show", second, *at).code == 1  # it was drained


@pytest.mark.parametrize(
    "command",
    [
        *("queues", "failed", "retry --yes", "workers", "doctor", "schedules list", "schedules run x"),
        *("schedules remove x --yes", "job show x", "job logs x", "job retry x", "job promote x", "job remove x --yes"),
        *("queue show mails", "queue pause mails", "queue resume mails", "queue drain mails", "queue clean mails"),
        *("queue concurrency mails 3", "queue rate-limit mails 3"),
    ],
)
def test_every_command_looks_under_the_prefix_that_is_named(terminal: Terminal, command: str) -> None:
    on = [] if command.startswith("queue ") else ["--queue", "mails"]
    line = terminal.run(*command.split(), *on, "--prefix", "elsewhere").refused
    assert "No queue 'mails' under prefix 'elsewhere'" in line


def test_what_is_left_under_the_old_prefix_is_said_and_hides_nothing(office: Office, redis_prefix: str) -> None:
    office.add("ada")
    old = f"{redis_prefix}:mails:meta"
    office.redis.hset(old, "opts.maxLenEvents", "10000")
    listed = cast("list[dict[str, object]]", office.run("queues", "--once", "--json").json)
    counts = [(row["name"], cast("dict[str, int]", row["counts"])["waiting"]) for row in listed]
    findings = cast("list[dict[str, object]]", json.loads(office.terminal.run("doctor", "--json").out)["findings"])
    grades = {finding["check"]: finding["grade"] for finding in findings}
    assert (counts, grades["prefix"]) == ([("mails", 1)], "ok" if office.prefix == redis_prefix else "warn")
    if office.prefix != redis_prefix:
        office.redis.delete(old)


def test_jobs_that_cannot_be_imported_are_said_and_other_queues_are_shown(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.add("ada")
    monkeypatch.setenv("WORKER_IMPORTS", "no_such_module")
    written = office.run("queues", "--once")
    assert "no_such_module" in written.err
    assert "--prefix" in written.err
