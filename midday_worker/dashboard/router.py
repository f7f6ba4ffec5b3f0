"""Which route a request is for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from starlette.responses import Response

from midday_worker.dashboard.problem import Problem

if TYPE_CHECKING:
    from midday_worker.dashboard.call import Call

Handler: TypeAlias = "Callable[[Call], Awaitable[Response]]"


@dataclass(frozen=True, slots=True)
class Route:
    """A method, a path, and what answers it. A part of the path that begins with a colon stands for any text."""

    method: str
    path: str
    handler: Handler

    def match(self, parts: Sequence[str]) -> dict[str, str] | None:
        """Return the texts that stand in the path's open places; None if it is another path."""
        pattern = self.path.strip("/").split("/")
        if len(pattern) != len(parts):
            return None
        found: dict[str, str] = {}
        for expected, part in zip(pattern, parts, strict=True):
            if expected.startswith(":") and part:
                found[expected[1:]] = part
            elif expected != part:
                return None
        return found


class Router:
    """Routes, in the order in which they are tried."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = tuple(routes)

    def find(self, method: str, parts: Sequence[str]) -> tuple[Route, dict[str, str]]:
        """Return the route and the texts in its open places. Raises Problem: 404, or 405 for another method's path."""
        method = "GET" if method == "HEAD" else method
        others: set[str] = set()
        for route in self._routes:
            found = route.match(parts)
            if found is not None and route.method == method:
                return route, found
            if found is not None:
                others.add(route.method)
        if others:
            raise Problem(
                405,
                "ERRORS.FORBIDDEN",
                f"There is no {method} here; there is {', '.join(sorted(others))}.",
                code="METHOD_NOT_ALLOWED",
                headers={"Allow": ", ".join(sorted(others))},
            )
        raise Problem(404, "ERRORS.INVALID_QUERY_PARAM", "There is nothing at this address.", code="NOT_FOUND")
