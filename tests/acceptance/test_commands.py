"""`jobs`, `trigger`, `health`, `--version` and `--help`."""

from __future__ import annotations

import json
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import cast

from midday_worker import JobClient, __version__
from midday_worker.testing import RedisServer
from tests.acceptance.command import Command, Finished
from tests.acceptance.test_run import add


def answered(finished: Finished) -> object:
    """The JSON that a command wrote."""
    assert finished.code == 0, finished.err
    value: object = json.loads(finished.out)
    return value


async def test_jobs_lists_what_is_registered(command: Command) -> None:
    rows = cast("list[dict[str, object]]", answered(await command.run("jobs", "--json")))
    assert [(row["job"], row["queue"], row["attempts"]) for row in rows] == [
        ("send-mail", "mails", 4),
        ("wait-for-ever", "default", 2),
        ("wait-until-told", "default", 3),
    ]
    assert "shop/jobs.py:" in str(rows[0]["defined_at"])
    table = await command.run("jobs", "--import", "shop.jobs", WORKER_IMPORTS="")
    assert "send-mail" in table.out
    empty = await command.run("jobs", WORKER_IMPORTS="")
    assert (empty.code, empty.out.startswith("No jobs.")) == (0, True)


async def test_trigger_adds_a_job_from_json_a_file_or_standard_input(
    command: Command, client: JobClient, project: Path
) -> None:
    (project / "mail.json").write_text('{"userId": "u1"}')
    for data in ('{"userId": "u1"}', "@mail.json", "@-"):
        finished = await command.run("trigger", "send-mail", "--data", data, "--json", stdin='{"userId": "u1"}')
        answer = cast("dict[str, str]", answered(finished))
        stored = await client.find("mails", answer["id"])
        assert stored is not None
        assert (stored.data, stored.name) == ({"userId": "u1", "copies": 1}, "send-mail")


async def test_a_job_without_payload_is_triggered_without_data(
    command: Command, client: JobClient, project: Path
) -> None:
    (project / "shop" / "sweeping.py").write_text(
        "from midday_worker import JobContext, job\n\n\n"
        '@job("sweep")\nasync def sweep(data: None, ctx: JobContext) -> None: ...\n'
    )
    finished = await command.run("trigger", "sweep", "--json", WORKER_IMPORTS="shop.sweeping")
    stored = await client.find("default", cast("dict[str, str]", answered(finished))["id"])
    assert stored is not None
    assert stored.data is None


async def test_trigger_passes_options_on(command: Command, client: JobClient) -> None:
    options = ["--delay", "3d", "--priority", "7", "--attempts", "9", "--job-id", "mail-u1"]
    finished = await command.run("trigger", "send-mail", "--data", '{"userId": "u1"}', *options)
    assert finished.out == "Added job send-mail to queue mails with id mail-u1\n"
    stored = await client.find("mails", "mail-u1")
    assert stored is not None
    assert [stored.opts[key] for key in ("delay", "priority", "attempts")] == [3 * 86_400_000, 7, 9]


async def test_trigger_with_redis_down_is_one_line(command: Command, mortal_redis: RedisServer) -> None:
    mortal_redis.kill()
    line = (await command.run("trigger", "send-mail", "-d", '{"userId": "u1"}', REDIS_URL=mortal_redis.url)).refused()
    assert "Redis is not reachable" in line
    assert line.endswith("Nothing was written.")


async def test_health_fails_without_a_worker_and_is_well_with_one(command: Command) -> None:
    alone = await command.run("health")
    assert alone.code == 1
    assert "ok   redis" in alone.out
    assert "FAIL worker: no worker on this host" in alone.out
    running = await command.start("run")
    await running.until("send-mail")
    assert await becomes_well(command)
    running.signal(signal.SIGTERM)
    assert await running.end() == 0
    after = await command.run("health", "--json")
    checks = cast("dict[str, dict[str, object]]", json.loads(after.out))
    assert (after.code, checks["redis"]["ok"], checks["worker"]["ok"]) == (1, True, False)


async def becomes_well(command: Command) -> bool:
    """The heartbeat follows the banner: ask a few times."""
    for _ in range(10):
        if (await command.run("health")).code == 0:
            return True
    return False


async def test_health_says_what_does_not_answer(command: Command, mortal_redis: RedisServer) -> None:
    mortal_redis.kill()
    finished = await command.run(
        "health",
        REDIS_URL=mortal_redis.url,
        DATABASE_PRIMARY_URL=f"postgresql://app:hunter2@127.0.0.1:{mortal_redis.port}/shop",
    )
    assert finished.code == 1
    assert "FAIL redis" in finished.out
    assert "FAIL database" in finished.out
    assert "hunter2" not in finished.out
    assert "Traceback" not in finished.err


async def test_without_arguments_it_shows_its_help(command: Command) -> None:
    shown = await command.run()
    assert (shown.code, shown.err) == (0, "")
    assert "Usage: midday-worker" in shown.out


async def test_version_and_help(command: Command) -> None:
    assert (await command.run("--version")).out == f"midday-worker {__version__}\n"
    shown = await command.run("--help")
    assert shown.code == 0
    for name in ("run", "dev", "demo", "jobs", "trigger", "health", "queues", "queue", "job", "failed", "doctor"):
        assert name in shown.out


async def test_help_is_quick(command: Command, record_property: Callable[[str, object], None]) -> None:
    times: list[float] = []
    for _ in range(3):
        started = processor_seconds()
        await command.run("--help")
        times.append(processor_seconds() - started)
    record_property("help_seconds", min(times))
    assert min(times) < 1.5  # 0.2 s, whatever else the machine does; what this catches is an import of everything


def processor_seconds() -> float:
    """How long the processes that have ended used a processor."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def test_a_shell_completes_commands_options_and_names_of_queues(command: Command, client: JobClient) -> None:
    await add(client, "send-mail", "mails")

    async def completed(words: str) -> list[str]:
        asked = {"_MIDDAY_WORKER_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        return (await command.run(**asked)).out.split()

    assert await completed("midday-worker queue pa") == ["pause"]
    assert "--older-than" in await completed("midday-worker queue clean mails --")
    assert await completed("midday-worker queue show ma") == ["mails"]
    assert await completed("midday-worker retry --queue ma") == ["mails"]
    script = (await command.run("--show-completion", "bash", SHELL="/bin/bash")).out
    assert "_MIDDAY_WORKER_COMPLETE=complete_bash" in script
