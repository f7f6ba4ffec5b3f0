"""Requests that another site's page made in the user's browser."""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from midday_worker.dashboard.error_response import FORBIDDEN, Problem
from midday_worker.dashboard.paths import base_path

COOKIE: Final = "XSRF-TOKEN"
HEADER: Final = "X-XSRF-TOKEN"
SAFE: Final = ("GET", "HEAD")

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_OWN_PAGE: Final = ("same-origin", "none")


def check_origin(request: Request) -> None:
    """Raise Problem for a request that a page of another origin made."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin is not None:
        try:
            same = urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()
        except ValueError:
            same = False
        if not same:
            raise _forged("It comes from a page of another origin.")
    elif site is not None and site not in _OWN_PAGE:
        raise _forged("It comes from a page of another site.")


def check_token(request: Request) -> None:
    """Raise Problem unless a request repeats the cookie's token in its header, which no other site can read."""
    cookie, header = request.cookies.get(COOKIE, ""), request.headers.get(HEADER, "")
    if not _TOKEN.fullmatch(cookie) or not hmac.compare_digest(cookie.encode(), header.encode()):
        raise _forged(f"It needs the token of the cookie {COOKIE} in its header {HEADER}.")


def give_token(request: Request, response: Response) -> None:
    """Give the browser a token, unless it has one."""
    if request.method in SAFE and not _TOKEN.fullmatch(request.cookies.get(COOKIE, "")):
        response.set_cookie(
            COOKIE,
            secrets.token_urlsafe(32),
            path=base_path(request.scope),
            secure=request.url.scheme == "https",
            samesite="strict",
        )


def _forged(why: str) -> Problem:
    return Problem(403, FORBIDDEN, f"The request was not made by this dashboard's page. {why}", code="CSRF")
