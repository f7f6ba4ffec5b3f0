"""The guide's pages that show a service's jobs and what triggers them: followed, with a worker on a real Redis."""

from __future__ import annotations

import re
import shlex
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from midday_worker.testing import RedisServer
from tests.acceptance.command import Command
from tests.acceptance.guide_service import GuideService
from tests.acceptance.readme_blocks import README, blocks, run_python
from tests.sentinel_set import SentinelSet

RUN_TESTS = """
import subprocess, sys
command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", "test_jobs.py"]
print(subprocess.run(command, capture_output=True, text=True).stdout)
"""

ADD_A_WRONG_ONE = """
from midday_worker import JobRegistry, job
wrong = job("send-notice", dict[str, str], queue="notices", registry=JobRegistry())
await wrong.trigger({"who": "ada"})
"""


def languages(guide: GuideService) -> list[str]:
    return [block.language for block in guide.blocks]


async def test_batches_are_handled_as_their_page_says(
    tmp_path: Path, redis_server: RedisServer, redis_prefix: str
) -> None:
    guide = GuideService("batches.md", tmp_path, redis_server, redis_prefix)
    assert languages(guide) == ["python"] * 3  # the third is the next test's
    printed, _ = await guide.follow("readings (concurrency 100)")
    assert printed == ["True", "colder than anything"]


async def test_batches_are_tested_as_their_page_says(
    tmp_path: Path, redis_server: RedisServer, redis_prefix: str
) -> None:
    guide = GuideService("batches.md", tmp_path, redis_server, redis_prefix)
    (tmp_path / "test_jobs.py").write_text(guide.blocks[2].text)
    printed = await run_python(RUN_TESTS, tmp_path, {**guide.environment, "REDIS_URL": "redis://127.0.0.1:1"})
    assert "1 passed" in printed, printed


async def test_days_pass_as_their_page_says(tmp_path: Path, redis_server: RedisServer, redis_prefix: str) -> None:
    guide = GuideService("testing.md", tmp_path, redis_server, redis_prefix)
    assert languages(guide) == ["python"] * 2
    (tmp_path / "test_jobs.py").write_text(guide.blocks[1].text)
    assert "2 passed" in await run_python(RUN_TESTS, tmp_path, guide.environment)


async def test_jobs_are_tried_again_as_their_page_says(
    tmp_path: Path, redis_server: RedisServer, redis_prefix: str
) -> None:
    guide = GuideService("retries.md", tmp_path, redis_server, redis_prefix)
    assert languages(guide) == ["python"] * 2
    printed, _ = await guide.follow("look-up")
    assert printed == [
        "charged at attempt 3",
        "a negative amount - attempts: 1",
        "2000 is too much - attempts: 1",
        "nothing - attempts: 1",
    ]


async def test_hooks_are_called_as_their_page_says(
    tmp_path: Path, redis_server: RedisServer, redis_prefix: str
) -> None:
    guide = GuideService("hooks.md", tmp_path, redis_server, redis_prefix)
    assert languages(guide) == ["python"] * 2
    printed, logged = await guide.follow("send-invoice")
    assert printed == ["invoice i2 is negative"]
    said = ("booked", "set aside", "another one", "send-invoice ended")
    told = [line for line in logged if any(text in line for text in said)]
    expected = [
        "booked 5",
        "send-invoice ended",
        "attempt 1 failed, another one: True",
        "attempt 2 failed, another one: False",
        "set aside i2: invoice i2 is negative",
        "send-invoice ended",
    ]
    assert [text in line for text, line in zip(expected, told, strict=True)] == [True] * len(expected)


async def test_middleware_replaces_and_refuses_as_its_page_says(
    tmp_path: Path, redis_server: RedisServer, redis_prefix: str
) -> None:
    guide = GuideService("middleware.md", tmp_path, redis_server, redis_prefix)
    assert languages(guide) == ["python"] * 2
    printed, logged = await guide.follow("export-rows")
    assert printed == ["an export belongs to a tenant", "['acme-0', 'acme-1', 'acme-2']"]
    assert len([line for line in logged if "attempt 1 at export-rows is over" in line]) == 2


async def test_dependencies_are_given_as_their_page_says(
    tmp_path: Path, redis_server: RedisServer, redis_prefix: str
) -> None:
    guide = GuideService("dependencies.md", tmp_path, redis_server, redis_prefix)
    assert languages(guide) == ["python"] * 4
    (tmp_path / "test_jobs.py").write_text(guide.blocks[2].text)
    (tmp_path / "repository.py").write_text(guide.blocks[3].text)
    tested = await run_python(f"import repository\n{RUN_TESTS}", tmp_path, guide.environment)
    assert "1 passed" in tested, tested
    printed, logged = await guide.follow("convert-amount")
    assert printed == ["23.0"]
    said = ("client opened", "job convert-amount asks for a rate", "booked at 1.0", "client closed")
    assert [text for line in logged for text in said if text in line] == list(said)


async def test_duplicates_are_told_as_their_page_says(
    tmp_path: Path, redis_server: RedisServer, redis_prefix: str
) -> None:
    guide = GuideService("duplicates.md", tmp_path, redis_server, redis_prefix)
    assert languages(guide) == ["python"] * 2
    printed, _ = await guide.follow("charge-order")
    assert printed == ["True False True", "True draft", "[True, False, False]"]


async def test_limits_per_key_are_kept_as_their_page_says(
    tmp_path: Path, redis_server: RedisServer, redis_prefix: str
) -> None:
    guide = GuideService("limits.md", tmp_path, redis_server, redis_prefix)
    assert languages(guide) == ["python"] * 2 + ["bash", "js"]
    printed, _ = await guide.follow("export")
    assert printed == [
        "['large', 'large', 'large', 'small']",
        "teamId",
        "[('account.id', None), ('teamId', None), ('teamId', 'team_vip')]",
    ]
    command = Command(tmp_path, guide.environment)
    for line in guide.blocks[2].text.splitlines():
        _, *arguments = shlex.split(line, comments=True)
        assert "Queue exports now has" in (await command.run(*arguments)).out


