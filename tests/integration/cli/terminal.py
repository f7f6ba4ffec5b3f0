"""A terminal: commands are typed, and what they wrote is read."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import pytest

from midday_worker import JobClient, JobContext, JobDefinition, JobRegistry, Settings, job
from midday_worker.admin import count_jobs
from midday_worker.cli import main
from tests.deadline import eventually
from tests.integration.crew import Crew

T = TypeVar("T")


async def send(data: str, ctx: JobContext) -> str:
    await ctx.log(f"sending to {data}")
    if data.startswith("slow"):
        raise TimeoutError(f"timed out after {len(data)} s")
    if data.startswith("no"):
        raise LookupError("no such user")
    return data.upper()


@dataclass(frozen=True, slots=True)
class Written:
    """What a command wrote, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> object:
        """What it wrote, as JSON; it must have gone well."""
        assert self.code == 0, self.err
        value: object = json.loads(self.out)
        return value

    @property
    def refused(self) -> str:
        """The one line of an error."""
        assert (self.code, self.out) == (1, "")
        assert self.err.count("\n") == 1
        return self.err


class Terminal:
    """A terminal, and the jobs `send-mail` on queue emails and `send-invoice` on queue invoices."""

    def __init__(self, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.settings = settings
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self._registry = JobRegistry()
        self.mail: JobDefinition[str, str] = job(
            "send-mail", str, send, queue="emails", attempts=1, registry=self._registry
        )
        self.invoice: JobDefinition[str, str] = job(
            "send-invoice", str, send, queue="invoices", attempts=1, registry=self._registry
        )

    def run(self, *arguments: str) -> Written:
        """Type a command."""
        self._monkeypatch.setattr(sys, "argv", ["midday-worker", *arguments])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        written = self._capsys.readouterr()
        return Written(ended.value.code if isinstance(ended.value.code, int) else 1, written.out, written.err)

    def with_client(self, act: Callable[[JobClient], Awaitable[T]]) -> T:
        """Do something in Redis besides."""

        async def within() -> T:
            async with JobClient(self.settings) as client:
                return await act(client)

        return asyncio.run(within())

    def add(self, definition: JobDefinition[str, str], *data: str, delay: str | int = 0) -> list[str]:
        """Add jobs; return their ids."""

        async def act(client: JobClient) -> list[str]:
            return [(await definition.trigger(one, client=client, delay=delay)).id for one in data]

        return self.with_client(act)

    def work(self) -> None:
        """Run all jobs that wait."""

        async def act(client: JobClient) -> None:
            async def done() -> bool:
                counts = [await count_jobs(client.queue(name)) for name in ("emails", "invoices")]
                return not any(count["waiting"] or count["active"] for count in counts)

            async with Crew(self._registry, self.settings):
                await eventually(done, "all jobs have ended")

        self.with_client(act)

    def counts(self, queue: str = "emails") -> dict[str, int]:
        """How many jobs a queue holds; states without jobs left out."""

        async def act(client: JobClient) -> dict[str, int]:
            return await count_jobs(client.queue(queue))

        return {state: count for state, count in self.with_client(act).items() if count}
