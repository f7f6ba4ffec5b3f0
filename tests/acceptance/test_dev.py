"""`midday-worker dev`: embedded servers, reload, and what Ctrl-C does."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from pathlib import Path

import pytest

from midday_worker.client.client import JobClient
from midday_worker.definition.factory import job
from midday_worker.definition.registry import JobRegistry
from midday_worker.embedded import free_port
from midday_worker.handles.handle import JobHandle
from midday_worker.settings.settings import Settings
from midday_worker.testing import RedisServer
from tests.acceptance.cli_process import OURS, CliProcess
from tests.acceptance.http_client import HttpClient
from tests.deadline import eventually

JOBS = """
import asyncio
from pathlib import Path

from sqlalchemy import text

from midday_worker import JobContext, job

@job("say")
async def say(data: str, ctx: JobContext) -> str:
    return f"first {data}"

@job("ask-database")
async def ask_database(data: int, ctx: JobContext) -> int:
    return (await ctx.db.execute(text(f"SELECT {data} + 1"))).scalar_one()

@job("linger")
async def linger(data: float, ctx: JobContext) -> str:
    Path("lingering").touch()
    await asyncio.sleep(data)
    return "done"
"""
READY = "job        say"
"""The banner's line for the first job: the worker is up."""

registry = JobRegistry()


@job("say", registry=registry)
async def say(data: str, ctx: object) -> str:
    raise NotImplementedError


@job("ask-database", registry=registry)
async def ask_database(data: int, ctx: object) -> int:
    raise NotImplementedError


@job("linger", registry=registry)
async def linger(data: float, ctx: object) -> str:
    raise NotImplementedError


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "my_jobs.py").write_text(JOBS)
    return tmp_path


def client_of(dev: CliProcess) -> JobClient:
    found = re.search(r"export REDIS_URL=(\S+)", dev.output)
    assert found, dev.output
    return JobClient(Settings(env_file=None, redis_url=found[1]))


def started(project: Path, *options: str, variables: dict[str, str] | None = None) -> CliProcess:
    return CliProcess(project, "dev", "--import", "my_jobs", *options, variables=variables)


def end(dev: CliProcess) -> None:
    """Let it end with its server, whose port is free then."""
    dev.send(signal.SIGTERM)
    assert dev.wait() == 0


async def test_dev_runs_jobs_on_an_embedded_redis_and_an_embedded_database(project: Path) -> None:
    """Nothing is configured; the URL that it prints lets another program trigger."""
    with started(project) as dev:
        dev.wait_for(READY)
        async with client_of(dev) as client:
            assert await (await say.trigger("hello", client=client)).result("10s") == "first hello"
            assert await (await ask_database.trigger(41, client=client)).result("10s") == 42
        dev.send(signal.SIGINT)
        assert dev.wait() == 0
    database = project / ".midday" / "dev.db"
    assert database.exists()
    assert f"export DATABASE_PRIMARY_URL=sqlite:///{database.resolve()}" in dev.output
    assert (project / ".midday").stat().st_mode & 0o777 == 0o700
    (url,) = re.findall(r"export REDIS_URL=(redis://:\S+@\S+)", dev.output)
    with started(project) as dev:
        assert f"export REDIS_URL={url}" in dev.wait_for(READY)
        end(dev)
    password, _, port = url.rpartition(":")
    with socket.create_server(("127.0.0.1", int(port))), started(project) as dev:
        assert f"Redis: port {port}, its last one, is taken now" in dev.wait_for(READY)
        assert f"export REDIS_URL={password}:" in dev.output


def test_its_port_can_be_chosen_and_stays(project: Path) -> None:
    port = free_port()
    with started(project, "--port", str(port)) as dev:
        dev.wait_for(READY)
        end(dev)
    with started(project) as dev:
        assert re.search(rf"export REDIS_URL=redis://:\S+@127\.0\.0\.1:{port}\n", dev.wait_for(READY))
        assert "is taken now" not in dev.output
        end(dev)
    with socket.create_server(("127.0.0.1", port)), started(project, "--port", str(port)) as dev:
        assert dev.wait() == 1
        assert dev.output.splitlines()[-1] == (
            f"Error: Port {port} of 127.0.0.1 can't be had: Address already in use. Choose another one."
        )


def test_a_port_for_a_redis_that_is_not_embedded_is_refused(project: Path) -> None:
    with started(project, "--port", "6400", variables={"REDIS_URL": "redis://localhost:6379"}) as dev:
        assert dev.wait() == 1
        assert "--port is for the embedded Redis, and REDIS_URL names another one" in dev.output


