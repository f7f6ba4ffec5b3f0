"""The program of a process that runs handlers: it imports a job's module, runs its handler, and says how it went."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import socket
import threading
import traceback
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, TypeVar, cast

from loguru import logger

from midday_worker.client.client import JobClient
from midday_worker.databases import Database, DatabaseProvider, create_database
from midday_worker.definition.definition import JobDefinition
from midday_worker.definition.registry import JobRegistry, default_registry
from midday_worker.engine.job.fresh_context import FreshContext
from midday_worker.errors import DefinitionError, EngineError, NonRetryableError
from midday_worker.handling.dependencies import needs_of
from midday_worker.handling.handler_line import line_in_thread
from midday_worker.handling.opened import Held, opened
from midday_worker.handling.sync_context import Children, SyncJob, SyncJobContext
from midday_worker.processes.failure import failure_of
from midday_worker.processes.message import Ask, HandlerCall, LogLine, Message, Reply, packed, unpacked
from midday_worker.settings.logs import job_logger, route_standard_library
from midday_worker.settings.settings import Settings
from midday_worker.telemetry.tracing.carrier import continued

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from loguru import Message as LoguruMessage

T = TypeVar("T")

_FIRST_TO_GO: Final = "500"


def main(descriptor: int) -> None:
    """Run calls that come over a socket until the worker closes it."""
    with suppress(OSError):  # when the system is out of memory, this process goes, and not its worker
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)
    os.set_inheritable(descriptor, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    link = Link(socket.socket(fileno=descriptor))
    _log(link, "DEBUG")
    threading.Thread(target=link.listen, name="midday-worker link", daemon=True).start()
    while (call := link.calls.get()) is not None:
        answer = _answer(link, call)
        link.running, link.place = False, None
        link.send(answer)
    _dependencies.close()


def adopt(link: Link, settings: Settings) -> None:
    """Log what the worker logs, and let `.sync` calls use the worker's Redis."""
    _dependencies.settings = settings
    _log(link, settings.log_level)
    route_standard_library(settings)
    JobClient.sync(settings).__enter__()  # as long as this process lives


def _log(link: Link, level: str) -> None:
    logger.remove()
    logger.add(link.write_log, level=level, format="{message}")


def _answer(link: Link, call: HandlerCall) -> Message:
    try:
        return {"kind": "result", "body": _run(link, call)}
    except BaseException as error:  # SystemExit too: it fails the job, and not the process
        if isinstance(error, MemoryError):
            traceback.clear_frames(error.__traceback__)  # what the handler has gathered leaves no room for the answer
        return {"kind": "failure", "body": failure_of(error)}


def _run(link: Link, call: HandlerCall) -> str:
    # What a module sets as it is imported is for all its jobs; what a handler sets, for that attempt.
    definition = _find(call["modules"], call["job"])
    return FreshContext().make().run(_handle, link, call, definition)


def _handle(link: Link, call: HandlerCall, definition: JobDefinition[object, object]) -> str:
    bound = {"job_id": call["job_id"], "job": call["job"], "queue": call["queue"], "attempt": call["attempt"]}
    log = job_logger(job_id=call["job_id"], job=call["job"], queue=call["queue"], attempt=call["attempt"])
    job = SyncJob(call["job_id"], call["job"], call["queue"], call["data"], call["attempt"], call["attempts"])
    handler = cast("Callable[[object, SyncJobContext], object]", definition.handler)
    with logger.contextualize(**bound), continued(call["trace"]):
        payload, ctx = _payload(call, definition), SyncJobContext(job, log, link)
        link.place = partial(line_in_thread, handler, ctx)
        result = _dependencies.call(handler, payload, ctx)
    return definition.runner.dump_text(definition.runner.checked(result))


def _payload(call: HandlerCall, definition: JobDefinition[object, object]) -> object:
    replaced = call["payload"]
    if replaced is None:
        return definition.runner.parse(call["data"], call["version"])
    return definition.runner.parse(json.loads(replaced))


def _find(modules: list[str], name: str) -> JobDefinition[object, object]:
    """Import the modules that may define a job until one does, and return the job."""
    for module in modules:
        known: list[object] = [*vars(importlib.import_module(module)).values(), default_registry]
        for value in known:
            if isinstance(value, JobRegistry):
                value = value.find(name)
            if isinstance(value, JobDefinition) and cast("JobDefinition[object, object]", value).id == name:
                return cast("JobDefinition[object, object]", value)
    raise NonRetryableError(
        f"Job {name!r} is not defined when a process imports {' or '.join(modules)}: "
        'with executor="process" a job is defined at the top of its module.'
    ) from DefinitionError(name)


