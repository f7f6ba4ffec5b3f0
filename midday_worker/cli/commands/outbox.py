"""``midday-worker outbox``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Annotated, Final

import typer

from midday_worker.cli.act_options import ActOptions, DryRun, Yes, counted
from midday_worker.cli.failure import one_line_errors
from midday_worker.cli.loading import settings_with
from midday_worker.cli.output import AsJson, say, say_json
from midday_worker.cli.values import duration
from midday_worker.databases import Database, create_database
from midday_worker.errors import ConfigurationError, OutboxError

app: Final = typer.Typer(help="Jobs that are added with a database's transaction.", no_args_is_help=True)

Since = Annotated[
    int,
    typer.Option(
        "--since", parser=duration("--since"), metavar="DURATION", help="What was sent since so long ago: 3h, 2d."
    ),
]


@app.command()
@one_line_errors
def init(
    sql: Annotated[bool, typer.Option("--sql", help="Print the statements; connect to nothing.")] = False,
) -> None:
    """Make the outbox's table in the database of DATABASE_PRIMARY_URL."""
    from midday_worker.outbox.table import OUTBOX, make_table, outbox_statements

    if sql:
        url = settings_with().database_primary_url
        is_sqlite = url is not None and url.get_secret_value().startswith("sqlite")
        for statement in outbox_statements("sqlite" if is_sqlite else "postgresql"):
            say(f"{statement};")
        return

    async def act() -> bool:
        async with _database() as database, database.engine().begin() as connection:
            return await connection.run_sync(make_table)

    made = asyncio.run(act())
    say(f"Made the table {OUTBOX.name}." if made else f"The table {OUTBOX.name} is there already.")


@app.command()
@one_line_errors
def status(as_json: AsJson = False) -> None:
    """Show what is in the outbox and not yet in Redis. Exits with 1 if Redis has refused some of it."""
    from midday_worker.outbox.relay import backlog

    async def act() -> None:
        async with _database() as database:
            found = await backlog(database)
        if found is None:
            raise OutboxError("There is no outbox: make its table with midday-worker outbox init.")
        if as_json:
            say_json(asdict(found))
        else:
            say(f"{counted(found.rows, 'row')} unsent, the oldest for {found.oldest_s:.1f} s; {found.refused} refused.")
            if found.error is not None:
                say(f"The newest refusal: {found.error}")
        if found.refused:
            raise typer.Exit(1)

    asyncio.run(act())


@app.command()
@one_line_errors
def replay(since: Since, dry_run: DryRun = False, yes: Yes = False, as_json: AsJson = False) -> None:
    """Add again what was sent since a moment, to a Redis that was restored from an older dump.

    What that Redis still knows to have is not added twice.
    """
    from midday_worker.outbox.relay import replay as send_again
    from midday_worker.outbox.table import now_ms

    options = ActOptions(dry_run=dry_run, yes=yes, as_json=as_json)
    since_ms = now_ms() - since

    async def act() -> None:
        async with _database() as database:
            count = await send_again(database, since_ms, dry_run=True)
            deed = f"send {counted(count, 'row')} again"
            done = options.agreed(deed, count)
            if done:
                count = await send_again(database, since_ms)
        text = f"Sending {counted(count, 'row')} again." if done else options.unchanged(deed, count)
        options.answer({"act": "replay", "rows": count, "done": done, "dry_run": dry_run}, text)

    asyncio.run(act())


@asynccontextmanager
async def _database() -> AsyncGenerator[Database]:
    url = settings_with().database_primary_url
    if url is None:
        raise ConfigurationError("The outbox is in the database of DATABASE_PRIMARY_URL, which is not set.")
    database = create_database(url.get_secret_value())
    try:
        yield database
    finally:
        await database.dispose()
