"""What can be a middleware, and in which order several are."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from midday_worker import AttemptCall, AttemptNext, DefinitionError, JobContext, JobRegistry, job

AnyCall = AttemptCall[object]
AnyNext = AttemptNext[object, object]


async def right(call: AnyCall, call_next: AnyNext) -> object:
    return await call_next(call)


def plain(call: AnyCall, call_next: AnyNext) -> object:
    return call_next(call)


async def of_one(call: AnyCall) -> object:
    return call


class Callable_:
    async def __call__(self, call: AnyCall, call_next: AnyNext) -> object:
        return await call_next(call)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (plain, r"plain \(.*test_middleware.py:\d+\) is no async function; accepted for around_attempt"),
        (of_one, r"of_one .* takes \(call: .*\) -> .*; accepted"),
        (5, "Middleware 5 is no async function"),
    ],
)
def test_what_cannot_be_called_as_one_is_refused_where_it_is_added(wrong: object, said: str) -> None:
    add = cast("Callable[[object], object]", JobRegistry().middleware.around_attempt)
    with pytest.raises(DefinitionError, match=said):
        add(wrong)


def test_an_object_that_can_be_called_is_one() -> None:
    one = Callable_()
    assert JobRegistry().middleware.around_attempt(one) is one


def test_the_registry_s_are_around_the_queue_s_and_these_around_the_job_s() -> None:
    registry = JobRegistry()

    async def other(call: AnyCall, call_next: AnyNext) -> object:
        return await call_next(call)

    @job("a", queue="q", registry=registry)
    async def a(data: object, ctx: JobContext) -> object: ...

    a.middleware.around_attempt(other)
    one, two = Callable_(), Callable_()
    registry.middleware_of("q").around_attempt(one)
    registry.middleware.around_attempt(right)
    registry.middleware.around_attempt(two)
    registry.middleware_of("elsewhere").around_attempt(plain_of_elsewhere)
    assert a.middleware.attempt == (right, two, one, other)


async def plain_of_elsewhere(call: AnyCall, call_next: AnyNext) -> object:
    return await call_next(call)


def test_a_job_that_runs_elsewhere_has_no_attempts_here() -> None:
    declared = job("sms", str, registry=JobRegistry())
    with pytest.raises(DefinitionError, match="has no handler, so nothing can be around its attempts here"):
        declared.middleware.around_attempt(cast("object", right))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - whatever it is
