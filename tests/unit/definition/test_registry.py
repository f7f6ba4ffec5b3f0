"""`job()` and the registry: names, places, annotations, and packages that are loaded."""

from __future__ import annotations

import fractions
import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pytest
from pydantic import SecretStr
from typing_extensions import TypeForm

from midday_worker import (
    DefinitionError,
    JobContext,
    JobDefinition,
    JobRegistry,
    OptionError,
    QueueRegistry,
    SyncJobContext,
    default_registry,
    job,
    queue,
)
from midday_worker.errors import DuplicateJobError, DurationError, SchemaError, UnknownJobError
from midday_worker.testing import run_job

if TYPE_CHECKING:
    from decimal import Decimal

    from midday_worker import JobContext as Context


async def handle(data: int, ctx: JobContext) -> str:
    return str(data)


@pytest.fixture
def registry() -> JobRegistry:
    return JobRegistry(QueueRegistry())


def test_a_job_registers_itself(registry: JobRegistry) -> None:
    definition = job("pay", int, handle, registry=registry)

    assert "pay" in registry
    assert registry.get("pay") is registry.find("pay") is cast("JobDefinition[object, object]", definition)
    assert len(registry) == 1
    assert definition.queue == "default"


def test_jobs_are_listed_by_id(registry: JobRegistry) -> None:
    for name in ("pay", "bill"):
        job(name, int, handle, registry=registry)

    assert [definition.id for definition in registry] == [definition.id for definition in registry.all()]
    assert [definition.id for definition in registry] == ["bill", "pay"]


def test_without_a_registry_it_is_the_default_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("midday_worker.definition.registry.default_registry._jobs", {})

    job("pay", int, handle)

    assert [definition.id for definition in default_registry] == ["pay"]


def test_an_id_that_is_taken_is_refused_with_both_places(registry: JobRegistry) -> None:
    job("pay", int, handle, registry=registry)

    with pytest.raises(DuplicateJobError) as failure:

        @job("pay", registry=registry)
        async def again(data: int, ctx: JobContext) -> None: ...

    assert str(failure.value).count("test_registry.py:") == 2
    assert len(registry) == 1


def test_one_id_may_be_used_in_two_registries(registry: JobRegistry) -> None:
    job("pay", int, handle, registry=registry)
    job("pay", int, handle, registry=JobRegistry())


def test_an_unknown_job_is_refused_with_near_names(registry: JobRegistry) -> None:
    job("send-email", int, handle, registry=registry)

    assert registry.find("send-mail") is None
    with pytest.raises(
        UnknownJobError, match=r"No job named 'send-mail' is registered \(1 are\)\. Did you mean"
    ) as failure:
        registry.get("send-mail")
    assert failure.value.near == ("send-email",)
    assert registry.near("xyz") == []


@pytest.mark.parametrize("name", ["", None, 5])
def test_an_id_that_is_no_text_is_refused(name: str, registry: JobRegistry) -> None:
    with pytest.raises(DefinitionError, match=r"A job at .*test_registry.py:\d+ is named"):
        job(name, int, handle, registry=registry)


@pytest.mark.parametrize("name", ["invoice:send", "Skicka påminnelse", "12"])
def test_an_id_may_be_any_text_as_in_node(name: str, registry: JobRegistry) -> None:
    assert job(name, int, handle, registry=registry).id == name


def test_a_handler_without_a_schema_is_refused(registry: JobRegistry) -> None:
    with pytest.raises(DefinitionError, match="needs a schema and a handler, or neither, as a decorator"):
        job("pay", handler=handle, registry=registry)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue] - the mistake
    assert len(registry) == 0


def test_a_handler_that_can_not_be_called_is_refused(registry: JobRegistry) -> None:
    with pytest.raises(DefinitionError, match=r"The handler of job 'pay' at .* is 5; accepted: a function"):
        job("pay", int, cast("Callable[[int, SyncJobContext], int]", 5), registry=registry)
    with pytest.raises(DefinitionError, match=r"The handler of job 'pay' at .* is 5; accepted: a function"):
        job("pay", registry=registry)(cast("Callable[[int, SyncJobContext], int]", 5))


def test_a_schema_that_can_not_travel_is_refused_with_the_jobs_name(registry: JobRegistry) -> None:
    async def secret(data: SecretStr, ctx: JobContext) -> None: ...

    with pytest.raises(
        SchemaError, match=r"The schema of job 'pay' at .*test_registry.py:\d+: Values of .* can't travel"
    ):
        job("pay", SecretStr, secret, registry=registry)
    assert len(registry) == 0


def test_a_wrong_option_or_queue_defines_nothing(registry: JobRegistry) -> None:
    with pytest.raises(
        OptionError, match=r"^Job 'pay' at .*test_registry.py:\d+: .*Did you mean 'attempts'"
    ) as failure:
        job("pay", int, handle, registry=registry, attemps=3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue] - the mistake
    with pytest.raises(OptionError, match="job_id belongs to a single call"):
        job("pay", int, handle, registry=registry, job_id="1")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue] - the mistake
    with pytest.raises(DurationError, match=r"^Job 'pay' at .*test_registry.py:\d+: option timeout is 'soon'"):
        job("pay", int, handle, registry=registry, timeout="soon")
    with pytest.raises(DefinitionError, match=r"A queue of job 'pay' at .*test_registry.py:\d+ is named 'a:b'"):
        job("pay", int, handle, registry=registry, queue="a:b")
    assert failure.value.option == "attemps"
    assert len(registry) == 0


