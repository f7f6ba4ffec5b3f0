"""`midday-worker run --http`: health, readiness and information, asked as a load balancer would."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path
from typing import cast

import pytest

from midday_worker import JobClient, Settings
from midday_worker.testing import RedisServer
from tests.acceptance.command import Command, Running
from tests.acceptance.http_client import HttpClient
from tests.acceptance.test_run import add

ANYWHERE = ("--http", "127.0.0.1:0")


async def started(command: Command, *arguments: str, **environment: str) -> tuple[Running, HttpClient]:
    """Start a worker with an HTTP side, and return both once it is ready."""
    running = await command.start("run", *ANYWHERE, *arguments, **environment)
    client = await HttpClient.of(running)
    await client.until_ready()
    return running, client


async def test_it_says_what_runs_and_that_it_is_well(command: Command) -> None:
    secrets = {"DATABASE_PRIMARY_URL": "sqlite+aiosqlite:///db.sqlite?timeout=5", "ENVIRONMENT": "staging"}
    secrets["PYTHONUTF8"] = "0"  # no fork server has it: this process starts by itself, and its pid is the worker's
    running, http = await started(command, "--queues", "mails", "--concurrency", "3", **secrets)
    health = await http.get("/health")
    assert (health.status, health.json["status"], health.kind) == (200, "ok", "application/json")
    assert (await http.get("/health/ready")).processes[running.process.pid] == {
        "process": 1,
        "pid": running.process.pid,
        "ready": True,
        "redis": True,
        "database": True,
        "queues": {"mails": {"run_loop_alive": True, "fetching": True}},
    }
    info = await http.get("/info")
    assert info.json["environment"] == "staging"
    assert info.json["queues"] == [{"queue": "mails", "concurrency": 3, "rate_limit": None}]
    assert info.json["jobs"] == [{"id": "send-mail", "queue": "mails", "attempts": 4}]
    for secret in ("sqlite", "redis://", "127.0.0.1"):
        assert secret not in info.text
    assert (await http.get("/admin")).status == 404
    assert (await http.get("/info", "POST")).status == 405
    running.signal(signal.SIGTERM)
    assert await running.end() == 0


async def test_without_redis_it_lives_but_is_not_ready(command: Command, mortal_redis: RedisServer) -> None:
    running, http = await started(command, REDIS_URL=mortal_redis.url, REDIS_PREFIX="bull")
    mortal_redis.pause()
    await http.until_unready("Redis does not answer")
    assert (await http.get("/health")).status == 200
    mortal_redis.resume()
    await http.until_ready()
    await asyncio.to_thread(mortal_redis.kill)
    await http.until_unready("Redis does not answer")
    mortal_redis.restart()
    await http.until_ready()
    running.signal(signal.SIGTERM)
    assert await running.end() == 0


async def test_before_redis_answers_it_is_starting(command: Command, mortal_redis: RedisServer) -> None:
    mortal_redis.kill()
    running = await command.start("run", *ANYWHERE, REDIS_URL=mortal_redis.url, REDIS_PREFIX="bull")
    http = await HttpClient.of(running)
    await http.until_unready("it is starting")
    assert (await http.get("/health")).status == 200
    running.signal(signal.SIGTERM)
    assert await running.end() == 0


async def test_with_its_database_down_it_is_not_ready(command: Command) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nothing listens there
        url = f"postgresql://u:hunter2@127.0.0.1:{taken.getsockname()[1]}/db"
        running = await command.start("run", *ANYWHERE, DATABASE_PRIMARY_URL=url)
        http = await HttpClient.of(running)
        await http.until_unready("the database does not answer")
        assert "hunter2" not in (await http.get("/health/ready")).text
    running.signal(signal.SIGTERM)
    assert await running.end() == 0


@pytest.mark.usefixtures("dashboard_assets")
@pytest.mark.parametrize("processes", ["1", "2"])
async def test_from_the_signal_on_it_is_not_ready(
    command: Command, client: JobClient, project: Path, processes: str
) -> None:
    running, http = await started(command, "--processes", processes)
    await add(client, "wait-until-told")
    await running.until("waiting")
    running.signal(signal.SIGTERM)
    await http.until_unready("it is draining")
    assert (await http.get("/health")).status == 200
    (project / "done-waiting").touch()
    assert await running.end() == 0


async def test_one_server_answers_for_all_processes(command: Command, settings: Settings) -> None:
    """Of a process that doesn't answer it says so; when it does again, all is well."""
    running, http = await started(command, "--processes", "2")
    pids = list((await http.get("/health/ready")).processes)
    assert len(pids) == 2
    os.kill(pids[1], signal.SIGSTOP)
    await http.until_unready("process 2 does not answer")
    health = await http.get("/health")
    assert (health.status, health.json["silent_processes"]) == (503, [2])
    os.kill(pids[1], signal.SIGCONT)
    await http.until_ready()
    os.kill(pids[1], signal.SIGKILL)
    await http.until_unready("process 2 is not up")
    await http.until_ready()
    assert (await http.get("/health")).status == 200
    running.signal(signal.SIGTERM)
    assert await running.end() == 0


