"""What is wrong with settings, URLs and imports."""

from __future__ import annotations

from midday_worker.errors.root import MiddayWorkerError


class ConfigurationError(MiddayWorkerError):
    """A setting is wrong: the message names it, its value and what is accepted."""


class DatabaseNotConfiguredError(ConfigurationError):
    """A job used `ctx.db`, but there is no database: none is configured, or its test gave it none."""

    def __init__(self, *, in_test: bool = False) -> None:
        super().__init__(
            "This job uses ctx.db, but was run without a database. "
            "Give it a session: run_job(definition, payload, db=session), or definition.execute(job, session)."
            if in_test
            else "This job uses ctx.db, but no database is configured. "
            "Set DATABASE_PRIMARY_URL, for example postgresql://user:password@localhost:5432/app."
        )


class OutboxError(ConfigurationError):
    """The table of the outbox is missing or of another version, or a session can't be used for it."""


class SessionEndedError(MiddayWorkerError):
    """`ctx.db` was used after its job had ended, or had been given up: it could commit nothing any more."""

    def __init__(self) -> None:
        super().__init__(
            "ctx.db was used after its job had ended, or was given up as it didn't stop: nothing would be committed. "
            "Await all that uses ctx.db before the handler returns; a task that goes on needs a session of its own."
        )


class DatabaseUnavailableError(MiddayWorkerError):
    """The database doesn't answer, or refuses the connection."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        super().__init__(f"The database {url} can't be used: {reason}")


class ImportFailedError(ConfigurationError):
    """A module that holds jobs could not be imported.

    `named_by` is what asked for it, where that is known: `--import shop`.
    """

    def __init__(self, module: str, reason: str, named_by: str | None = None) -> None:
        self.module = module
        self.reason = reason
        origin = f" (from {named_by})" if named_by else ""
        super().__init__(f"Can't import {module!r}{origin}: {reason}")
