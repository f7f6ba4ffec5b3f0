"""Credentials that change while a worker runs jobs, and certificates of clients, by settings."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from midday_worker import ConfigurationError, JobClient, RedisRefusedError, RedisUnavailableError, Settings
from midday_worker.client.client import SyncJobClient
from midday_worker.dashboard import create_dashboard
from midday_worker.engine.redis.connection import RedisConfig, connect
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.settings.settings import variable_of
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.conditions import credential_jobs as jobs
from tests.integration.conditions.ailment import send
from tests.integration.crew import Crew
from tests.integration.jobs.certificate import write_certificate
from tests.redis_proxy import TlsProxy

CONFIGS = (
    WorkerConfig(queue="default", concurrency=2),
    WorkerConfig(queue="held", concurrency=1, lock_duration_ms=4_000),
    WorkerConfig(queue="processes", concurrency=1),
)


@pytest.fixture
async def redis(mortal_redis: RedisServer) -> AsyncIterator[Redis]:
    """Somebody who is in, whatever the others' password is."""
    async with connect(RedisConfig(mortal_redis.url)) as redis:
        await send(redis, "ACL", "SETUSER", "worker", "on", ">one", "~*", "&*", "+@all")
        yield redis


class Rotation:
    """A user's password, in a file and in Redis."""

    def __init__(self, redis: Redis, file: Path, written: str) -> None:
        self._redis = redis
        self._file = file
        self._written = written
        file.write_text(written.format("one"))

    async def rotate(self) -> None:
        """Change it, and cut off all who have come by the old one."""
        self._file.write_text(self._written.format("two"))
        await send(self._redis, "ACL", "SETUSER", "worker", "resetpass", ">two")
        await send(self._redis, "CLIENT", "KILL", "USER", "worker")


@pytest.fixture(params=["a file", "a provider", "a file, without pipelining"])
def rotating(
    request: pytest.FixtureRequest,
    mortal_redis: RedisServer,
    redis: Redis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[Rotation, Settings]:
    file = tmp_path / "secret"
    if request.param == "a provider":
        monkeypatch.setenv("CREDENTIALS_OF_TEST", str(file))
        rotation = Rotation(redis, file, "worker {}")
        named = {"redis_url": mortal_redis.url, "redis_credentials": f"{jobs.__name__}:credentials"}
    else:
        rotation = Rotation(redis, file, "{}\n")
        named = {
            "redis_url": mortal_redis.url.replace("//", "//worker@"),
            "redis_password_file": str(file),
            "redis_pipelining": str("without" not in str(request.param)),
        }
    return rotation, Settings(env_file=None, board_login="none", **named)


async def test_all_that_uses_redis_goes_on_by_the_new_password(rotating: tuple[Rotation, Settings]) -> None:
    """The shared connection, the blocking ones, the events', the locks' thread's, a child's; a dashboard, a command."""
    rotation, settings = rotating
    jobs.started, jobs.may_end = asyncio.Event(), asyncio.Event()
    async with (
        Crew(jobs.registry, settings, configs=CONFIGS) as crew,
        JobClient(settings) as client,
        JobClient(settings) as of_dashboard,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(create_dashboard(jobs.registry, client=of_dashboard)),
            base_url="http://localhost",
        ) as browser,
    ):
        held = await jobs.hold.trigger(7, client=client)
        await asyncio.wait_for(jobs.started.wait(), 30)
        blocking = JobClient.sync(settings)
        await check_all(client, blocking, browser)
        await rotation.rotate()
        renewals = crew.tallies["held"].lock_renewals

        async def is_renewed() -> bool:
            return crew.tallies["held"].lock_renewals > renewals

        await check_all(client, blocking, browser)
        await eventually(is_renewed, "the lock of the job that runs is renewed")
        jobs.may_end.set()
        assert await held.result("30s") == 7
        assert crew.tallies["held"].locks_lost == 0
        await asyncio.to_thread(blocking.close)
    assert '"name": "default"' in await asyncio.to_thread(run_command, settings)