@pytest.mark.usefixtures("dashboard_assets")
@pytest.mark.parametrize("processes", ["1", "2"])
async def test_a_port_in_use_is_one_clear_line(command: Command, processes: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = await command.run("run", "--processes", processes, "--http", address)
    expected = f"The HTTP side can't listen on {address} (from --http or WORKER_HTTP): Address already in use"
    assert ended.refused().startswith(expected)


@pytest.mark.parametrize(
    "address", ["8080", "localhost", "127.0.0.1:web", "127.0.0.1:99999", "http://127.0.0.1:80", ":8080"]
)
async def test_a_bad_address_is_one_clear_line(command: Command, address: str) -> None:
    line = (await command.run("run", "--http", address)).refused()
    assert line.startswith(f"WORKER_HTTP is '{address}' (given as an option); accepted: host:port")


async def test_a_host_that_is_not_ours_is_one_clear_line(command: Command) -> None:
    line = (await command.run("run", WORKER_HTTP="192.0.2.1:8080")).refused()
    assert line.startswith("The HTTP side can't listen on 192.0.2.1:8080")


async def test_without_the_extra_it_says_what_to_install(command: Command, project: Path) -> None:
    (project / "uvicorn.py").write_text("raise ImportError(\"No module named 'uvicorn'\")\n")
    line = (await command.run("run", *ANYWHERE, PYTHONPATH=str(project))).refused()
    assert line.endswith("pip install 'midday-worker[http]'")


async def test_without_being_asked_for_it_is_not_imported(command: Command, project: Path) -> None:
    """What it would need is made to fail, so a run that comes up has not imported it."""
    for name in ("uvicorn", "starlette", "prometheus_client"):
        (project / f"{name}.py").write_text("raise RuntimeError('imported')\n")
    running = await command.start("run", PYTHONPATH=str(project))
    await running.until("send-mail")
    running.signal(signal.SIGTERM)
    assert await running.end() == 0


@pytest.mark.usefixtures("dashboard_assets")
@pytest.mark.parametrize("processes", ["1", "2"])
async def test_the_dashboard_is_beside_it_when_asked_for(command: Command, client: JobClient, processes: str) -> None:
    running, http = await started(command, "--admin", "--processes", processes)
    assert (await http.get("/admin/api/queues")).json["code"] == "TOKEN_REQUIRED"
    (line,) = [line for line in running.lines if "token=" in line]
    assert line.startswith(f"The dashboard is on {http.base}/admin/?token=")
    http.headers["Authorization"] = f"Bearer {line.strip().partition('=')[2]}"
    page = await http.get("/admin/")
    assert (page.status, '<base href="/admin/" />' in page.text) == (200, True)
    queues = cast("list[dict[str, object]]", (await http.get("/admin/api/queues")).json["queues"])
    assert [queue["name"] for queue in queues] == ["default", "mails"]
    assert (await http.get("/admin/api/nothing")).json["code"] == "NOT_FOUND"
    assert (await http.get("/health")).status == 200
    await add(client, "send-mail", "mails")
    running.signal(signal.SIGTERM)
    assert await running.end() == 0


@pytest.mark.usefixtures("dashboard_assets")
async def test_the_dashboard_is_refused_to_strangers_and_without_an_address(command: Command) -> None:
    reached = await command.run("run", "--http", "0.0.0.0:0", "--admin")
    assert "set BOARD_USERNAME and BOARD_PASSWORD first" in reached.refused()
    nowhere = await command.run("run", WORKER_ADMIN="true")
    assert "add --http 127.0.0.1:8080" in nowhere.refused()


@pytest.mark.usefixtures("dashboard_assets")
async def test_it_answers_to_the_names_that_are_allowed_alone(command: Command) -> None:
    _, http = await started(command, "--admin", "--no-login", BOARD_HOSTS="jobs.example.com")
    assert (await http.get("/admin/api/queues", host="jobs.example.com")).status == 200
    refused = await http.get("/admin/api/queues", host="evil.example.com")
    assert (refused.status, refused.json["code"]) == (403, "HOST_NOT_ALLOWED")