@pytest.mark.usefixtures("dashboard_assets")
async def test_a_changed_source_file_starts_the_worker_again_with_the_new_code(project: Path) -> None:
    """And with the token of its dashboard, which dev has written."""
    address = f"127.0.0.1:{free_port()}"
    with started(project, variables={"WORKER_HTTP": address, "WORKER_ADMIN": "true"}) as dev:
        dev.wait_for(READY)
        (project / "my_jobs.py").write_text(JOBS.replace("first", "second"))
        dev.wait_for(READY, times=2)
        async with client_of(dev) as client:
            assert await (await say.trigger("hello", client=client)).result("10s") == "second hello"
        (token,) = re.findall(rf"http://{address}/admin/\?token=(\S+)", dev.output)
        http = HttpClient(f"http://{address}")
        assert (await http.get("/admin/api/queues")).status == 401
        http.headers["Authorization"] = f"Bearer {token}"
        assert (await http.get("/admin/api/queues")).status == 200
        dev.send(signal.SIGTERM)
        assert dev.wait() == 0


def test_files_of_environments_and_caches_start_nothing(project: Path) -> None:
    """Only the change to the project's own file is answered, and it comes last."""
    with started(project) as dev:
        dev.wait_for(READY)
        for directory in (".venv/lib", "node_modules/x", ".midday", "__pycache__"):
            (project / directory).mkdir(parents=True, exist_ok=True)
            (project / directory / "changed.py").write_text("")
        (project / "notes.txt").write_text("")
        (project / "my_jobs.py").write_text(JOBS)
        output = dev.wait_for("has changed")
        assert re.findall(r"Reload: (\S+) has changed", output) == ["my_jobs.py"]
        dev.send(signal.SIGTERM)
        assert dev.wait() == 0


def test_an_import_error_is_one_line_and_dev_waits_for_the_next_change(project: Path) -> None:
    (project / "my_jobs.py").write_text("import no_such_module\n")
    with started(project) as dev:
        output = dev.wait_for("starts again when a source file changes")
        assert "Error: Can't import 'my_jobs' (from --import my_jobs): it imports 'no_such_module'" in output
        assert "Traceback" not in output
        (project / "my_jobs.py").write_text(JOBS)
        dev.wait_for(READY)
        dev.send(signal.SIGTERM)
        assert dev.wait() == 0


async def test_one_ctrl_c_lets_the_running_job_finish(project: Path) -> None:
    with started(project) as dev:
        dev.wait_for(READY)
        async with client_of(dev) as client:
            await lingering(project, client, 2)
        dev.send(signal.SIGINT)
        assert dev.wait() == 0
        assert re.search(r"linger \S+ completed in", dev.output)


async def test_one_ctrl_c_is_enough_when_what_read_its_output_has_gone(project: Path) -> None:
    """As of `dev 2>&1 | tee dev.log`, where the terminal tells both."""
    whole = f"exec {sys.executable} -m midday_worker dev --import my_jobs > >(grep -m1 '{READY}' > is-up) 2>&1"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    (project / "is-up").touch()  # bash makes it when it comes to that
    dev = await asyncio.create_subprocess_exec("bash", "-c", whole, cwd=project, env=clean)
    try:
        await eventually(lambda: asyncio.to_thread((project / "is-up").read_text), "it is up, and nobody reads on", 30)
        dev.send_signal(signal.SIGINT)
        async with asyncio.timeout(20):
            assert await dev.wait() == 0
    finally:
        if dev.returncode is None:
            dev.kill()
            await dev.wait()


async def test_a_second_ctrl_c_does_not_wait(project: Path) -> None:
    """The job is handed back, and dev says by its exit code that not all could finish."""
    with started(project) as dev:
        dev.wait_for(READY)
        async with client_of(dev) as client:
            await lingering(project, client, 25)
        dev.send(signal.SIGINT)
        dev.wait_for("stopping: no further jobs")
        dev.send_until("second signal", signal.SIGINT)
        assert dev.wait() == 1
        assert "handed back" in dev.output


def test_servers_that_the_environment_names_are_used_and_named(project: Path, redis_server: RedisServer) -> None:
    variables = {"REDIS_URL": redis_server.url, "DATABASE_PRIMARY_URL": "sqlite:///mine.db"}
    with started(project, variables=variables) as dev:
        output = dev.wait_for(READY)
        assert f"Redis: {redis_server.url}, as REDIS_URL says; nothing is embedded" in output
        assert "Database: sqlite:///mine.db, as DATABASE_PRIMARY_URL says" in output
        assert not (project / ".midday").exists()
        dev.send(signal.SIGTERM)
        assert dev.wait() == 0


def test_without_reload_the_worker_s_end_is_the_end(project: Path) -> None:
    (project / "my_jobs.py").write_text("import no_such_module\n")
    with started(project, "--no-reload") as dev:
        assert dev.wait() == 1


def test_nothing_to_import_is_said_in_one_line(tmp_path: Path) -> None:
    with CliProcess(tmp_path, "dev") as dev:
        assert dev.wait() == 1
        assert dev.output.startswith("Error: There is nothing to run. Name the package")
        assert dev.output.count("\n") == 1


async def lingering(project: Path, client: JobClient, seconds: float) -> JobHandle[str]:
    """Trigger a job that takes so long, and return when it has started."""
    handle = await linger.trigger(seconds, client=client)
    await eventually(lambda: asyncio.to_thread((project / "lingering").exists), "the job has started")
    return handle
