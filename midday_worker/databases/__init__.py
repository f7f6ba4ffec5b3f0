"""The database behind `ctx.db`: one lazily made engine per process, one session per attempt."""

from midday_worker.databases.connection import Database, create_database
from midday_worker.databases.provider import DatabaseProvider, database
from midday_worker.databases.scope import SessionScope, given_session, session_scope

__all__ = [
    "Database",
    "DatabaseProvider",
    "SessionScope",
    "create_database",
    "database",
    "given_session",
    "session_scope",
]
