"""`database()`: a session of one of several databases, as something that handlers depend on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NoReturn

from midday_worker.errors import ConfigurationError, DefinitionError
from midday_worker.settings.settings import Settings, further_database_url

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class DatabaseProvider:
    """Stands for a session of a database, by its name; None is `ctx.db`."""

    name: str | None

    @property
    def variable(self) -> str:
        """The environment variable that says where it is."""
        return f"DATABASE_{(self.name or 'primary').upper()}_URL"

    def __call__(self) -> NoReturn:
        """Refuse: only a worker, or a test that overrides it, knows the database."""
        raise DefinitionError(f"database({self.name!r}) is for Depends(...) in the parameters of a handler.")

    def url(self, settings: Settings) -> str:
        """Return where it is. Raises ConfigurationError if nothing says that."""
        primary = settings.database_primary_url
        known = further_database_url(self.variable)
        if self.name is None:
            known = None if primary is None else primary.get_secret_value()
        if known is None:
            raise ConfigurationError(f"{self.variable} is not set, and a handler depends on {self!r}.")
        return known


def database(name: str | None = None) -> DatabaseProvider:
    """Return what gives an SQLAlchemy `AsyncSession`: `Annotated[AsyncSession, Depends(database("reports"))]`.

    It is opened on first use, committed when the handler has succeeded, rolled back when it fails, before `ctx.db` is.
    A plain function is given a `Session`, whose calls block; it has connections of its own, on PostgreSQL psycopg's.

    Args:
        name: of a further database, whose URL is in DATABASE_<NAME>_URL; without one it is `ctx.db` itself.

    Raises:
        DefinitionError: the name isn't made of small letters, digits and underscores.

    >>> database("reports").variable
    'DATABASE_REPORTS_URL'
    """
    if name is not None and not _NAME.fullmatch(name):
        raise DefinitionError(f"database({name!r}): accepted are small letters, digits and underscores.")
    return DatabaseProvider(None if name == "primary" else name)
