"""README.md, followed from top to bottom: every Python and shell block of it is run, and Node's too."""

from __future__ import annotations

import os
import shlex
import signal
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from midday_worker.demo.node import NodeRuntime
from midday_worker.testing import RedisServer
from tests.acceptance.command import Command
from tests.acceptance.readme_blocks import README, block, blocks, run_python

ROOT = README.parent
JOBS = ["A job in thirty lines", "Options", "In the handler", "Node and Python on one queue"]
"""The sections whose Python goes into the service's jobs.py."""

ASK_THE_DASHBOARD = """
import httpx
import my_service.jobs

async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://admin.example.com") as client:
    for user in ("", "ada", "eve"):
        answer = await client.get("/admin/queues/api/queues", headers={"x-user": user})
        body = answer.json()
        print(answer.status_code, body.get("code") or body["queues"][0]["readOnlyMode"])
"""

ADD_SMS = """
from my_service.jobs import Sms, send_sms

added = await send_sms.batch_trigger([{"payload": Sms(number="+46", text="x" * length)} for length in range(1, 7)])
print([handle.id for handle in added])
"""

READ_SMS = """
from midday_worker import results
from my_service.jobs import send_sms

print([sent.parts for sent in await results([send_sms.handle(job_id) for job_id in ids], timeout="30s")])
"""


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """A folder with `my_service/jobs.py` as the README writes it, and the payload that it triggers from a file."""
    (tmp_path / "my_service").mkdir()
    (tmp_path / "my_service" / "__init__.py").write_text("")
    (tmp_path / "my_service" / "jobs.py").write_text("\n\n".join(block(heading, "python") for heading in JOBS))
    (tmp_path / "payload.json").write_text('{"userId": "user_123", "action": "email"}')
    return tmp_path


@pytest.fixture
def environment(redis_server: RedisServer, redis_prefix: str, service: Path) -> dict[str, str]:
    return {
        "REDIS_URL": redis_server.url,
        "REDIS_PREFIX": redis_prefix,
        "DATABASE_PRIMARY_URL": f"sqlite:///{service}/service.db",
        "PATH": os.environ["PATH"],
    }


@pytest.fixture
async def command(service: Path, environment: dict[str, str]) -> AsyncIterator[Command]:
    command = Command(service, environment)
    yield command
    await command.kill()


def commands(heading: str) -> list[list[str]]:
    """The commands of a section's shell block, without their comments."""
    return [words for line in block(heading, "bash").splitlines() if (words := shlex.split(line, comments=True))]


def test_every_block_is_run_by_a_test_of_this_module() -> None:
    assert [(found.heading, found.language) for found in blocks()] == [
        ("Two commands", "bash"),
        ("A job in thirty lines", "python"),
        ("A job in thirty lines", "bash"),
        ("Trigger it", "python"),
        ("Trigger it", "bash"),
        ("Options", "python"),
        ("In the handler", "python"),
        ("Flows", "python"),
        ("Test your jobs", "python"),
        ("Node and Python on one queue", "typescript"),
        ("Node and Python on one queue", "python"),
        ("The dashboard", "python"),
    ]


def test_the_two_commands_are_there() -> None:
    """test_demo.py runs the one; the other is running this."""
    assert commands("Two commands") == [["scripts/demo"], ["scripts/test"]]
    for (script,) in commands("Two commands"):
        assert os.access(ROOT / script, os.X_OK)


async def test_a_job_in_thirty_lines_is_run_by_the_commands_that_follow(command: Command) -> None:
    """test_wheel.py installs the package in an environment of its own; here it is installed already."""
    venv, install, *started = commands("A job in thirty lines")
    assert venv == ["python3", "-m", "venv", ".venv", "&&", "source", ".venv/bin/activate"]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert install[:3] == ["pip", "install", "-e"], "a build wants the dashboard's files, which a checkout lacks"
    assert set(install[3].removeprefix(".[").removesuffix("]").split(",")) <= extras.keys()
    assert [words[1] for words in started] == ["dev", "run"]
    for program, *arguments in started:
        assert program == "midday-worker"
        own_servers = {"REDIS_URL": "", "DATABASE_PRIMARY_URL": ""} if arguments[0] == "dev" else {}
        running = await command.start(*arguments, **own_servers)
        await running.until("notify")
        running.signal(signal.SIGINT)
        assert await running.end() == 0, "".join(running.lines)


async def test_the_jobs_are_listed_as_the_text_says(command: Command) -> None:
    assert "`midday-worker jobs --import my_service.jobs` lists them" in README.read_text("utf-8")
    listed = await command.run("jobs", "--import", "my_service.jobs")
    assert [name for name in ("add-up", "charge", "monthly-report", "notify") if name not in listed.out] == []


