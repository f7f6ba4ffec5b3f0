"""From a database's URL to what SQLAlchemy and asyncpg take, libpq's parameters translated."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from midday_worker.errors import ConfigurationError
from midday_worker.settings.urls import SQLITE_SCHEMES, check_database_url, redact_url

_SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_SESSION_KINDS: Final = ("any", "primary", "standby", "read-write", "read-only", "prefer-standby")
_FILES: Final = frozenset({"sslcert", "sslkey", "sslrootcert", "sslcrl", "passfile"})

# What asyncpg reads from its `dsn` as libpq does.
_IN_DSN: Final[Mapping[str, tuple[str, ...]]] = {
    "sslmode": _SSL_MODES,
    "target_session_attrs": _SESSION_KINDS,
    **dict.fromkeys(_FILES, ()),
    **dict.fromkeys(("host", "port", "user", "password", "dbname", "service"), ()),
    **dict.fromkeys(("sslnegotiation", "sslpassword", "krbsrvname", "gsslib"), ()),
    **dict.fromkeys(("ssl_min_protocol_version", "ssl_max_protocol_version"), ()),
}
# What the server is told when a connection starts.
_SERVER_SETTINGS: Final = frozenset({"application_name", "options"})
# What asyncpg and SQLAlchemy's dialect take as keyword arguments, by libpq's name or by their own.
_ARGUMENTS: Final[Mapping[str, tuple[str, Callable[[str], float]]]] = {
    "connect_timeout": ("timeout", float),
    "timeout": ("timeout", float),
    "command_timeout": ("command_timeout", float),
    "statement_cache_size": ("statement_cache_size", int),
    "prepared_statement_cache_size": ("prepared_statement_cache_size", int),
}
_TIMEOUT: Final = "connect_timeout"
# With no parameter at all SQLAlchemy would give psycopg an empty `conninfo` of its own.
_BLOCKING_URL: Final = "postgresql+psycopg://?client_encoding=utf8"
# What asyncpg can't do, with the values that ask for nothing.
_HARMLESS: Final[Mapping[str, tuple[str, ...]]] = {
    "channel_binding": ("prefer", "disable"),
    "gssencmode": ("prefer", "disable"),
    "client_encoding": ("utf8", "UTF8", "utf-8", "UTF-8", "auto"),
}


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """The arguments for `create_async_engine`: a URL without secrets, and what the driver is given; and for a driver
    that blocks."""

    engine_url: str
    connect_args: dict[str, object] = field(repr=False)
    blocking_url: str
    blocking_args: dict[str, object] = field(repr=False)

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a file or in memory."""
        return self.engine_url.startswith("sqlite")


def parse_address(url: str) -> DatabaseAddress:
    """Translate a database's URL. Raises ConfigurationError, which names what is wrong, password hidden."""
    try:
        check_database_url(url)
    except ValueError as error:
        raise ConfigurationError(f"The database's URL is {redact_url(url)!r}; {error}.") from None
    parts = urlsplit(url)
    if parts.scheme in SQLITE_SCHEMES:
        # A writer waits for another one for so many seconds.
        path, waits = url[url.index(":") :], {"timeout": 30}
        return DatabaseAddress(f"sqlite+aiosqlite{path}", dict(waits), f"sqlite{path}", dict(waits))
    return _postgres_address(parts)


def _postgres_address(parts: SplitResult) -> DatabaseAddress:
    in_dsn: dict[str, str] = {}
    connect_args: dict[str, object] = {}
    server_settings: dict[str, str] = {}
    for given, value in parse_qsl(parts.query):
        name = "sslmode" if given == "ssl" else given
        if name in _IN_DSN:
            in_dsn[name] = _accepted(given, value, _IN_DSN[name])
        elif name in _SERVER_SETTINGS:
            server_settings[name] = value
        elif name in _ARGUMENTS:
            argument, convert = _ARGUMENTS[name]
            connect_args[argument] = _number(name, value, convert)
        else:
            _refuse_unless_harmless(name, value)
    if in_dsn.get("sslrootcert") == "system":
        del in_dsn["sslrootcert"]
        # As libpq: the system's certificates, and the host's name is verified.
        connect_args["ssl"] = ssl.create_default_context()
    for name in _FILES & in_dsn.keys():
        _require_file(name, in_dsn[name])
    if server_settings:
        connect_args["server_settings"] = server_settings
    # What psycopg is given libpq reads, whose own names these are; the others are asyncpg's.
    of_libpq = {name: value for name, value in parse_qsl(parts.query) if name not in _ARGUMENTS.keys() - {_TIMEOUT}}
    if "ssl" in of_libpq:
        of_libpq["sslmode"] = of_libpq.pop("ssl")
    blocking_args: dict[str, object] = {"conninfo": _dsn(parts, of_libpq)}
    connect_args["dsn"] = _dsn(parts, in_dsn)
    return DatabaseAddress("postgresql+asyncpg://", connect_args, _BLOCKING_URL, blocking_args)


def _dsn(parts: SplitResult, query: Mapping[str, str]) -> str:
    """The URL as asyncpg reads it: user and password encoded, so that an @ there isn't the host's."""
    userinfo, at, hosts = parts.netloc.rpartition("@")
    user, colon, password = userinfo.partition(":")
    netloc = f"{quote(unquote(user), safe='')}{colon}{quote(unquote(password), safe='')}{at}{hosts}"
    return urlunsplit(("postgresql", netloc, parts.path, urlencode(query), ""))


def _accepted(name: str, value: str, accepted: tuple[str, ...]) -> str:
    if accepted and value not in accepted:
        raise ConfigurationError(f"The database URL's {name} is {value!r}; accepted: {', '.join(accepted)}.")
    return value


def _number(name: str, value: str, convert: Callable[[str], float]) -> float | None:
    try:
        number = convert(value)
    except ValueError:
        number = -1
    if not 0 <= number < 2**31:
        raise ConfigurationError(f"The database URL's {name} is {value!r}; accepted: a number, 0 or more.")
    # In libpq a timeout of 0 is none at all.
    return None if number == 0 and name.endswith("timeout") else number


def _require_file(name: str, path: str) -> None:
    if not Path(path).is_file():
        raise ConfigurationError(f"The database URL's {name} is {path!r}, but there is no such file.")


def _refuse_unless_harmless(name: str, value: str) -> None:
    if value in _HARMLESS.get(name, ()):
        return
    known = ", ".join(sorted(_IN_DSN.keys() | _SERVER_SETTINGS | _ARGUMENTS.keys()))
    raise ConfigurationError(
        f"The database URL's parameter {name!r} can't be followed by asyncpg; remove it. Accepted: {known}."
    )
