"""What is reported to Sentry, and when, with a transport that keeps it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
import sentry_sdk
from pydantic import SecretStr
from sentry_sdk.transport import Transport

from midday_worker.engine.job.attempt import Attempt
from midday_worker.engine.worker.settlement import Park
from midday_worker.errors import ConfigurationError, JobCancelledError, NonRetryableError
from midday_worker.execution.sentry import SentryReports, start_sentry
from midday_worker.handling.attempt_call import AttemptCall
from midday_worker.settings.settings import Settings
from midday_worker.testing import FakeJob
from tests.attempt_calls import call_of

if TYPE_CHECKING:
    from sentry_sdk.envelope import Envelope
    from sentry_sdk.types import Event

ROOT = Path(__file__).parents[3]
DSN = "https://key@sentry.invalid/1"


@dataclass
class StoredJob(FakeJob):
    """A job as a worker has fetched it, with three attempts."""

    attempts: int = 3
    attempt: Attempt = field(default_factory=Attempt)
    deferredFailure: str | None = None
    queue: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(name="warehouse"))

    def delay_before_next(self, error: BaseException) -> int | None:
        last = self.attemptsMade + 1 == self.attempts or isinstance(error, NonRetryableError)
        return None if last else 10


class Mailbox(Transport):
    """Sends nothing, and keeps the events."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        event = envelope.get_event()
        if event is not None:
            self.events.append(event)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """Sentry as a program initialises it itself, but for what the SDK changes in a process for good."""
    mailbox = Mailbox()
    sentry_sdk.init(dsn=DSN, transport=mailbox, default_integrations=False, release="shop@1")  # or it asks git
    yield mailbox
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(None)


def found(event: Event, *path: str | int) -> object:
    """Return what an event holds at a path of keys and indexes; None if there is nothing."""
    value: object = event
    for step in path:
        if isinstance(step, int):
            value = cast("list[object]", value)[step]
        else:
            value = cast("dict[str, object]", value).get(step)
    return value


async def attempt(stored: StoredJob, act: Callable[[], object], *, payloads: bool = False) -> None:
    async def process(call: AttemptCall[object]) -> object:
        return act()

    await SentryReports(payloads=payloads)(call_of(stored), process)


