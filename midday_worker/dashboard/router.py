"""Which route a request is for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias, cast
from urllib.parse import quote, unquote

from starlette.responses import Response
from starlette.routing import Match, Route

from midday_worker.dashboard.error_response import Problem

if TYPE_CHECKING:
    from midday_worker.dashboard.call import Call

Handler: TypeAlias = "Callable[[Call], Awaitable[Response]]"


def find_handler(routes: Sequence[Route], method: str, parts: Sequence[str]) -> tuple[Handler, dict[str, str]]:
    """Return the first route's handler and the texts in its path's open places.

    Starlette's own router would see the decoded path, which an id with a slash divides, and answers in plain text.

    Raises:
        Problem: 404, or 405 for another method's path.
    """
    asked = {"type": "http", "method": method, "path": f"/{'/'.join(quote(part, safe='') for part in parts)}"}
    allowed: set[str] = set()
    for route in routes:
        match, found = route.matches(asked)
        if match is Match.FULL:
            texts = cast("dict[str, str]", found["path_params"])
            return cast("Handler", route.endpoint), {name: unquote(text) for name, text in texts.items()}
        if match is Match.PARTIAL:
            allowed.update(route.methods or ())
    if allowed:
        raise Problem(
            405,
            "ERRORS.FORBIDDEN",
            f"There is no {method} here; there is {', '.join(sorted(allowed))}.",
            code="METHOD_NOT_ALLOWED",
            headers={"Allow": ", ".join(sorted(allowed))},
        )
    raise Problem(404, "ERRORS.INVALID_QUERY_PARAM", "There is nothing at this address.", code="NOT_FOUND")
