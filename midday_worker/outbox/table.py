"""The table of the outbox: its columns, what makes it, and what is asked of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    create_mock_engine,
    inspect,
    select,
)
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from midday_worker.errors import OutboxError

VERSION: Final = 1
"""That of the table's columns, and of what is in them."""

CHANNEL: Final = "midday_outbox"
"""Where PostgreSQL tells of new rows."""

_INIT: Final = "`midday-worker outbox init` (with --sql it prints the statements)"

_metadata: Final = MetaData()
# In SQLite only an INTEGER counts up by itself.
_Number: Final = BigInteger().with_variant(Integer(), "sqlite")

OUTBOX: Final = Table(
    "midday_outbox",
    _metadata,
    Column("id", _Number, primary_key=True, autoincrement=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("jobs", Text, nullable=False),
    Column("sent_ms", BigInteger),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("next_try_ms", BigInteger, nullable=False, server_default="0"),
    Column("error", Text),
)
"""A row is what is added in one transaction of Redis: a job, or a flow. Times are in epoch milliseconds."""

OUTBOX_VERSION: Final = Table("midday_outbox_version", _metadata, Column("version", Integer, nullable=False))

_UNSENT: Final = OUTBOX.c.sent_ms.is_(None)
_SENT: Final = OUTBOX.c.sent_ms.is_not(None)
_INDEXES: Final = (
    Index("midday_outbox_unsent", OUTBOX.c.id, postgresql_where=_UNSENT, sqlite_where=_UNSENT),
    Index("midday_outbox_sent", OUTBOX.c.sent_ms, postgresql_where=_SENT, sqlite_where=_SENT),
)


UNTRANSLATED: Final[Mapping[str, Mapping[str, str]]] = {"schema_translate_map": {}}
"""The options of a statement in a caller's session: relays look in one schema, whatever that translates it to."""


def now_ms() -> int:
    """Return the present time in epoch milliseconds."""
    return round(time.time() * 1000)


def outbox_statements(dialect: str = "postgresql") -> list[str]:
    """Return the statements that make the table; for a migration of Alembic's too.

    Args:
        dialect: "postgresql" or "sqlite".
    """
    if dialect not in ("postgresql", "sqlite"):
        raise OutboxError(f"The outbox can't be in a database of {dialect}; accepted: postgresql, sqlite.")
    written = create_mock_engine(f"{dialect}://", _run_nothing).dialect
    made: list[ExecutableDDLElement] = [CreateTable(OUTBOX), *map(CreateIndex, _INDEXES), CreateTable(OUTBOX_VERSION)]
    texts = [str(statement.compile(dialect=written)).strip().expandtabs(2) for statement in made]
    return [*texts, f"INSERT INTO {OUTBOX_VERSION.name} (version) VALUES ({VERSION})"]  # noqa: S608 - both are ours


def _run_nothing(_statement: object, *_: object, **__: object) -> None:
    """Take a statement that is only to be written down."""


def make_table(connection: Connection) -> bool:
    """Make the table; return whether it wasn't there. Raises OutboxError if it is of another version."""
    if read_version(connection) is not None:
        check_table(connection)
        return False
    for statement in outbox_statements(connection.dialect.name):
        connection.exec_driver_sql(statement)
    return True


def read_version(connection: Connection) -> int | None:
    """Return the version of the table; None if there is none. In a transaction, it leaves that whole."""
    seen = inspect(connection)
    if not seen.has_table(OUTBOX.name):
        return None
    if not seen.has_table(OUTBOX_VERSION.name):
        return 0
    return connection.scalar(select(OUTBOX_VERSION.c.version), execution_options=UNTRANSLATED) or 0


def check_table(connection: Connection) -> None:
    """Raise OutboxError if the table can't be used."""
    version, place = read_version(connection), connection.engine.url.render_as_string()
    if version is None:
        raise OutboxError(f"The session's database ({place}) has no table {OUTBOX.name}: make it with {_INIT}.")
    if version < VERSION:
        raise OutboxError(
            f"The outbox's table in {place} is of version {version}; {VERSION} is needed. Once `midday-worker outbox "
            f"status` shows no unsent row, drop {OUTBOX.name} and {OUTBOX_VERSION.name} and make them with {_INIT}."
        )
    if version > VERSION:
        raise OutboxError(
            f"The outbox's table in {place} is of version {version}, and this midday-worker knows {VERSION}: update it."
        )


__all__ = [
    "CHANNEL",
    "OUTBOX",
    "OUTBOX_VERSION",
    "UNTRANSLATED",
    "VERSION",
    "check_table",
    "make_table",
    "now_ms",
    "outbox_statements",
    "read_version",
]
