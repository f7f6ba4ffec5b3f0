"""A request's path, as it was sent."""

from __future__ import annotations

from typing import cast
from urllib.parse import quote, unquote

from starlette.types import Scope


def base_path(scope: Scope) -> str:
    """Return where the dashboard is mounted, percent-encoded, with a slash at its end."""
    return quote(_root(scope).rstrip("/")) + "/"


def segments(scope: Scope) -> tuple[str, ...]:
    """Return the parts of the path below the mount, each decoded for itself: an id may hold a slash.

    The server's decoded path can't be split any more, so this takes the raw one.
    """
    raw = raw_path(scope)
    parts, root = raw.split("/"), _root(scope).rstrip("/")
    # The root is known decoded only, so its parts are taken off until they make it up.
    for end in range(1, len(parts) + 1):
        if unquote("/".join(parts[:end])) == root:
            parts = parts[end:]
            break
    if len(parts) > 1 and not parts[-1]:
        parts = parts[:-1]
    return tuple(unquote(part) for part in parts)


def raw_path(scope: Scope) -> str:
    """Return the whole path, percent-encoded, without the query."""
    raw = scope.get("raw_path")
    path = raw.decode("latin-1") if isinstance(raw, bytes) else quote(cast("str", scope["path"]))
    return path.partition("?")[0]


def _root(scope: Scope) -> str:
    return cast("str", scope.get("root_path", ""))
