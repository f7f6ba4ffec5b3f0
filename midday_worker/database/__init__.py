"""The database behind `ctx.db`: one lazily made engine per process, one session per attempt."""

from midday_worker.database.connection import Database, create_database
from midday_worker.database.scope import SessionScope, given_session, session_scope

__all__ = ["Database", "SessionScope", "create_database", "given_session", "session_scope"]