class _Dependencies:
    """What handlers of this process depend on: of scope "worker", opened by the first that does, closed at the end."""

    settings: Settings

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None
        self._held = Held(self._database, _here)

    def call(self, handler: Callable[..., object], payload: object, ctx: SyncJobContext) -> object:
        """Call a handler with what it depends on."""
        needs = needs_of(handler)
        if not needs:
            return handler(payload, ctx)
        self._runner = runner = self._runner or asyncio.Runner()
        runner.run(self._held.open(needs))
        opening = opened(needs, _here, ctx, self._held)
        dependencies = runner.run(_awaited(opening.__aenter__()))
        try:
            result = handler(payload, ctx, **dependencies)
        except BaseException as error:
            runner.run(_awaited(opening.__aexit__(type(error), error, error.__traceback__)))
            raise
        runner.run(_awaited(opening.__aexit__(None, None, None)))
        return result

    def _database(self, provider: DatabaseProvider) -> Database:
        # One job runs here at a time.
        hidden = not self.settings.log_payloads
        return create_database(provider.url(self.settings), max_connections=1, hide_parameters=hidden)

    def close(self) -> None:
        """Close what is open."""
        if self._runner is not None:
            self._runner.run(self._held.close())
            self._runner.close()


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


async def _here(function: Callable[[], object]) -> object:
    return function()


_dependencies: Final = _Dependencies()


class Link:
    """The connection to the worker; for a handler, where its wishes go."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._asking = threading.Lock()
        self._replies: SimpleQueue[Reply] = SimpleQueue()
        self.calls: SimpleQueue[HandlerCall | None] = SimpleQueue()
        self.cancelled = False
        self.running = False
        self.place: Callable[[], str | None] | None = None
        """Tells where the handler is."""

    def listen(self) -> None:
        """Sort what the worker says, until it says no more."""
        with self._connection.makefile("rb") as lines:
            for line in lines:
                self._take(unpacked(line))
        if self.running:  # the worker is gone: nobody waits for the result, and another one runs the job
            os.killpg(0, signal.SIGKILL)
        self.calls.put(None)

    def send(self, message: Message) -> None:
        """Say something to the worker."""
        with self._sending:
            self._connection.sendall(packed(message))

    def write_log(self, message: LoguruMessage) -> None:
        """Write a line of the log where the worker's go."""
        record = message.record
        error = record["exception"]
        trace = "" if error is None else "\n" + "".join(traceback.format_exception(*error))
        line = LogLine(
            level=record["level"].name,
            level_number=record["level"].no,
            text=record["message"] + trace,
            name=record["name"],
            function=record["function"],
            line=record["line"],
            extra={name: _plain(value) for name, value in record["extra"].items()},
        )
        self.send({"kind": "log", "body": line})

    def update_progress(self, progress: float | dict[str, object]) -> None:
        """Store how far the job is. Raises EngineError."""
        self._ask({"act": "progress", "value": progress})

    def log(self, row: str) -> None:
        """Add a row to the job's own log. Raises EngineError."""
        self._ask({"act": "log", "value": row})

    def children(self) -> Children:
        """Return the job's children. Raises EngineError."""
        names, results = cast("list[object]", self._ask({"act": "children", "value": None}))
        return Children(cast("dict[str, str]", names), cast("dict[str, object]", results))

    def _ask(self, ask: Ask) -> object:
        with self._asking:  # a handler may have threads of its own
            self.send({"kind": "ask", "body": ask})
            reply = self._replies.get()
        if reply["problem"] is not None:
            raise EngineError(reply["problem"])
        return reply["value"]

    def _say_place(self) -> None:
        place = None if self.place is None else self.place()
        if place is not None:
            self.send({"kind": "place", "body": place})

    def _take(self, message: Message) -> None:
        match message["kind"]:
            case "call":
                self.cancelled, self.running, self.place = False, True, None
                self.calls.put(cast("HandlerCall", message.get("body")))
            case "cancel":
                self.cancelled = True
                self._say_place()
            case "settings":
                values = cast("dict[str, object]", message.get("body"))
                adopt(self, Settings(env_file=None, **values))
            case _:
                self._replies.put(cast("Reply", message.get("body")))


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
