"""Middleware on a real Redis: around attempts of all kinds of handlers, and around all ways to add jobs."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from midday_worker import (
    AttemptCall,
    AttemptNext,
    BatchContext,
    BatchOptions,
    EnqueueCall,
    EnqueueNext,
    JobClient,
    JobContext,
    JobFailedError,
    JobRegistry,
    MiddlewareError,
    NonRetryableError,
    Payload,
    PayloadError,
    Settings,
    SyncJobContext,
    job,
)
from midday_worker.testing import recording_client
from tests.integration.crew import Crew
from tests.integration.execution.test_execution import add_unchecked


class Note(Payload):
    text: str
    tenant: str = "none"


AnyCall = AttemptCall[object]
AnyNext = AttemptNext[object, object]


IN_PROCESS = JobRegistry()
"""A process finds its job where its module defines it."""


@job("in-process", executor="process", registry=IN_PROCESS)
def in_process(data: str, ctx: SyncJobContext) -> str:
    return f"process {data}"


def listen(registry: JobRegistry, name: str, heard: list[str]) -> None:
    @registry.middleware.around_attempt
    async def around(call: AnyCall, call_next: AnyNext) -> object:
        heard.append(f"{name} begins attempt {call.attempt}")
        try:
            return await call_next(call)
        finally:
            heard.append(f"{name} ends")


async def test_they_are_around_one_another_and_around_hooks_no_more(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    heard: list[str] = []

    @job("shout", queue="voices", attempts=2, backoff=0, registry=registry)
    async def shout(data: str, ctx: JobContext) -> str:
        heard.append(f"handler {data}")
        if ctx.job.attemptsMade == 0:
            raise ValueError("not yet")
        return data.upper()

    @shout.middleware.around_attempt
    async def own(call: AttemptCall[str], call_next: AttemptNext[str, str]) -> str:
        heard.append("job begins")
        return await call_next(call.replace(f"{call.payload}!")) + "?"

    @registry.middleware_of("voices").around_attempt
    async def of_queue(call: AnyCall, call_next: AnyNext) -> object:
        heard.append("queue begins")
        return await call_next(call)

    listen(registry, "registry", heard)
    shout.hooks.on_start(lambda event: heard.append("hook starts"))
    shout.hooks.on_end(lambda event: heard.append(f"hook ends: {event.result}"))
    async with Crew(registry, settings):
        assert await (await shout.trigger("hey", client=client)).result("10s") == "HEY!?"
    first = ["hook starts", "registry begins attempt 1", "queue begins", "job begins", "handler hey!", "registry ends"]
    second = [line.replace("attempt 1", "attempt 2") for line in first]
    assert heard == [*first, *second, "hook ends: HEY!?"]


async def test_plain_process_and_batch_handlers_have_them_too(client: JobClient, settings: Settings) -> None:
    def in_thread(data: str, ctx: SyncJobContext) -> str:
        return f"thread {data}"

    async def together(data: list[str], ctx: BatchContext) -> list[str | Exception]:
        return [f"batch {each}" for each in data]

    jobs = [
        job("in-thread", str, in_thread, registry=IN_PROCESS),
        in_process,
        job("together", str, together, batch=BatchOptions(max_size=2, max_wait="50ms"), registry=IN_PROCESS),
    ]

    @IN_PROCESS.middleware.around_attempt
    async def twice(call: AnyCall, call_next: AnyNext) -> object:
        return f"{await call_next(call.replace(f'{call.payload}{call.payload}'))}."

    async with Crew(IN_PROCESS, settings):
        results = [await (await each.trigger("ab", client=client)).result("30s") for each in jobs]
    assert results == ["thread abab.", "process abab.", "batch abab."]


async def test_what_they_raise_fails_the_attempt_and_what_they_answer_is_the_result(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    runs: list[str] = []

    @job("count", attempts=3, backoff=0, registry=registry)
    async def count(data: str, ctx: JobContext) -> int:
        runs.append(data)
        return len(data)

    @count.middleware.around_attempt
    async def guard(call: AttemptCall[str], call_next: AttemptNext[str, int]) -> int:
        match call.payload:
            case "refused":
                raise NonRetryableError("not today")
            case "known":
                return 7
            case "replaced wrongly":
                call = call.replace({"no": "text"})
            case _:
                pass
        if call.payload == "wrong result":
            return "seven"  # type: ignore[return-value]  # pyright: ignore[reportReturnType] - a mistake of users
        return await call_next(call)

    async with Crew(registry, settings):
        assert await (await count.trigger("known", client=client)).result("10s") == 7
        assert await (await count.trigger("four", client=client)).result("10s") == 4
        for payload, reason in (
            ("refused", "not today"),
            ("replaced wrongly", "count"),
            ("wrong result", "The result of job 'count', a str, can't be stored"),
        ):
            with pytest.raises(JobFailedError, match=reason):
                await (await count.trigger(payload, client=client)).result("10s")
    assert runs == ["four"]


async def test_a_forgotten_return_and_a_second_call_say_what_to_do(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    runs: list[str] = []

    @job("count", attempts=3, registry=registry)
    async def count(data: str, ctx: JobContext) -> int:
        runs.append(data)
        return 1

    @job("sweep", attempts=3, registry=registry)
    async def sweep(data: str, ctx: JobContext) -> None: ...

    @registry.middleware.around_attempt
    async def forgetful(call: AnyCall, call_next: AnyNext) -> object:
        if call.payload == "never":
            return None
        if call.payload == "twice":
            await call_next(call)
        result = await call_next(call)
        return result if call.payload == "right" else None

    async with Crew(registry, settings):
        assert await (await count.trigger("right", client=client)).result("10s") == 1
        await (await sweep.trigger("forgotten", client=client)).result("10s")  # None is its result
        for definition, payload, reason in (
            (
                count,
                "forgotten",
                r"forgetful \(.*test_middleware.py:\d+\) returned nothing in place of the job's result",
            ),
            (count, "never", "returned nothing and didn't await call_next: `return await call_next"),
            (sweep, "never", "returned nothing and didn't await call_next: `return await call_next"),
            (count, "twice", "A middleware of job 'count' awaited call_next twice"),
        ):
            with pytest.raises(JobFailedError, match=reason) as caught:
                await (await definition.trigger(payload, client=client)).result("10s")
            assert caught.value.attempts == 1
    assert runs == ["right", "forgotten", "twice"]


async def test_an_attempt_at_an_invalid_payload_is_seen_and_one_of_an_unknown_job_is_not(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    seen: list[str] = []

    @job("note", registry=registry)
    async def note(data: Note, ctx: JobContext) -> None: ...

    @registry.middleware.around_attempt
    async def watch(call: AnyCall, call_next: AnyNext) -> object:
        seen.append(call.job.name)
        try:
            return await call_next(call)
        except Exception as error:
            seen.append(type(error).__mro__[1].__name__)
            raise

    async with Crew(registry, settings):
        await add_unchecked(client, "unheard-of", {})
        wrong = await add_unchecked(client, "note", {"text": 5})
        with pytest.raises(JobFailedError, match="stored payload"):
            await note.handle(wrong, client=client).result("10s")
    assert seen == ["note", PayloadError.__name__]


async def test_a_cancelled_job_cancels_what_is_around_it(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    started, seen = asyncio.Event(), list[str]()

    @job("wait", registry=registry)
    async def wait(data: str, ctx: JobContext) -> None:
        started.set()
        await asyncio.Event().wait()

    @wait.middleware.around_attempt
    async def around(call: AttemptCall[str], call_next: AttemptNext[str, None]) -> None:
        try:
            await call_next(call)
        except BaseException as error:
            seen.append(type(error).__name__)
            raise

    async with Crew(registry, settings):
        handle = await wait.trigger("x", client=client)
        await asyncio.wait_for(started.wait(), 30)
        await handle.cancel()
        with pytest.raises(JobFailedError):
            await handle.result("30s")
    assert seen == ["JobCancelledError"]


def tagging(registry: JobRegistry, seen: list[tuple[str, object]]) -> None:
    @registry.middleware.around_enqueue
    async def tag(call: EnqueueCall[object], call_next: EnqueueNext[object]) -> str:
        assert isinstance(call.payload, Note)
        if call.payload.text == "refused":
            raise PermissionError("not from here")
        tagged = call.payload.model_copy(update={"tenant": "t1"})
        job_id = await call_next(call.replace(tagged, priority=3) if call.schedule_id is None else call.replace(tagged))
        seen.append((call.request.name, job_id))
        return job_id


async def test_every_way_to_add_a_job_passes_them(client: JobClient, registry: JobRegistry) -> None:
    seen: list[tuple[str, object]] = []
    note = job("note", Note, registry=registry)
    parent = job("parent", Note, registry=registry)
    tagging(registry, seen)
    one = await note.trigger(Note(text="one"), client=client, delay="1h")
    many = await note.batch_trigger([{"payload": {"text": str(n)}} for n in range(3)], client=client)
    flow = await parent.trigger_flow(Note(text="p"), [note.node(Note(text="c"))], client=client)
    flows = await parent.batch_trigger_flow(
        [{"payload": {"text": "p"}, "children": [note.node(Note(text="c"))]}], client=client
    )
    queue = client.queue("default")
    for handle in (one, *many, flow, *flow.children, *flows, *flows[0].children):
        stored = await queue.find(handle.id)
        assert stored is not None
        assert (cast("dict[str, str]", stored.data)["tenant"], stored.opts.get("priority")) == ("t1", 3)
    stored = await queue.find(one.id)
    assert stored is not None
    assert stored.opts["delay"] == 3_600_000
    schedule = await note.trigger_recurring(Note(text="s"), "0 9 * * *", schedule_id="daily", client=client)
    assert seen[-1] == ("note", schedule.id)
    (run,) = [each for each in await queue.getJobs(["delayed"]) if each.id.startswith("repeat:")]
    assert cast("dict[str, str]", run.data)["tenant"] == "t1"
    await schedule.remove()
    assert {name for name, _ in seen} == {"note", "parent"}
    assert {job_id for _, job_id in seen[1:4]} == {handle.id for handle in many}


async def test_one_that_refuses_lets_nothing_of_its_call_be_added(client: JobClient, registry: JobRegistry) -> None:
    note = job("note", Note, registry=registry)
    parent = job("parent", Note, registry=registry)
    tagging(registry, [])
    refused = Note(text="refused")
    with pytest.raises(PermissionError):
        await note.trigger(refused, client=client)
    with pytest.raises(PermissionError):
        await note.batch_trigger([{"payload": Note(text="a")}, {"payload": refused}], client=client)
    with pytest.raises(PermissionError):
        await parent.trigger_flow(Note(text="p"), [note.node(refused)], client=client)
    with pytest.raises(PermissionError):
        await note.trigger_recurring(refused, every="1h", client=client)
    assert sum((await client.queue("default").getJobCounts()).values()) == 0
    async with recording_client() as recording:
        with pytest.raises(PermissionError):
            await note.trigger(refused)
        await note.trigger(Note(text="kept"))
        recording.assert_triggered(note, Note(text="kept", tenant="t1"), priority=3, times=1)


async def test_adding_holds_them_to_their_contract(client: JobClient, registry: JobRegistry) -> None:
    note = job("note", Note, registry=registry)

    @note.middleware.around_enqueue
    async def careless(call: EnqueueCall[Note], call_next: EnqueueNext[Note]) -> str:
        if call.payload.text != "never":
            await call_next(call)
        if call.payload.text == "twice":
            await call_next(call)
        return None  # type: ignore[return-value]  # pyright: ignore[reportReturnType] - a mistake of users

    with pytest.raises(MiddlewareError, match=r"careless .* returned None; the job was added"):
        await note.trigger(Note(text="once"), client=client)
    with pytest.raises(MiddlewareError, match="awaited call_next twice"):
        await note.trigger(Note(text="twice"), client=client)
    for call in (
        note.trigger(Note(text="never"), client=client),
        note.batch_trigger([{"payload": {"text": "never"}}, {"payload": {"text": "never"}}], client=client),
    ):
        with pytest.raises(MiddlewareError, match="didn't await call_next; nothing was added"):
            await call
    assert (await client.queue("default").getJobCounts("waiting"))["waiting"] == 2


async def test_a_payload_or_an_option_that_is_replaced_wrongly_is_refused(
    client: JobClient, registry: JobRegistry
) -> None:
    note = job("note", Note, registry=registry)
    replacements: list[dict[str, object]] = [{"payload": {"text": 5}}, {"attempts": 0}, {"delay": "soon"}]

    @note.middleware.around_enqueue
    async def replace(call: EnqueueCall[Note], call_next: EnqueueNext[Note]) -> str:
        wrong = replacements.pop(0)
        return await call_next(call.replace(**wrong))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - users' mistakes

    for refusal in ("text", "attempts", "delay"):
        with pytest.raises((PayloadError, ValueError), match=refusal):
            await note.trigger(Note(text="x"), client=client)
    assert sum((await client.queue("default").getJobCounts()).values()) == 0
