"""`TokenLogin`: what a dashboard asks for where no login is configured, as Jupyter does."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final
from urllib.parse import urlencode

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from midday_worker.dashboard.error_response import FORBIDDEN, Problem
from midday_worker.dashboard.paths import base_path, raw_path
from midday_worker.dashboard.security.access import Access, has_login
from midday_worker.dashboard.security.forgery import SAFE
from midday_worker.settings.settings import Settings

_PARAMETER: Final = "token"
_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>This dashboard asks for its token</title>
<style>
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
  main { max-width: 36rem; margin: 15vh auto; padding: 0 1.5rem; }
  h1 { font-size: 1.25rem; }
</style>
<main>
  <h1>This dashboard asks for its token</h1>
  <p>Open the address that it wrote at its start. It ends with <code>?token=</code> and the token, which the browser
    then keeps.</p>
  <p>Whoever runs it can choose the token with <code>BOARD_TOKEN</code>, or have a login instead with
    <code>BOARD_USERNAME</code> and <code>BOARD_PASSWORD</code>.</p>
</main>
</html>
"""


class TokenRequired(Problem):
    """A request without the token; a browser that wants a page gets one that says where the token is."""

    def __init__(self, request: Request) -> None:
        self._page = request.method in SAFE and "text/html" in request.headers.get("accept", "")
        super().__init__(
            401,
            FORBIDDEN,
            "Open the address that the dashboard wrote at its start, with its token; programs send it as "
            "Authorization: Bearer.",
            code="TOKEN_REQUIRED",
            headers={"WWW-Authenticate": 'Bearer realm="midday_worker"'},
        )

    def response(self) -> Response:
        """Return the answer."""
        return HTMLResponse(_PAGE, self.status, self.headers) if self._page else super().response()


class TokenLogin:
    """A token in the address, the cookie or a header; whoever has it may act."""

    def __init__(self, token: str) -> None:
        self._token = _digest(token)
        # Not the token itself: cookies go to the other ports of a host too.
        self._cookie = _digest(f"cookie {token}").hex()

    def __call__(self, request: Request) -> Access:
        """Return who has the token. Raises Problem for everybody else."""
        given = self._given_in_address(request)
        cookie = request.cookies.get(_cookie_name(request), "")
        # All are compared, in the same time whatever they are.
        known = hmac.compare_digest(_digest(given or ""), self._token) and given is not None
        if self.is_in_header(request) | hmac.compare_digest(cookie.encode(), self._cookie.encode()) | known:
            return Access("admin", "token")
        raise TokenRequired(request)

    def is_in_header(self, request: Request) -> bool:
        """Return whether a request has the token in a header, which no page of another site can send."""
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        return hmac.compare_digest(_digest(given.strip()), self._token) and kind.lower() == "bearer"

    def enter(self, request: Request) -> Response | None:
        """Return what an admitted request with a token in its address gets: the cookie, and the address without it."""
        if _PARAMETER not in request.query_params:
            return None
        # Relative, so that it is right behind any proxy, and never another host's.
        query = request.scope["query_string"].decode()
        place = f"./{raw_path(request.scope).rpartition('/')[2]}"
        response = RedirectResponse(f"{place}?{query}" if query else place, 303)
        response.set_cookie(
            _cookie_name(request),
            self._cookie,
            path=base_path(request.scope),
            secure=request.url.scheme == "https",
            httponly=True,
            # Not "strict": a link to the dashboard on another page would begin without it.
            samesite="lax",
        )
        return response

    def _given_in_address(self, request: Request) -> str | None:
        """Return the address's token, and take it out of the scope, which servers write into their access logs."""
        params = request.query_params
        if _PARAMETER not in params:
            return None
        left = [(name, value) for name, value in params.multi_items() if name != _PARAMETER]
        request.scope["query_string"] = urlencode(left).encode()
        return params[_PARAMETER] if request.method in SAFE else None


def with_token(settings: Settings) -> tuple[Settings, str]:
    """Return settings with a token, made now where no login is configured; and the query of the address that holds it.

    Raises:
        ConfigurationError: what is configured contradicts itself.
    """
    if has_login(settings) or settings.board_login == "none":
        return settings, ""
    token = secrets.token_urlsafe(32)
    return settings.model_copy(update={"board_token": SecretStr(token)}), f"?{_PARAMETER}={token}"


def _cookie_name(request: Request) -> str:
    # By port: cookies are of a host, and each dashboard on it has a token of its own.
    return f"BOARD-TOKEN-{request.url.port or request.url.scheme}"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
