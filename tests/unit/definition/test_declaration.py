"""Jobs without a handler: triggered here, run elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from pydantic import SecretStr

from midday_worker import (
    BatchOptions,
    DefinitionError,
    JobContext,
    JobDeclaration,
    JobRegistry,
    OptionError,
    Payload,
    PayloadError,
    QueueRegistry,
    job,
)
from midday_worker.errors import DuplicateJobError, NoHandlerError, SchemaError
from midday_worker.testing import FakeJob, recording_client, run_job

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


class Sms(Payload):
    phone_number: str


class SmsSent(Payload):
    parts: int


SMS = Sms(phone_number="+4670")


@pytest.fixture
def registry() -> JobRegistry:
    return JobRegistry(QueueRegistry())


@pytest.fixture
def send_sms(registry: JobRegistry) -> JobDeclaration[Sms, SmsSent]:
    return job("send-sms", Sms, result=SmsSent, queue="sms", attempts=5, backoff="1s", registry=registry)


async def handle(data: Sms, ctx: JobContext) -> SmsSent:
    return SmsSent(parts=1)


def test_it_is_registered_with_queue_options_schemas_and_place(
    send_sms: JobDeclaration[Sms, SmsSent], registry: JobRegistry
) -> None:
    handled = job("handled", Sms, handle, queue="sms", registry=registry)

    assert repr(send_sms) == "JobDeclaration('send-sms', queue='sms')"
    assert (send_sms.options.attempts, send_sms.schema.type) == (5, Sms)
    assert "test_declaration.py:" in send_sms.defined_at
    assert [definition.id for definition in registry] == ["handled", "send-sms"]
    assert (registry.declared(), registry.declared("sms"), registry.declared("mail")) == ([send_sms], [send_sms], [])
    assert (registry.handled(), registry.handled("sms"), registry.handled("mail")) == ([handled], [handled], [])


def test_it_may_have_no_payload(registry: JobRegistry) -> None:
    assert job("sweep", None, result=int, registry=registry).schema.is_none
    assert job("ping", None, registry=registry).schema.is_none


async def test_it_is_triggered_in_every_way(send_sms: JobDeclaration[Sms, SmsSent], registry: JobRegistry) -> None:
    handled = job("handled", Sms, handle, registry=registry)

    async with recording_client() as client:
        await send_sms.trigger(SMS, delay="5s", timeout="1m")
        await send_sms.batch_trigger([{"payload": SMS}, {"payload": {"phoneNumber": "+4670"}}])
        await send_sms.trigger_recurring(SMS, every="1h")
        await handled.trigger_flow(SMS, [send_sms.node(SMS)])
        with pytest.raises(PayloadError, match="job 'send-sms': phoneNumber"):
            await send_sms.trigger({"phone": "+4670"})

    client.assert_triggered(send_sms, SMS, times=4)
    client.assert_scheduled(send_sms, every="1h")


def test_a_stored_result_is_read_by_its_declared_type(
    send_sms: JobDeclaration[Sms, SmsSent], registry: JobRegistry
) -> None:
    without = job("without-result", Sms, registry=registry)
    nothing = job("nothing", Sms, result=None, registry=registry)

    assert send_sms.parse_result({"parts": 2}) == SmsSent(parts=2)
    with pytest.raises(PayloadError, match="Invalid stored result for job 'send-sms': parts"):
        send_sms.parse_result({"parts": "many"})
    assert without.parse_result({"of": "any form"}) == {"of": "any form"}
    with pytest.raises(PayloadError, match="stored result"):
        nothing.parse_result(1)


async def test_to_run_it_here_is_refused(send_sms: JobDeclaration[Sms, SmsSent]) -> None:
    refusal = r"^Job 'send-sms' is declared without a handler, at .*test_declaration\.py:\d+: it is to be run elsewhere"

    with pytest.raises(NoHandlerError, match=refusal) as failure:
        await run_job(send_sms, SMS)
    with pytest.raises(NoHandlerError, match=refusal):
        await send_sms.execute(FakeJob({"not": "its schema"}))
    with pytest.raises(NoHandlerError, match=refusal):
        await send_sms.runner.run(FakeJob.of(send_sms, SMS), cast("AsyncSession", None))

    assert failure.value.job == "send-sms"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("timeout", "5s"),
        ("timeout", None),
        ("retry_on_timeout", False),
        ("retry_on", OSError),
        ("fail_on", OSError),
        ("backoff", max),
        ("executor", "process"),
        ("max_tasks_per_child", 5),
        ("batch", BatchOptions()),
    ],
)
def test_an_option_of_handlers_is_refused_and_defines_nothing(
    option: str, value: object, registry: JobRegistry
) -> None:
    options = cast("dict[str, str]", {option: value})  # as of an untyped caller

    with pytest.raises(OptionError, match=rf"Job 'send-sms' at .*py:\d+ has .*{option}.*, but no handler") as failure:
        job("send-sms", Sms, registry=registry, **options)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue] - the mistake

    assert failure.value.option == option
    assert len(registry) == 0


@pytest.mark.parametrize("moment", ["on_start", "on_success", "on_failure", "on_exhausted", "on_end"])
def test_a_hook_of_it_is_refused(moment: str, send_sms: JobDeclaration[Sms, SmsSent]) -> None:
    with pytest.raises(DefinitionError, match=r"'send-sms' at .* has no handler, so no hook"):
        getattr(send_sms.hooks, moment)(print)


def test_a_taken_name_is_refused_with_both_places(
    send_sms: JobDeclaration[Sms, SmsSent], registry: JobRegistry
) -> None:
    with pytest.raises(DuplicateJobError, match=r"'send-sms' is defined twice: .*test_declaration\.py:\d+, again at"):
        job("send-sms", Sms, handle, registry=registry)
    with pytest.raises(DuplicateJobError):
        job("send-sms", Sms, registry=registry)
    assert registry.all() == [send_sms]


def test_a_result_beside_a_handler_or_without_a_schema_is_refused(registry: JobRegistry) -> None:
    for arguments in ((Sms, handle), ()):
        with pytest.raises(DefinitionError, match="has result=, which is for a job with a schema and no handler"):
            job("send-sms", *arguments, result=SmsSent, registry=registry)  # pyright: ignore[reportArgumentType, reportCallIssue] - the mistake
    assert len(registry) == 0


def test_a_result_that_can_not_travel_is_refused(registry: JobRegistry) -> None:
    with pytest.raises(SchemaError, match="The schema of job 'send-sms'"):
        job("send-sms", Sms, result=SecretStr, registry=registry)


def test_as_a_decorator_a_schema_is_too_much(registry: JobRegistry) -> None:
    declared = job("send-sms", Sms, registry=registry)

    with pytest.raises(DefinitionError, match="needs a schema and a handler, or neither, as a decorator"):
        declared(handle)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - the mistake
