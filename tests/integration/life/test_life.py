"""The job's life, by rules in any order: a model predicts every job's state and the counts after each of them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Coroutine, Iterator
from typing import ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from loguru import logger

from midday_worker import Settings
from midday_worker.testing import RedisServer
from tests.integration.life.model import Model, ModelJob
from tests.integration.life.reality import QUEUE, Reality

T = TypeVar("T")

HOUR_MS = 3_600_000


class Life(RuleBasedStateMachine):
    """Each rule does the same to the model and to the real queue."""

    redis_url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._model = Model()
        self._added = 0
        settings = Settings(env_file=None, redis_url=self.redis_url, redis_prefix=f"life-{secrets.token_hex(6)}")
        self._real = self._do(_make(settings))

    @rule(
        attempts=st.integers(1, 3),
        backoff_ms=st.sampled_from([0, 0, HOUR_MS]),
        delayed=st.sampled_from([False, False, True]),
        place=st.sampled_from(["fifo", "fifo", "lifo", "1", "2"]),
    )
    def add(self, attempts: int, backoff_ms: int, delayed: bool, place: str) -> None:
        self._added += 1
        job_id = f"job {self._added}"
        priority, lifo = (int(place), False) if place.isdigit() else (0, place == "lifo")
        self._do(
            self._real.definition.trigger(
                job_id,
                client=self._real.client,
                job_id=job_id,
                attempts=attempts,
                backoff=backoff_ms,
                delay=HOUR_MS if delayed else 0,
                lifo=lifo,
                priority=priority,
            )
        )
        self._model.add(job_id, ModelJob(attempts, priority, lifo, backoff_ms), delayed=delayed)

    @precondition(lambda self: self._model.active is not None)
    @rule(verdict=st.sampled_from(["complete", "fail", "fail", "give up"]))
    def end(self, verdict: str) -> None:
        self._do(self._real.decide(self._active(), verdict))
        if verdict == "complete":
            self._model.complete()
        else:
            self._model.fail(final=verdict == "give up")

    @precondition(lambda self: self._model.active is not None)
    @rule(crashed=st.booleans())
    def lose(self, crashed: bool) -> None:
        job_id = self._active()
        self._do(self._real.crash(job_id) if crashed else self._real.redeploy(job_id))
        self._model.lose(crashed=crashed)

    @precondition(lambda self: self._model.having("delayed"))
    @rule(data=st.data())
    def promote(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(self._model.having("delayed")))
        self._do(self._promote(job_id))
        self._model.promote(job_id)

    @precondition(lambda self: self._model.having("delayed"))
    @rule(data=st.data())
    def change_delay(self, data: st.DataObject) -> None:
        self._do(self._change_delay(data.draw(st.sampled_from(self._model.having("delayed")))))

    @precondition(lambda self: self._model.having("failed", "completed"))
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(self._model.having("failed", "completed")))
        self._do(self._retry(job_id, self._model.jobs[job_id].state))
        self._model.retry(job_id)

    @precondition(lambda self: self._model.jobs)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self._model.jobs)))
        if job_id == self._model.active:
            with pytest.raises(Exception, match="locked"):
                self._do(self._remove(job_id))
        else:
            self._do(self._remove(job_id))
            self._model.remove(job_id)

    @rule()
    def pause_or_resume(self) -> None:
        queue = self._real.client.queue(QUEUE)
        if self._model.paused:
            self._do(_awaited(queue.resume()))
            self._model.resume()
        else:
            self._do(_awaited(queue.pause()))
            self._model.pause()

    @invariant()
    def the_model_is_right(self) -> None:
        note(f"{dict(self._model.counts())}, active: {self._model.active}")
        self._do(self._real.agrees_with(self._model))

    def teardown(self) -> None:
        self._do(self._real.close())
        self._runner.close()

    async def _promote(self, job_id: str) -> None:
        await (await self._real.find(job_id)).promote()

    async def _change_delay(self, job_id: str) -> None:
        await (await self._real.find(job_id)).changeDelay(2 * HOUR_MS)

    async def _retry(self, job_id: str, state: str) -> None:
        await (await self._real.find(job_id)).retry(state)

    async def _remove(self, job_id: str) -> None:
        await (await self._real.find(job_id)).remove()

    def _active(self) -> str:
        assert self._model.active is not None
        return self._model.active

    def _do(self, what: Coroutine[object, object, T]) -> T:
        return self._runner.run(what)


async def _make(settings: Settings) -> Reality:
    real = Reality(settings)
    await real.start()
    return real


async def _awaited(what: Awaitable[object]) -> None:
    await what


@pytest.fixture
def no_log() -> Iterator[None]:
    """Keep the workers' log out of the report of a failure, which shows the steps."""
    logger.disable("midday_worker")
    yield
    logger.enable("midday_worker")


@pytest.mark.usefixtures("no_log")
def test_the_model_predicts_the_real_queue(redis_server: RedisServer) -> None:
    class Here(Life):
        redis_url = redis_server.url

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            print_blob=True,
            phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
