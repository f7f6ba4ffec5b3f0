"""Triggering from a web application: no worker, no client of its own, and a clean end."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

import pytest
import uvicorn
from fastapi import FastAPI
from redis.asyncio import Redis

import midday_worker
from midday_worker import JobContext, JobRegistry, Payload, job
from midday_worker.testing import RedisServer
from tests.deadline import eventually

REGISTRY = JobRegistry()


class Order(Payload):
    order_id: str


@job("pack", registry=REGISTRY)
async def pack(data: Order, ctx: JobContext) -> str:
    return data.order_id


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    yield
    await midday_worker.close_clients()


app = FastAPI(lifespan=lifespan)


@app.post("/orders/{order_id}")
async def place_order(order_id: str) -> dict[str, str]:
    triggered = await pack.trigger(Order(order_id=order_id))
    return {"id": triggered.id, "state": await triggered.state()}


def post(port: int, path: str) -> dict[str, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method="POST")
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - http, to loopback
        return cast("dict[str, str]", json.load(response))


async def test_a_fastapi_handler_triggers_without_a_worker_or_a_client(
    redis_server: RedisServer, redis_prefix: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    monkeypatch.setenv("REDIS_PREFIX", redis_prefix)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="on"))
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await eventually(started, "the server has started")
    port: int = server.servers[0].sockets[0].getsockname()[1]
    answers = await asyncio.gather(*(asyncio.to_thread(post, port, f"/orders/o{number}") for number in range(20)))
    server.should_exit = True
    await serving

    assert {answer["state"] for answer in answers} == {"waiting"}
    stored = [await redis.hget(f"{redis_prefix}:default:{answer['id']}", "data") for answer in answers]
    assert sorted(json.loads(data or "")["orderId"] for data in stored) == sorted(f"o{number}" for number in range(20))
