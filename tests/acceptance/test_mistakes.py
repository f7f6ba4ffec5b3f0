"""Every mistake on the command line: one line with the value, its origin and what is accepted; nothing is written."""

from __future__ import annotations

from typing import Final, NamedTuple

import pytest

from midday_worker.engine.redis.connection import RedisConfig, connect
from midday_worker.testing import RedisServer
from tests.acceptance.command import Command

TO_ADA = ["trigger", "send-mail", "-d", '{"userId": "ada"}']
WRONG_REDIS = {"REDIS_URL": "http://user:hunter2@host"}
WRONG_DATABASE = {"DATABASE_PRIMARY_URL": "mysql://user:hunter2@host/shop"}
REDIS_SHOWN = ["REDIS_URL is 'http://user:***@host' (from the environment)", "accepted: redis://"]
DATABASE_SHOWN = ["DATABASE_PRIMARY_URL is 'mysql://user:***@host/shop' (from the environment)", "postgresql://"]


class Mistake(NamedTuple):
    """A command line with its environment, its exit code, and what the one line has to hold."""

    arguments: list[str]
    shown: list[str]
    variables: dict[str, str] = {}  # noqa: RUF012 - read only
    code: int = 1


def usage(arguments: list[str], *shown: str) -> Mistake:
    """A command line that can't be read."""
    return Mistake(arguments, [*shown, "See midday-worker"], code=2)


