"""``midday-worker retry``: failed jobs, chosen by queue, job, reason and time."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final

import typer

from midday_worker.admin import FailureChoice, Moved, count_failed, group_failures, retry_failed
from midday_worker.cli.act_options import ActOptions, DryRun, Yes, broken_off, counted
from midday_worker.cli.commands.failed import OnlyJob, OnlyReason, Since, failure_choice
from midday_worker.cli.failure import one_line_errors
from midday_worker.cli.interrupt_guard import InterruptGuard
from midday_worker.cli.moment import now_ms
from midday_worker.cli.output import AsJson
from midday_worker.cli.reach import KeyPrefix, OnlyQueue, Reach, reach
from midday_worker.engine.producer.queue import Queue
from midday_worker.errors import EngineError, MiddayWorkerError

app: Final = typer.Typer(add_completion=False)

_NAMED = 1_000
"""How many failed jobs are looked at for names that are near."""


@dataclass(slots=True)
class Tally:
    """How far a retry has come; `left_out` were cancelled, and weren't asked for."""

    matching: int = 0
    left_out: int = 0
    moved: int = 0
    skipped: int = 0
    guard: InterruptGuard = field(default_factory=InterruptGuard)

    def __str__(self) -> str:
        skipped = f"; {counted(self.skipped)} skipped, which another has moved meanwhile" if self.skipped else ""
        retried = f"Retried {self.guard.said(self.moved)} of {counted(self.matching, 'failed job')}"
        return f"{retried}{skipped}{self.without}."

    def record(self, options: ActOptions) -> dict[str, object]:
        """Return the same for JSON."""
        record: dict[str, object] = {"act": "retry", "matching": self.matching, "done": self.moved}
        return record | {"skipped": self.skipped, "cancelled_left_out": self.left_out, "dry_run": options.dry_run}

    @property
    def without(self) -> str:
        """Which jobs aren't among those that match, in words."""
        if not self.left_out:
            return ""
        are, them = ("one is", "it") if self.left_out == 1 else ("ones are", "them")
        return f"; {self.left_out:,} cancelled {are} left out, --cancelled takes {them} too"


@app.command()
@one_line_errors
def retry(
    queue: OnlyQueue = None,
    job: OnlyJob = None,
    reason: OnlyReason = None,
    since: Since = None,
    cancelled: Annotated[
        bool, typer.Option("--cancelled", help="Cancelled ones too, which are left out otherwise.")
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    prefix: KeyPrefix = None,
    as_json: AsJson = False,
) -> None:
    """Run failed jobs once more: all but cancelled ones, or those that are chosen."""
    choice = failure_choice(job, reason, since, cancelled=cancelled)
    retry_chosen(queue, choice, ActOptions(dry_run=dry_run, yes=yes, as_json=as_json), prefix)


def retry_chosen(queue: str | None, choice: FailureChoice, options: ActOptions, prefix: str | None) -> None:
    """Put the chosen failed jobs back among those that wait; say how many."""
    tally = Tally()

    async def act(at: Reach) -> None:
        started = now_ms()
        queues = await at.queues(queue)
        counts = {one: await count_failed(one, choice) for one in queues}
        matching = {one: count.matching for one, count in counts.items()}
        tally.matching = sum(matching.values())
        tally.left_out = sum(count.cancelled for count in counts.values())
        if not (tally.matching or tally.left_out) and choice.job is not None:
            await _refuse_unknown(choice.job, queues)
        deed = f"retry {counted(tally.matching, 'failed job')}{_where(matching)}{tally.without}"
        if options.agreed(deed, tally.matching):
            with tally.guard:
                for one, count in matching.items():
                    if count:
                        await _retry(one, choice, tally, started)
        changed = tally.matching and not options.dry_run
        text = str(tally) if changed else options.unchanged(deed, tally.matching)
        options.answer(tally.record(options), text)

    reach(act, prefix, lambda: options.interrupted(tally.record(options), str(tally)))


async def _retry(queue: Queue, choice: FailureChoice, tally: Tally, started_ms: int) -> None:
    before = Moved(tally.moved, tally.skipped)

    def count(done: Moved) -> None:
        tally.moved, tally.skipped = before.moved + done.moved, before.skipped + done.skipped
        tally.guard.check()

    try:
        await retry_failed(queue, choice, count, now_ms=started_ms)
    except EngineError as error:
        tally.guard.break_off()
        raise broken_off(tally, error) from error


async def _refuse_unknown(job: str, queues: Sequence[Queue]) -> None:
    found = [await group_failures(queue, FailureChoice(cancelled=True), _NAMED) for queue in queues]
    names = sorted({group.job for failures in found for group in failures.groups})
    if names and job not in names:
        near = difflib.get_close_matches(job, names, n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"Jobs that did: {', '.join(names[:10])}."
        raise MiddayWorkerError(f"No job named {job!r} has failed. {hint}")


def _where(matching: dict[Queue, int]) -> str:
    counts = {queue.name: count for queue, count in matching.items() if count}
    if len(counts) == 1:
        return f" of queue {next(iter(counts))}"
    return f" ({', '.join(f'{name}: {count:,}' for name, count in counts.items())})" if counts else ""