async def check_all(client: JobClient, blocking: SyncJobClient, browser: httpx.AsyncClient) -> None:
    """Fail unless jobs are added and run by each way."""
    assert await (await jobs.double.trigger(2, client=client)).result("30s") == 4
    assert await (await jobs.pass_on.trigger(3, client=client)).result("30s")
    assert await asyncio.to_thread(jobs.double.sync.trigger, 4, client=blocking)
    answer = await browser.get("/api/queues")
    assert answer.status_code == 200, answer.text


def run_command(settings: Settings) -> str:
    """Return what `midday-worker queues` prints, as a process with these settings in its environment."""
    given = {name: settings.revealed()[name] for name in settings.model_fields_set}
    ended = subprocess.run(
        [sys.executable, "-m", "midday_worker", "queues", "--json"],
        env={**os.environ, **{variable_of(name): str(value) for name, value in given.items()}},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


async def test_a_password_that_cannot_be_read_is_tried_again(
    mortal_redis: RedisServer, redis: Redis, tmp_path: Path
) -> None:
    rotation = Rotation(redis, tmp_path / "secret", "{}")
    url = mortal_redis.url.replace("//", "//worker@")
    settings = Settings(env_file=None, redis_url=url, redis_password_file=str(tmp_path / "secret"))
    async with JobClient(settings) as client:
        (tmp_path / "secret").rename(tmp_path / "away")
        with pytest.raises(RedisUnavailableError, match=r"REDIS_PASSWORD_FILE can't be read: .*No such file"):
            await jobs.double.trigger(1, client=client)
        (tmp_path / "away").rename(tmp_path / "secret")
        assert await jobs.double.trigger(1, client=client)
        await rotation.rotate()
        assert await jobs.double.trigger(2, client=client)


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("no_such_module:credentials", "can't be imported: No module named 'no_such_module'"),
        (f"{jobs.__name__}:nothing", "can't be imported: module .* has no attribute 'nothing'"),
        (f"{jobs.__name__}:NO_CREDENTIALS", "is no redis.CredentialProvider, but 'of no use'"),
    ],
)
async def test_what_names_no_credentials_is_said(named: str, why: str) -> None:
    client = JobClient(Settings(env_file=None, redis_credentials=named))
    with pytest.raises(ConfigurationError, match=f"REDIS_CREDENTIALS is '{named}', which {why}"):
        await jobs.double.trigger(1, client=client)


async def test_a_client_s_certificate_is_shown_by_all_connections(mortal_redis: RedisServer, tmp_path: Path) -> None:
    """The server knows nobody without; its own certificate's authority is no one that the machine trusts."""
    certificate, key = write_certificate(tmp_path)
    jobs.started, jobs.may_end = asyncio.Event(), asyncio.Event()
    async with TlsProxy(mortal_redis, (certificate, key), clients=certificate) as proxy:
        known = Settings(
            env_file=None,
            redis_url=proxy.url,
            redis_tls_ca_file=str(certificate),
            redis_tls_cert_file=str(certificate),
            redis_tls_key_file=str(key),
        )
        async with Crew(jobs.registry, known, configs=CONFIGS) as crew, JobClient(known) as client:
            held = await jobs.hold.trigger(7, client=client)

            async def is_renewed() -> bool:
                return crew.tallies["held"].lock_renewals > 0

            await eventually(is_renewed, "the lock of the job that runs is renewed")
            assert await (await jobs.double.trigger(2, client=client)).result("30s") == 4
            assert await (await jobs.pass_on.trigger(3, client=client)).result("30s")
            jobs.may_end.set()
            assert await held.result("30s") == 7
        unknown = Settings(env_file=None, redis_url=proxy.url, redis_tls_ca_file=str(certificate))
        async with JobClient(unknown) as client:
            # As which of its two ends closes the connection first.
            with pytest.raises((RedisRefusedError, RedisUnavailableError)):
                await jobs.double.trigger(1, client=client)
