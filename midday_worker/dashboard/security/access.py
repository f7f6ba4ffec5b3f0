"""Who asks: roles and logins. What a role may do is checked in `gate.py`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Literal, TypeAlias, cast

from starlette.requests import Request

from midday_worker.dashboard.error_response import FORBIDDEN, Problem
from midday_worker.errors import ConfigurationError
from midday_worker.settings.settings import Settings

Role: TypeAlias = Literal["deny", "viewer", "admin"]
"""What somebody may: nothing, look, or look and act."""


@dataclass(frozen=True, slots=True)
class Access:
    """What somebody may, and their name for the log."""

    role: Role
    user: str = "unknown"


Answer: TypeAlias = Access | Role
Authenticate: TypeAlias = Callable[[Request], Answer | Awaitable[Answer]]
"""Says who makes a request, or just what they may."""


async def ask(authenticate: Authenticate, request: Request) -> Access:
    """Return who makes a request. Raises Problem if they may nothing; an unknown answer counts as that."""
    answer = authenticate(request)
    if inspect.isawaitable(answer):
        answer = await answer
    access = answer if isinstance(answer, Access) else Access(answer)
    if access.role not in ("viewer", "admin"):
        raise Problem(403, FORBIDDEN, "You may not look at this dashboard.", code="DENIED")
    return access


class Login:
    """A user name and a password, by HTTP's Basic authentication; whoever has them may act."""

    def __init__(self, username: str, password: str) -> None:
        self._username, self._password = _digest(username), _digest(password)

    def __call__(self, request: Request) -> Access:
        """Return who logs in. Raises Problem: the browser then asks for both."""
        username, password = _given(request.headers.get("authorization", ""))
        # Both are compared, in the same time whatever they are.
        known = hmac.compare_digest(_digest(username), self._username)
        if hmac.compare_digest(_digest(password), self._password) and known:
            return Access("admin", username)
        raise Problem(
            401,
            FORBIDDEN,
            "Log in with the dashboard's user name and password.",
            code="LOGIN_REQUIRED",
            headers={"WWW-Authenticate": 'Basic realm="midday_worker", charset="UTF-8"'},
        )


_NAMES_OF_THIS_MACHINE: Final = ("localhost",)
_OF_PROXIES: Final = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


def only_from_here(request: Request) -> Access:
    """Admit whoever is on this machine, as BOARD_LOGIN=none asks for. Raises Problem for everybody else."""
    client, server = request.client, cast("tuple[str, int | None] | None", request.scope.get("server"))
    here = client is not None and server is not None and is_loopback(client.host) and is_loopback(server[0])
    # A proxy on this machine asks for whoever asks it.
    if not here or any(name in request.headers for name in _OF_PROXIES):
        raise Problem(
            403,
            FORBIDDEN,
            "With BOARD_LOGIN=none this dashboard answers on 127.0.0.1 only, to this machine, and not through a proxy. "
            "Set BOARD_USERNAME and BOARD_PASSWORD, or BOARD_TOKEN, or give create_dashboard(auth=...).",
            code="LOCAL_ONLY",
        )
    return Access("admin", "local")


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine's own, that no other one reaches."""
    if host in _NAMES_OF_THIS_MACHINE:
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def has_login(settings: Settings) -> bool:
    """Return whether a login is configured. Raises ConfigurationError: half of one is, or more than one."""
    if (settings.board_username is None) != (settings.board_password is None):
        raise ConfigurationError("BOARD_USERNAME and BOARD_PASSWORD go together; only one of them is set.")
    configured = [
        name
        for name, there in (
            ("BOARD_USERNAME", settings.board_username is not None),
            ("BOARD_TOKEN", settings.board_token is not None),
            ("BOARD_LOGIN=none (or --no-login)", settings.board_login == "none"),
        )
        if there
    ]
    if len(configured) > 1:
        raise ConfigurationError(f"The dashboard has one login, but {' and '.join(configured)} are set: choose one.")
    return bool(configured) and settings.board_login != "none"


def refuse_strangers(host: str, settings: Settings) -> None:
    """Refuse to listen where other machines reach the dashboard, unless a login is configured.

    Raises:
        ConfigurationError: none is, or what is configured contradicts itself.
    """
    if not has_login(settings) and not is_loopback(host):
        raise ConfigurationError(
            f"On {host} other machines reach the dashboard, and whoever gets in may act: set BOARD_USERNAME and "
            "BOARD_PASSWORD first, or BOARD_TOKEN."
        )


def _given(header: str) -> tuple[str, str]:
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        return "", ""
    try:
        username, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return username, password


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