MISTAKES: Final = {
    "no such command": usage(["tirgger"], "No such command 'tirgger'. Did you mean 'trigger'?"),
    "no job": usage(["trigger"], "Missing argument 'JOB'", "trigger --help"),
    "no data": Mistake(["trigger", "send-mail"], ["Job 'send-mail' has a payload; give it with --data '"]),
    "no value": usage([*TO_ADA, "--delay"], "'--delay' requires an argument"),
    "misspelt option": usage([*TO_ADA, "--dealy", "5s"], "No such option: --dealy", "--delay"),
    "one argument too many": usage(["health", "now"], "unexpected extra argument", "now"),
    "unknown job": Mistake(
        ["trigger", "send-mial", "-d", "{}"],
        ["No job named 'send-mial'", "Did you mean 'send-mail'?", "--import or WORKER_IMPORTS"],
    ),
    "malformed JSON": Mistake(
        ["trigger", "send-mail", "-d", "{userId: 1}"],
        ["--data is not JSON", "line 1, column 2, at 'userId: 1}'", "For example: --data '"],
    ),
    "a number that JSON lacks": Mistake(["trigger", "send-mail", "-d", "NaN"], ["--data", "NaN is no JSON value"]),
    "missing file": Mistake(
        ["trigger", "send-mail", "-d", "@gone.json"], ["Can't read gone.json, which --data names: No such file"]
    ),
    "wrong payload": Mistake(
        ["trigger", "send-mail", "-d", '{"copies": "many"}'],
        ["Invalid --data for job 'send-mail'", "userId: Field required", "copies: ", "valid integer", "(got 'many')"],
    ),
    "payload of another form": Mistake(
        ["trigger", "send-mail", "-d", "[1]"], ["Invalid --data for job 'send-mail'", "valid dictionary"]
    ),
    "bad delay": Mistake([*TO_ADA, "--delay", "soon"], ["--delay is 'soon'; accepted: milliseconds, or", '"30m"']),
    "negative delay": Mistake([*TO_ADA, "--delay", "-5"], ["--delay is '-5'; accepted: milliseconds, or"]),
    "bad priority": Mistake([*TO_ADA, "--priority", "-1"], ["--priority is '-1'; accepted: a whole number from 0 to"]),
    "priority in words": Mistake([*TO_ADA, "--priority", "high"], ["--priority is 'high'; accepted: a whole number"]),
    "bad attempts": Mistake([*TO_ADA, "--attempts", "0"], ["--attempts is '0'; accepted: a whole number from 1 to"]),
    "bad id": Mistake([*TO_ADA, "--job-id", "12"], ["--job-id is '12'; accepted: a non-empty text without"]),
    "bad concurrency": Mistake(
        ["run", "--concurrency", "0"], ["--concurrency is '0'; accepted: a whole number from 1"]
    ),
    "bad processes": Mistake(["run", "--processes", "two"], ["--processes is 'two'; accepted: a whole number from 1"]),
    "bad drain timeout": Mistake(["run", "--drain-timeout", "soon"], ["--drain-timeout is 'soon'; accepted: milli"]),
    "bad startup timeout": Mistake(["run", "--startup-timeout", "-5s"], ["--startup-timeout is '-5s'; accepted:"]),
    "bad variable": Mistake(
        ["run"],
        ["WORKER_DRAIN_TIMEOUT is 'soon' (from the environment); accepted: milliseconds"],
        {"WORKER_DRAIN_TIMEOUT": "soon"},
    ),
    "a queue without jobs": Mistake(
        ["run", "--queues", "mail"], ["on queue 'mail' (from --queues or WORKER_QUEUES)", "Queues with jobs: ", "mails"]
    ),
    "nothing to run": Mistake(["run"], ["nothing to run", "--import my_service.jobs"], {"WORKER_IMPORTS": ""}),
    "nothing to run in dev": Mistake(["dev"], ["nothing to run", "WORKER_IMPORTS"], {"WORKER_IMPORTS": ""}),
}
for name in ("run", "jobs", "trigger"):
    arguments = TO_ADA if name == "trigger" else [name]
    MISTAKES.update(
        {
            f"import of nothing in {name}": Mistake(
                [*arguments, "--import", "shop.gone"],
                ["Can't import 'shop.gone' (from --import shop.gone)", "no such module"],
            ),
            f"import of a file in {name}": Mistake(
                [*arguments, "--import", "shop/jobs.py"],
                ["'shop/jobs.py' (from --import ", "accepted: a module's name"],
            ),
            f"import that fails in {name}": Mistake(
                arguments,
                ["Can't import 'shop.broken' (from WORKER_IMPORTS=shop)", "RuntimeError: no licence", "broken.py:3"],
                {"WORKER_IMPORTS": "shop"},
            ),
            f"import that lacks a package in {name}": Mistake(
                [*arguments, "--import", "shop.lacking"], ["imports 'a_package_that_nobody_has', which isn't installed"]
            ),
            f"Redis URL in {name}": Mistake(arguments, REDIS_SHOWN, WRONG_REDIS),
            f"database URL in {name}": Mistake(arguments, DATABASE_SHOWN, WRONG_DATABASE),
        }
    )
for name in ("health", "dev"):
    MISTAKES[f"Redis URL in {name}"] = Mistake([name], REDIS_SHOWN, WRONG_REDIS)
    MISTAKES[f"database URL in {name}"] = Mistake([name], DATABASE_SHOWN, WRONG_DATABASE)


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_a_mistake_is_one_line_and_nothing_is_written(
    command: Command, redis_server: RedisServer, mistake: str
) -> None:
    arguments, shown, variables, code = MISTAKES[mistake]
    finished = await command.run(*arguments, **variables)
    line = finished.refused(code)
    assert [part for part in shown if part not in line] == [], line
    assert "hunter2" not in line
    assert finished.out == ""
    async with connect(RedisConfig(redis_server.url)) as redis:
        left = await redis.keys(f"{command.environment['REDIS_PREFIX']}*")  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
    assert left == []


@pytest.mark.parametrize("group", ["queue", "job", "schedules"])
async def test_a_group_without_a_command_shows_its_help_and_no_error(command: Command, group: str) -> None:
    finished = await command.run(group)
    assert finished.code == 2
    assert f"midday-worker {group} [OPTIONS] COMMAND" in finished.out + finished.err
    assert "Error" not in finished.out + finished.err