def failing(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


async def test_an_attempt_that_another_one_follows_is_not_reported(mailbox: Mailbox) -> None:
    for made in (0, 1):
        with pytest.raises(LookupError):
            await attempt(StoredJob(1, attemptsMade=made), failing(LookupError("gone")))

    assert mailbox.events == []


@pytest.mark.parametrize(
    ("made", "error"), [(2, LookupError("gone")), (0, NonRetryableError("gone"))], ids=["last", "non-retryable"]
)
async def test_a_failure_for_good_is_reported_with_its_job(mailbox: Mailbox, made: int, error: Exception) -> None:
    with pytest.raises(type(error)):
        await attempt(StoredJob(1, id="j7", name="pack", attemptsMade=made), failing(error))

    (event,) = mailbox.events
    about = {"id": "j7", "name": "pack", "queue": "warehouse", "attempt": made + 1, "attempts": 3}
    assert found(event, "contexts", "job") == about
    assert found(event, "tags") == {"queue": "warehouse", "job": "pack", "job_id": "j7"}
    assert found(event, "transaction") == "pack"
    exception = ("exception", "values", 0)
    assert found(event, *exception, "type") == type(error).__name__
    assert found(event, *exception, "value") == "gone"
    assert found(event, *exception, "mechanism", "handled") is False


@pytest.mark.parametrize(
    "error",
    [Park(5), JobCancelledError("cancelled: no need"), asyncio.CancelledError()],
    ids=["parked", "cancelled", "handed-back"],
)
async def test_what_is_no_failure_is_not_reported(mailbox: Mailbox, error: BaseException) -> None:
    with pytest.raises(type(error)):
        await attempt(StoredJob(1, attempts=1), failing(error))

    assert mailbox.events == []


async def test_what_fails_without_an_attempt_is_not_reported(mailbox: Mailbox) -> None:
    stored = StoredJob(1, deferredFailure="child bull:q:1 failed")
    with pytest.raises(NonRetryableError):
        await attempt(stored, failing(NonRetryableError("child bull:q:1 failed")))

    assert mailbox.events == []


async def test_what_a_cancelled_handler_raises_is_not_reported(mailbox: Mailbox) -> None:
    with pytest.raises(LookupError):
        stopped = Attempt(stopped_by=JobCancelledError("cancelled: "))
        await attempt(StoredJob(1, attempts=1, attempt=stopped), failing(LookupError()))

    assert mailbox.events == []


@pytest.mark.parametrize("payloads", [False, True])
async def test_a_payload_is_reported_only_where_logs_may_show_it(mailbox: Mailbox, payloads: bool) -> None:
    address = "@".join(("ann", "example.com"))  # reports show lines of the program, and this is one of them
    stored = StoredJob({"email": address}, attempts=1)

    def handle() -> None:
        to = cast("dict[str, str]", stored.data)["email"]
        raise LookupError(f"no user with {len(to)} characters")

    with pytest.raises(LookupError):
        await attempt(stored, handle, payloads=payloads)

    (event,) = mailbox.events
    assert (address in str(event)) is payloads
    assert found(event, "contexts", "payload") == ({"data": {"email": address}} if payloads else None)


async def test_passwords_in_an_errors_urls_are_hidden(mailbox: Mailbox) -> None:
    with pytest.raises(ConnectionError):
        await attempt(StoredJob(1, attempts=1), failing(ConnectionError("no answer: redis://user:secret@host:6379")))

    assert "secret" not in str(mailbox.events)
    assert found(mailbox.events[0], "exception", "values", 0, "value") == "no answer: redis://user:***@host:6379"


async def test_jobs_side_by_side_keep_their_breadcrumbs_apart(mailbox: Mailbox) -> None:
    both = asyncio.Barrier(2)

    async def process(call: AttemptCall[object]) -> object:
        sentry_sdk.add_breadcrumb(message=f"seen by {call.job.id}")
        await both.wait()
        raise LookupError(call.job.id)

    reports = SentryReports(payloads=False)
    calls = [call_of(StoredJob(1, id=job_id, attempts=1)) for job_id in ("a", "b")]
    await asyncio.gather(*(reports(call, process) for call in calls), return_exceptions=True)

    crumbs = {
        found(event, "exception", "values", 0, "value"): found(event, "breadcrumbs", "values", -1, "message")
        for event in mailbox.events
    }
    assert crumbs == {"a": "seen by a", "b": "seen by b"}
    assert {len(cast("list[object]", found(event, "breadcrumbs", "values"))) for event in mailbox.events} == {1}


async def test_where_sentry_is_not_initialised_nothing_is_reported() -> None:
    assert not sentry_sdk.is_initialized()
    with pytest.raises(LookupError):
        await attempt(StoredJob(1, attempts=1), failing(LookupError("gone")))


BY_SETTINGS = """
import asyncio, json, sys
import sentry_sdk
from loguru import logger
from midday_worker.execution.sentry import SentryReports, start_sentry
from midday_worker.settings.settings import Settings
from tests.attempt_calls import call_of
from tests.unit.execution.test_sentry import DSN, Mailbox, StoredJob

start_sentry(Settings(env_file=None, environment="staging", sentry_dsn=DSN))
client, mailbox = sentry_sdk.get_client(), Mailbox()
client.transport = mailbox

async def process(call):
    logger.error(f"attempt {call.attempt} is about to fail")
    address = "@".join(("ann", "example.com"))  # reports show lines of the program, and this is one of them
    try:
        raise LookupError("gone" if address else "")
    except LookupError as error:
        logger.opt(exception=error).warning("as a handler says it")
        raise

async def run():
    for made in range(3):
        try:
            await SentryReports(payloads="payloads" in sys.argv)(call_of(StoredJob(1, attemptsMade=made)), process)
        except LookupError:
            logger.error("as the worker says it of the job before")

asyncio.run(run())
print(json.dumps({
    "options": {name: client.options[name] for name in ("dsn", "environment", "include_local_variables")},
    "argv": "secret" in json.dumps(mailbox.events, default=str),
    "values": "@".join(("ann", "example.com")) in json.dumps(mailbox.events, default=str),
    "events": [[crumb["message"] for crumb in event["breadcrumbs"]["values"]] for event in mailbox.events],
}))
"""


def by_settings(folder: Path, *arguments: str) -> dict[str, object]:
    script = folder / "by_settings.py"  # a file: of what has no source, no values are shown anyway
    script.write_text(BY_SETTINGS)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script), *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return cast("dict[str, object]", json.loads(ran.stdout))


@pytest.mark.process
def test_a_dsn_among_the_settings_reports_once_with_the_log_of_that_attempt(tmp_path: Path) -> None:
    told = by_settings(tmp_path, "--redis-url", "redis://:secret@host")

    assert told["options"] == {"dsn": DSN, "environment": "staging", "include_local_variables": False}
    assert told["argv"] is False
    assert told["values"] is False
    (crumbs,) = cast("list[list[str]]", told["events"])
    # Without a traceback, in which loguru shows the values of variables.
    assert [crumb.rpartition(" - ")[2] for crumb in crumbs] == ["attempt 3 is about to fail", "as a handler says it"]


@pytest.mark.process
def test_lines_of_the_log_show_values_only_where_they_may(tmp_path: Path) -> None:
    assert by_settings(tmp_path, "payloads")["values"] is True


def test_the_programs_own_initialisation_goes_before_the_settings(mailbox: Mailbox) -> None:
    client = sentry_sdk.get_client()
    start_sentry(Settings(env_file=None, sentry_dsn=SecretStr("https://other@sentry.invalid/2")))

    assert sentry_sdk.get_client() is client


def test_without_a_dsn_sentry_is_left_alone() -> None:
    start_sentry(Settings(env_file=None))

    assert not sentry_sdk.is_initialized()


def test_a_dsn_without_the_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)

    with pytest.raises(ConfigurationError, match=r"midday-worker\[sentry\]"):
        start_sentry(Settings(env_file=None, sentry_dsn=SecretStr(DSN)))


LOADED = """
import sys
import midday_worker.cli.app, midday_worker.execution.sentry, midday_worker.workers.service
print("sentry_sdk" in sys.modules)
processor = lambda job: "called as it is"
print(midday_worker.execution.sentry.SentryReports(payloads=False)(None, processor))
"""


@pytest.mark.process
def test_a_program_without_sentry_never_loads_it() -> None:
    ran = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)

    assert ran.stdout.split("\n")[:2] == ["False", "called as it is"]