async def test_triggering_in_python(command: Command, service: Path, environment: dict[str, str]) -> None:
    running = await command.start("run", "--import", "my_service.jobs")
    printed = await run_python(
        block("Trigger it", "python") + "\nprint(await handle_.result(timeout='30s'))", service, environment
    )
    assert printed == "processed=True user_id='user_123'\n"
    running.signal(signal.SIGTERM)
    assert await running.end() == 0


async def test_triggering_from_the_shell(command: Command) -> None:
    for program, *arguments in commands("Trigger it"):
        assert program == "midday-worker"
        finished = await command.run(*arguments)
        assert (finished.code, finished.err) == (0, ""), finished.err


async def test_options_and_errors_in_the_handler(command: Command, service: Path, environment: dict[str, str]) -> None:
    running = await command.start("run", "--import", "my_service.jobs")
    printed = await run_python(
        """
from midday_worker import JobFailedError
from my_service.jobs import charge, monthly_report

print(await (await monthly_report.trigger("May")).result(timeout="30s"))
print(await (await charge.trigger(41)).result(timeout="30s"))
later = await charge.trigger(0)
try:
    await (await charge.trigger(-1)).result(timeout="30s")
except JobFailedError as error:
    print(error.reason, error.attempts)
while await later.state() != "delayed":
    pass
print((await later.fetch()).failedReason)
""",
        service,
        environment,
    )
    assert printed.splitlines() == ["report of May", "42", "a negative amount 1", "the bank is busy"]
    running.signal(signal.SIGTERM)
    assert await running.end() == 0


async def test_flows(command: Command, service: Path, environment: dict[str, str]) -> None:
    running = await command.start("run", "--import", "my_service.jobs")
    printed = await run_python(
        block("Flows", "python") + "\nprint(await flow.result(timeout='30s'))", service, environment
    )
    assert printed == f"{1 + 2 + 3 + (4 + 5) + 6}\n"
    running.signal(signal.SIGTERM)
    assert await running.end() == 0


async def test_testing_the_jobs(service: Path, environment: dict[str, str]) -> None:
    """With pytest, as the text says, and without any Redis."""
    (service / "test_jobs.py").write_text(block("Test your jobs", "python"))
    assert 'asyncio_mode = "auto"' in README.read_text("utf-8")
    source = """
import pytest
raise SystemExit(pytest.main(["-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", "test_jobs.py"]))
"""
    (service / "run_tests.py").write_text(source)
    printed = await run_python(
        "import subprocess, sys\n"
        "print(subprocess.run([sys.executable, 'run_tests.py'], capture_output=True, text=True).stdout)",
        service,
        {**environment, "REDIS_URL": "redis://127.0.0.1:1"},
    )
    assert "3 passed" in printed, printed


async def test_node_and_python_on_one_queue(
    command: Command, service: Path, environment: dict[str, str], node: NodeRuntime, redis_server: RedisServer
) -> None:
    """Node's block beside a Python worker that takes none of the jobs that are declared for Node."""
    running = await command.start("run", "--import", "my_service.jobs")
    await running.until("notify")
    added = await run_python(ADD_SMS, service, environment)
    where = f'{{ host: "127.0.0.1", port: {redis_server.port} }}'
    prefix = environment["REDIS_PREFIX"]
    source = block("Node and Python on one queue", "typescript")
    source = source.replace('{ host: "localhost", port: 6379 }', where)
    source = source.replace("{ connection }", f'{{ connection, prefix: "{prefix}" }}')
    source = (
        source.replace("console.log(", "const printed = (")
        + f"""
const sms = new Queue("sms", {{ connection, prefix: "{prefix}" }});
while ((await sms.getCompletedCount()) < 6);
console.log(JSON.stringify(printed));
process.exit();
"""
    )
    assert await node.run(source, timeout_s=300) == {"processed": True, "userId": "user_123"}
    assert await run_python(f"ids = {added}\n{READ_SMS}", service, environment) == f"{[1, 2, 3, 4, 5, 6]}\n"
    running.signal(signal.SIGTERM)
    assert await running.end() == 0
    assert "sms" not in "".join(running.lines)


async def test_mounting_the_dashboard(service: Path, environment: dict[str, str]) -> None:
    printed = await run_python(block("The dashboard", "python") + ASK_THE_DASHBOARD, service, environment)
    assert printed.splitlines() == ["403 DENIED", "200 False", "200 True"]
