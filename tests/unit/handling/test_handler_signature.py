"""How handlers are called, and which ones can be called so."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import cast

import pytest

from midday_worker import BatchOptions, DefinitionError, JobContext, JobRegistry, SyncJobContext, job


async def handle(data: int, ctx: JobContext) -> str:
    return str(data)


@pytest.fixture
def registry() -> JobRegistry:
    return JobRegistry()


class Mistakes:
    """Handlers that can't be called with a payload and a context."""

    async def without_context(self, data: int) -> None: ...

    async def with_too_much(self, data: int, ctx: JobContext, extra: int) -> None: ...

    async def with_a_context_by_name(self, data: int, *, ctx: JobContext) -> None: ...

    async def handled(self, data: int, ctx: JobContext) -> None:
        """What lacks its object."""

    async def with_the_context_first(self, ctx: JobContext, data: None) -> int:
        return 1

    async def with_more_by_name(self, data: int, ctx: JobContext, *, factor: int) -> None: ...


@pytest.mark.parametrize(
    "handler",
    [
        Mistakes().without_context,
        Mistakes().with_too_much,
        Mistakes().with_a_context_by_name,
        Mistakes().with_more_by_name,
        Mistakes.handled,
        functools.partial(handle, 5),
        lambda: None,
    ],
)
def test_a_handler_that_takes_other_than_two_arguments_is_refused(
    handler: Callable[[int, JobContext], Awaitable[None]], registry: JobRegistry
) -> None:
    """Each of its attempts would end in a TypeError."""
    with pytest.raises(
        DefinitionError, match=r"job 'pay' at .*test_handler_signature.py:\d+ takes \(.*def handle\(data: MyPayl"
    ):
        job("pay", int, handler, registry=registry)
    with pytest.raises(DefinitionError, match=r"takes \(.*def handle\(data: MyPayload"):
        job("pay", registry=registry)(handler)
    assert len(registry) == 0


def test_the_signature_that_is_wanted_is_shown(registry: JobRegistry) -> None:
    def plain_one(data: int) -> int:
        return data

    with pytest.raises(DefinitionError, match=r"`async def handle\(data: MyPayload, ctx: JobContext\) -> MyResult`"):
        job("pay", registry=registry)(cast("Callable[[int, JobContext], Awaitable[None]]", Mistakes().without_context))
    with pytest.raises(DefinitionError, match=r"takes \(data.*\).* `def handle\(data: MyPayload, ctx: SyncJobContext"):
        job("pay", registry=registry)(cast("Callable[[int, SyncJobContext], int]", plain_one))


def test_a_handler_that_takes_the_context_first_is_refused(registry: JobRegistry) -> None:
    handler = cast("Callable[[None, JobContext], Awaitable[int]]", Mistakes().with_the_context_first)
    said = r"job 'sweep' at .*test_handler_signature.py:\d+ takes the context first; accepted: .*`\(data: None, ctx\)`"
    with pytest.raises(DefinitionError, match=said):
        job("sweep", None, handler, registry=registry)
    with pytest.raises(DefinitionError, match=said):
        job("sweep", registry=registry)(handler)
    assert len(registry) == 0


def test_a_handler_may_take_more_than_it_is_given(registry: JobRegistry) -> None:
    async def with_default(data: int, ctx: JobContext, factor: int = 2) -> int:
        return data * factor

    async def with_any(*given: object) -> None: ...

    async def with_a_service(data: int, ctx: JobContext, service: str) -> str:
        return service

    @functools.wraps(with_a_service)
    async def wrapper(data: int, ctx: JobContext) -> str:
        return await with_a_service(data, ctx, "mail")

    for name, handler in (("default", with_default), ("any", with_any), ("wrapped", wrapper), ("in C", divmod)):
        job(name, int, cast("Callable[[int, JobContext], Awaitable[object]]", handler), registry=registry)
    assert len(registry) == 4


def test_a_handler_whose_signature_nobody_knows_is_taken(registry: JobRegistry) -> None:
    untyped = cast("Callable[[list[int], JobContext], Awaitable[int]]", max)
    job("largest", list[int], untyped, registry=registry)
    with pytest.raises(DefinitionError, match="needs an annotation on its first parameter"):
        job("smallest", registry=registry)(untyped)


def test_a_wrapper_that_changes_the_parameters_is_judged_by_its_own(registry: JobRegistry) -> None:
    def swapped(
        handler: Callable[[JobContext, int], Awaitable[int]],
    ) -> Callable[[int, JobContext], Awaitable[int]]:
        @functools.wraps(handler)
        async def call(data: int, ctx: JobContext) -> int:
            return await handler(ctx, data)

        return call

    async def handle(ctx: JobContext, data: int) -> int:
        return data

    defined = job("swapped", registry=registry)(swapped(handle))
    assert defined.schema.type is int


def yielding(data: int, ctx: SyncJobContext) -> Iterator[int]:
    yield data


async def yielding_on_the_loop(data: int, ctx: JobContext) -> AsyncIterator[int]:
    yield data


class Yielding:
    def __call__(self, data: int, ctx: SyncJobContext) -> Iterator[int]:
        yield from range(data)

    async def on_the_loop(self, data: int, ctx: JobContext) -> AsyncIterator[int]:
        yield data


@pytest.mark.parametrize("batch", [None, BatchOptions(max_size=2)])
@pytest.mark.parametrize("as_decorator", [True, False])
@pytest.mark.parametrize(
    "handler",
    [
        *(yielding, yielding_on_the_loop, Yielding(), Yielding().on_the_loop),
        functools.partial(yielding),
        functools.partial(functools.partial(yielding_on_the_loop)),
    ],
)
def test_a_handler_that_yields_is_refused(
    handler: Callable[..., object], as_decorator: bool, batch: BatchOptions | None, registry: JobRegistry
) -> None:
    define = cast("Callable[..., Callable[[object], object]]", job)
    with pytest.raises(DefinitionError, match=r"job 'pay' at .*test_handler_signature.py:\d+ has a `yield`, so that"):
        if as_decorator:
            define("pay", registry=registry, batch=batch)(handler)
        else:
            define("pay", int, handler, registry=registry, batch=batch)


def test_a_wrapper_that_goes_through_what_is_yielded_is_accepted(registry: JobRegistry) -> None:
    @functools.wraps(yielding, assigned=["__name__"])
    def total(data: int, ctx: SyncJobContext) -> int:
        return sum(yielding(data, ctx))

    assert job("pay", int, total, registry=registry).handler is total