async def test_an_older_payload_is_read_as_its_page_says(
    tmp_path: Path, redis_server: RedisServer, redis_prefix: str
) -> None:
    guide = GuideService("versions.md", tmp_path, redis_server, redis_prefix)
    assert languages(guide) == ["python"] * 2 + ["bash"]
    printed, _ = await guide.follow("send-notice")
    assert printed == ["['ada']"]
    command = Command(tmp_path, guide.environment)
    _, *arguments = shlex.split(guide.blocks[2].text)
    checked = await command.run(*arguments)
    assert (checked.code, checked.out) == (0, "Nothing of 0 stored jobs and schedules would fail.\n")
    await run_python(ADD_A_WRONG_ONE, tmp_path, guide.environment)
    checked = await command.run(*arguments)
    assert checked.code == 1
    assert "send-notice of queue notices: 1 would fail: the upcaster from version 1 raised" in checked.out


async def test_sentinels_are_used_as_their_page_says(tmp_path: Path, redis_prefix: str) -> None:
    with SentinelSet(replicas=1, sentinels=1) as servers:
        guide = GuideService("topologies.md", tmp_path, servers, redis_prefix)
        assert languages(guide)[:2] == ["python"] * 2
        servers.primary.kill()
        printed, _ = await guide.follow("ship")
    assert printed == ["order-7 is on its way"]


async def test_schedules_are_declared_as_their_page_says(
    tmp_path: Path, redis_server: RedisServer, redis_prefix: str
) -> None:
    guide = GuideService("schedules.md", tmp_path, redis_server, redis_prefix)
    assert languages(guide) == ["python", "python", "bash"]
    printed, _ = await guide.follow("schedule weekly-report of queue syncs: add")
    assert printed == [
        "sync-acc_1 37 */6 * * *",
        "sync-acc_2 17 */6 * * *",
        "['sync', 'sync-acc_1', 'sync-acc_2']",
        "['weekly-report']",
    ]
    command = Command(tmp_path, guide.environment)
    for line in guide.blocks[2].text.splitlines():
        _, *arguments = shlex.split(line)
        shown = await command.run(*arguments)
        assert (shown.code, shown.out) == (0, "The schedules are as the jobs declare them.\n"), shown


def test_a_migration_makes_the_outbox_as_its_page_says(tmp_path: Path) -> None:
    page = README.parent / "docs" / "guide" / "outbox.md"
    environment, configuration = tmp_path / "migrations" / "env.py", tmp_path / "alembic.ini"

    def alembic(*arguments: str) -> str:
        command = [sys.executable, "-m", "alembic", *arguments]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    def tables() -> set[str]:
        with closing(sqlite3.connect(tmp_path / "app.db")) as database:
            names = database.execute("select name from sqlite_master where type = 'table'").fetchall()
        return {name for (name,) in names} - {"alembic_version", "sqlite_sequence"}

    alembic("init", "migrations")
    (said,) = re.findall(r"`context\.configure\(\.\.\., (.*)\)`", page.read_text())
    metadata = "target_metadata = __import__('sqlalchemy').MetaData()"
    models = environment.read_text().replace("target_metadata = None", metadata)
    environment.write_text(
        models.replace("target_metadata=target_metadata", f"target_metadata=target_metadata, {said}")
    )
    configuration.write_text(
        configuration.read_text().replace("driver://user:pass@localhost/dbname", "sqlite:///app.db")
    )
    recipe = next(block.text for block in blocks(page) if "alembic" in block.text)
    (tmp_path / "migrations" / "versions" / "1.py").write_text(f'revision = "1"\ndown_revision = None\n{recipe}')
    assert "CREATE TABLE midday_outbox (" in alembic("upgrade", "head", "--sql")
    alembic("upgrade", "head")
    assert tables() == {"midday_outbox", "midday_outbox_version"}
    assert "No new upgrade operations detected" in alembic("check")  # which would be to drop them
    alembic("downgrade", "base")
    assert tables() == set()


async def test_a_transaction_adds_jobs_as_its_page_says(
    tmp_path: Path, redis_server: RedisServer, redis_prefix: str
) -> None:
    guide = GuideService("outbox.md", tmp_path, redis_server, redis_prefix)
    assert languages(guide) == ["bash", "python", "python", "python", "bash"]
    init, _, jobs, triggers, status = (block.text for block in guide.blocks)
    command = Command(tmp_path, guide.environment)
    printed = await command.run(*shlex.split(init)[1:], "--sql")
    assert "CREATE TABLE midday_outbox (" in printed.out
    made = await command.run(*shlex.split(init)[1:])
    assert (made.code, made.out) == (0, "Made the table midday_outbox.\n"), made
    (tmp_path / "my_service" / "jobs.py").write_text(jobs)
    try:
        running = await command.start("run", "--import", "my_service.jobs")
        await running.until("charge-order")
        lines = (await run_python(triggers, tmp_path, guide.environment)).splitlines()
        running.signal(signal.SIGTERM)
        assert await running.end() == 0, "".join(running.lines)
    finally:
        await command.kill()
    assert lines == ["None", "charged order 2", "unknown"]
    shown = await command.run(*shlex.split(status)[1:])
    assert (shown.code, shown.out) == (0, "0 rows unsent, the oldest for 0.0 s; 0 refused.\n")
    again = await command.run("outbox", "replay", "--since", "1h", "--yes")
    assert (again.code, again.out) == (0, "Sending 2 rows again.\n")