def test_a_queue_is_named_by_text_or_object(registry: JobRegistry) -> None:
    mail = queue("mail", registry=registry.queues, attempts=9)

    assert job("a", int, handle, registry=registry, queue=mail).queue == "mail"
    assert job("b", int, handle, registry=registry, queue="mail").options.attempts == 9


def test_a_decorators_schema_and_result_are_the_annotations(registry: JobRegistry) -> None:
    @job("pay", registry=registry, attempts=2)
    async def pay(data: list[int], ctx: JobContext) -> dict[str, int] | None: ...

    assert pay.schema.type == list[int]
    assert pay.result_schema is not None
    assert pay.result_schema.type == dict[str, int] | None
    assert pay.options.attempts == 2
    assert pay.defined_at.endswith(
        f":{test_a_decorators_schema_and_result_are_the_annotations.__code__.co_firstlineno + 1}"
    )


def test_a_decorated_handler_without_annotation_is_refused(registry: JobRegistry) -> None:
    def bare(data, ctx):  # type: ignore[no-untyped-def]  # pyright: ignore[reportMissingParameterType, reportUnknownParameterType] - the mistake
        ...

    with pytest.raises(DefinitionError, match=r"job 'pay' at .*test_registry.py:\d+ needs an annotation on its first"):
        job("pay", registry=registry)(cast("Callable[[int, SyncJobContext], int]", bare))


def test_a_payloads_annotation_that_is_for_checkers_only_is_refused(registry: JobRegistry) -> None:
    async def priced(data: Decimal, ctx: JobContext) -> None: ...

    with pytest.raises(
        DefinitionError, match=r"The payload's annotation 'Decimal' of job 'pay' at .* can't be resolved"
    ):
        job("pay", registry=registry)(priced)


def test_with_a_schema_the_handlers_annotations_may_be_for_checkers_only(registry: JobRegistry) -> None:
    import decimal

    async def priced(data: Decimal, ctx: JobContext) -> None: ...

    definition = job("pay", decimal.Decimal, priced, registry=registry)

    assert definition.result_schema is not None


def test_a_results_annotation_that_is_for_checkers_only_is_refused(registry: JobRegistry) -> None:
    """Its results would come back unchecked, as dictionaries."""

    async def priced(data: int, ctx: JobContext) -> Decimal:
        raise NotImplementedError

    refused = r"The result's annotation 'Decimal' of job 'pay' at .*test_registry\.py:\d+ can't be .*Import them at run"
    with pytest.raises(DefinitionError, match=refused):
        job("pay", registry=registry)(priced)
    with pytest.raises(DefinitionError, match=refused):
        job("pay", int, priced, registry=registry)
    assert len(registry) == 0


def test_a_contexts_annotation_may_be_for_checkers_only(registry: JobRegistry) -> None:
    async def counted(data: int, ctx: Context) -> str:
        return str(data)

    definition = job("pay", registry=registry)(counted)

    assert definition.result_schema is not None
    assert definition.result_schema.type is str


def test_a_wrappers_annotations_are_resolved_where_they_were_written(registry: JobRegistry) -> None:
    source = (
        "from __future__ import annotations\n"
        "from fractions import Fraction\n"
        "async def counted(data: int, ctx: OnlyForCheckers) -> Fraction: ...\n"
    )
    module: dict[str, Callable[[int, JobContext], Awaitable[object]]] = {}
    exec(source, module)  # noqa: S102 - a module with names that this one hasn't

    @functools.wraps(module["counted"])
    async def wrapper(data: int, ctx: JobContext) -> object:
        return await module["counted"](data, ctx)

    definition = job("pay", registry=registry)(wrapper)

    assert definition.result_schema is not None
    assert definition.result_schema.type is fractions.Fraction


@dataclass
class Doubler:
    """A handler that is an object; its fields are no parameters."""

    data: str

    async def __call__(self, data: int, ctx: JobContext) -> int:
        return data * 2

    async def method(self, data: int, ctx: JobContext) -> int:
        return data * 3


async def scaled(data: int, ctx: JobContext, *, factor: int) -> int:
    return data * factor


def plain(data: int, ctx: SyncJobContext) -> int:
    return data * 5


@pytest.mark.parametrize(
    ("handler", "result"),
    [
        (Doubler("x"), 20),
        (Doubler("x").method, 30),
        (functools.partial(scaled, factor=4), 40),
        (plain, 50),
    ],
)
async def test_a_handler_may_be_an_object_a_method_a_partial_or_a_plain_function(
    handler: Callable[[int, JobContext], Awaitable[int]], result: int, registry: JobRegistry
) -> None:
    explicit = job("explicit", int, handler, registry=registry)
    decorated = job("decorated", registry=registry)(handler)

    assert await run_job(explicit, 10) == await run_job(decorated, 10) == result
    assert decorated.schema.type is int
    assert explicit.result_schema is not None


def test_a_decorator_without_parentheses_is_refused() -> None:
    with pytest.raises(
        DefinitionError, match=r'The job at .*test_registry.py:\d+ has no name; accepted: `@job\("name"\)`'
    ):

        @job  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType, reportUntypedFunctionDecorator] - the mistake
        async def forgotten(data: int, ctx: JobContext) -> None: ...


def test_a_type_that_pydantic_does_not_know_is_refused(registry: JobRegistry) -> None:
    with pytest.raises(SchemaError, match="The schema of job 'pay'"):
        job("pay", cast("TypeForm[int]", JobRegistry), handle, registry=registry)
