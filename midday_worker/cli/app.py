"""The command line: what it can be asked for, each in a module of its own, which is imported when it is called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Final, TypeAlias, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from midday_worker import __version__
from midday_worker.cli.output import say

COMMANDS: Final[Mapping[str, str]] = {
    "run": "Run jobs until a signal; then let running ones finish.",
    "dev": "Run jobs on an embedded Redis and SQLite, and start again when a source file changes.",
    "demo": "Show it all at work: real input, Node and Python on the same queues, thirty days in seconds.",
    "jobs": "List the jobs that are registered.",
    "trigger": "Add one job.",
    "watch": "Show a job's progress and log until it ends.",
    "cancel": "Cancel one job, whether it runs or not.",
    "health": "Check Redis, the database, and the worker on this host; the exit code says it.",
    "dashboard": "Serve the web dashboard.",
    "outbox": "Jobs that are added with a database's transaction.",
    "contract": "Write down what Node and Python say to each other, and check the code against it.",
}
"""What --help lists, with the first line that each has in its module in `commands/`."""

ON_QUEUES: Final[Mapping[str, str]] = {
    "queues": "Show all queues at a glance.",
    "failed": "Show failed jobs, grouped by reason.",
    "retry": "Run failed jobs once more: all but cancelled ones, or those that are chosen.",
    "workers": "Show who works the queues, Node's workers among them.",
    "doctor": "Look for what keeps jobs from running: Redis, clocks, names, prefixes, stuck jobs.",
    "queue": "Look at one queue, and act on it.",
    "job": "Look at one job, and act on it.",
    "schedules": "Look at recurring jobs, and act on them.",
}

Command: TypeAlias = TyperCommand | TyperGroup


def load(name: str) -> Command:
    """Import a command, or a group of commands."""
    module = import_module(f"midday_worker.cli.commands.{name}")
    return cast("Command", get_command(cast("typer.Typer", module.app)))


class LazyGroup(TyperGroup):
    """A group whose commands are imported when they are called; --help and completion know their names and first lines.

    Each command needs other parts of the library, and all of them together a second to be imported.
    """

    def resolve_command(self, ctx: object, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """Return the command that is called, and the arguments that are its own."""
        name = args[0]
        if name in self.commands:
            self.commands[name] = load(name)
        resolved = super().resolve_command(cast("typer.Context", ctx), args)
        return cast("tuple[str | None, Command | None, list[str]]", resolved)


app: Final = typer.Typer(
    name="midday-worker",
    cls=LazyGroup,
    help="Typed background jobs on BullMQ queues, shared with Node.",
    pretty_exceptions_enable=False,
    add_completion=True,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"midday-worker {__version__}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Typed background jobs on BullMQ queues, shared with Node."""


def _not_loaded() -> None:
    """Stand for a command until it is called."""


for panel, commands in ((None, COMMANDS), ("Acting on queues", ON_QUEUES)):
    for command, first_line in commands.items():
        app.command(command, help=first_line, rich_help_panel=panel)(_not_loaded)
