"""How a command is to act: only count, ask first, or go ahead; and how it answers."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import typer

from midday_worker.cli.output import ask, remark, say, say_json
from midday_worker.errors import EngineError, MiddayWorkerError, RedisUnavailableError

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count; change nothing.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActOptions:
    """What was asked for.

    Attributes:
        dry_run: only say what would be done.
        yes: don't ask.
        as_json: answer in JSON.
    """

    dry_run: bool = False
    yes: bool = False
    as_json: bool = False

    def agreed(self, deed: str, count: int) -> bool:
        """Return whether to go ahead with what would change `count` jobs: nothing for none, or in a dry run.

        Args:
            deed: what would be done: "remove 12 completed jobs of queue emails".
            count: how many jobs it is about.

        Raises:
            MiddayWorkerError: somebody would have to be asked, and nobody is there.
            KeyboardInterrupt: whoever was asked has had enough.
        """
        if self.dry_run or not count:
            return False
        if self.yes:
            return True
        if self.as_json or not sys.stdin.isatty():
            raise MiddayWorkerError(f"This would {deed}. Add --yes to do it, or --dry-run to only count.")
        if not _asked(f"{deed[0].upper()}{deed[1:]}?"):
            remark("Nothing was changed.")
            raise typer.Exit(1)
        return True

    def unchanged(self, deed: str, count: int) -> str:
        """Return what to say where nothing was changed."""
        return f"Would {deed}. Nothing was changed." if count else f"Nothing to do: would {deed}."

    def answer(self, record: Mapping[str, object], text: str) -> None:
        """Write what was done, as JSON or for people."""
        if self.as_json:
            say_json(record)
        else:
            say(text)

    def interrupted(self, record: Mapping[str, object], text: str) -> str:
        """Return what to say after Ctrl-C; of JSON, write as far as it came."""
        if self.as_json:
            say_json({**record, "interrupted": True})
        return f"Interrupted. {text} Run the same command again to go on."


def broken_off(done: object, error: EngineError) -> MiddayWorkerError:
    """Return the error of a command that Redis broke off; `done` says how far it came.

    What Redis's own error says of what was written is left out: it knows only of the last command.
    """
    problem = error.problem if isinstance(error, RedisUnavailableError) else str(error)
    return MiddayWorkerError(f"{done} Then: {problem} Run the same command again to go on.")


def _asked(question: str) -> bool:
    """Ask somebody. Raises KeyboardInterrupt."""
    # asyncio's own handler cancels the task, which can't be told before the answer is there.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return ask(question)
    except typer.Abort:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, before)


def counted(count: int, noun: str = "job") -> str:
    """Return a count and what it counts.

    >>> counted(1), counted(1_200), counted(0, "completed job")
    ('1 job', '1,200 jobs', '0 completed jobs')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
