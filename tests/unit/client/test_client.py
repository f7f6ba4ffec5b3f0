"""Which client a call uses, and what a closed one says; no server is reached."""

from __future__ import annotations

import asyncio

import pytest

from midday_worker import ConfigurationError, JobClient, PayloadError, Settings, close_clients
from midday_worker.client.client import current_client, redis_config
from midday_worker.errors import ClientClosedError
from tests.unit.sample import Parcel, pack

SETTINGS = Settings.model_construct()


async def test_the_innermost_client_that_was_entered_is_used() -> None:
    async with JobClient(SETTINGS) as outer:
        async with JobClient(SETTINGS) as inner:
            assert current_client() is inner
        assert current_client() is outer


async def test_a_client_that_was_entered_serves_all_tasks_of_its_loop() -> None:
    async def ask() -> JobClient:
        return current_client()

    waiting = asyncio.Event()

    async def started_before() -> JobClient:
        await waiting.wait()
        return current_client()

    before = asyncio.create_task(started_before())
    async with JobClient(SETTINGS) as client:
        waiting.set()
        assert await before is client
        assert await asyncio.create_task(ask()) is client


async def test_without_one_a_client_is_made_once_and_closed_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://localhost:1")

    made = current_client()
    assert current_client() is made
    await close_clients()

    with pytest.raises(ClientClosedError):
        _ = made.connection
    assert current_client() is not made
    await close_clients()
    await close_clients()


def test_each_event_loop_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://localhost:1")

    async def ask() -> JobClient:
        client = current_client()
        await close_clients()
        return client

    assert asyncio.run(ask()) is not asyncio.run(ask())


async def test_a_wrong_url_is_a_configuration_error_at_the_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "http://localhost")

    with pytest.raises(ConfigurationError, match="REDIS_URL"):
        await pack.trigger(Parcel(order_id="o1"))


async def test_a_closed_client_refuses_and_can_be_closed_again() -> None:
    client = JobClient(SETTINGS)
    await client.close()
    await client.close()

    with pytest.raises(ClientClosedError, match="This JobClient is closed"):
        await pack.trigger(Parcel(order_id="o1"), client=client)


async def test_a_queue_is_made_once() -> None:
    async with JobClient(SETTINGS) as client:
        assert client.queue("mail") is client.queue("mail")
        assert client.queue("mail") is not client.queue("reports")


async def test_a_payload_beyond_the_limit_is_refused_without_a_server() -> None:
    async with JobClient(Settings.model_construct(max_payload_bytes=100)):
        with pytest.raises(PayloadError, match="MAX_PAYLOAD_BYTES allows 100"):
            await pack.trigger(Parcel(order_id="o" * 100))


def test_the_engine_gets_url_prefix_and_time_limit() -> None:
    config = redis_config(Settings.model_construct(redis_prefix="mine", redis_command_timeout=7))

    assert (config.url, config.prefix, config.command_timeout_ms) == ("redis://localhost:6379", "mine", 7)
