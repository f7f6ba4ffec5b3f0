"""URLs of Redis and of databases: which forms are accepted, and how they are shown without passwords."""

from __future__ import annotations

import re
import sys
from typing import Final
from urllib.parse import SplitResult, parse_qs, urlsplit

_REDIS_SCHEMES: Final = frozenset({"redis", "rediss"})
_REDIS_FORMS: Final = (
    "accepted: redis://[user:password@]host[:port][/db], the same with rediss:// for TLS, "
    "or unix://[user:password@]/path/to/redis.sock[?db=0]"
)
_DATABASE_FORMS: Final = (
    "accepted: postgresql://, postgres:// or postgresql+asyncpg://, each followed by "
    "[user:password@]host[:port]/name; sqlite:/// or sqlite+aiosqlite:///, each followed by a path"
)
_SENTRY_FORM: Final = "accepted: https://key@host/project, the project a number"
POSTGRES_SCHEMES: Final = frozenset({"postgresql", "postgres", "postgresql+asyncpg"})
SQLITE_SCHEMES: Final = frozenset({"sqlite", "sqlite+aiosqlite"})
_ENCODE: Final = "(a password's special characters must be percent-encoded: # as %23, / as %2F, @ as %40)"

_SCHEME: Final = re.compile(r"\s*(?:[A-Za-z][\w+.-]*:/+|//)?")
_HOST: Final = re.compile(r"(?P<name>\[[0-9A-Fa-f:.%]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{0,6}))?")
_QUERY_SECRET: Final = re.compile(r"(?i)([?&;](?:\w*password|passwd|pwd|token|secret)=)[^&;#\s'\"]*")
_URL_IN_TEXT: Final = re.compile(
    r"\b(?:(?:rediss?|unix|postgres(?:ql)?(?:\+\w+)?)://[^\s'\"<>]*@|[A-Za-z][\w+.-]*://[^\s'\"<>/?#]*@)"
)


def redact_url(url: str) -> str:
    """Hide what is secret in a URL: its password, also where the URL is of a wrong form.

    >>> redact_url("redis://user:secret@localhost:6379/0")
    'redis://user:***@localhost:6379/0'
    """
    scheme = _SCHEME.match(url)
    start = scheme.end() if scheme else 0
    userinfo, at, rest = url[start:].rpartition("@")
    if at:
        shown = f"{_hide_password(userinfo)}@{rest}"
    else:
        hosts = re.split(r"[/?#]", rest, maxsplit=1)[0].split(",")
        shown = rest if all(map(_HOST.fullmatch, hosts)) else "***"
    return url[:start] + _QUERY_SECRET.sub(r"\1***", shown)


def redact_text(text: str) -> str:
    """Hide the password of every URL in a text; for log lines."""
    if "://" not in text:
        return text
    return _QUERY_SECRET.sub(r"\1***", _URL_IN_TEXT.sub(lambda found: redact_url(found.group()), text))


def _hide_password(userinfo: str) -> str:
    user, colon, _ = userinfo.partition(":")
    return f"{user}:***" if colon else "***"


def check_redis_url(url: str) -> None:
    """Raise ValueError, with the accepted forms and without the URL, unless this is a Redis URL."""
    parts = _split(url, _REDIS_FORMS)
    databases = parse_qs(parts.query).get("db", [])
    if parts.scheme == "unix" and sys.platform == "win32":
        raise ValueError("unix:// is not for Windows; accepted there: redis:// and rediss://")
    if parts.scheme == "unix":
        fits = len(parts.path) > 1
    else:
        fits = parts.scheme in _REDIS_SCHEMES and _is_host(parts.netloc.rpartition("@")[2])
        databases += [part for part in [parts.path.strip("/")] if part]
    if not fits or not _are_numbers(databases):
        raise ValueError(f"{_REDIS_FORMS} {_ENCODE}")


def check_database_url(url: str) -> None:
    """Raise ValueError, with the accepted forms and without the URL, unless this is a database's URL."""
    parts = _split(url, _DATABASE_FORMS)
    if parts.scheme in SQLITE_SCHEMES and not parts.netloc:
        return
    hosts = parts.netloc.rpartition("@")[2]
    if parts.scheme not in POSTGRES_SCHEMES or not (hosts == "" or all(map(_is_host, hosts.split(",")))):
        raise ValueError(f"{_DATABASE_FORMS} {_ENCODE}")


def check_sentry_dsn(url: str) -> None:
    """Raise ValueError, with the accepted form and without the URL, unless this is a DSN of Sentry's."""
    parts = _split(url, _SENTRY_FORM)
    key, at, host = parts.netloc.rpartition("@")
    project = parts.path.rpartition("/")[2]
    if parts.scheme not in ("https", "http") or not (key and at and _is_host(host) and _are_numbers([project])):
        raise ValueError(_SENTRY_FORM)


def _split(url: str, forms: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        # The standard library's message may quote a part of the password.
        raise ValueError(forms) from None
    if parts.fragment:
        raise ValueError(f"{forms} {_ENCODE}")
    return parts


def _are_numbers(texts: list[str]) -> bool:
    return all(text.isascii() and text.isdecimal() for text in texts)


def _is_host(text: str) -> bool:
    """Whether this is `name`, `name:port` or `[IPv6]:port`."""
    found = _HOST.fullmatch(text)
    return found is not None and bool(found["name"]) and 0 < int(found["port"] or "1") < 2**16
