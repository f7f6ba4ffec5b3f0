"""A real SMTP server in the test's event loop, which keeps what it gets and answers what the test wants."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Literal

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from midday_worker.jobs.mail import MailSettings

Step = Literal["MAIL", "RCPT", "DATA"]


@dataclass
class PostOffice:
    """What arrived, and what is answered. Without an entry in `answers` everything is accepted."""

    port: int = 0
    answers: dict[Step, list[str]] = field(default_factory=dict[Step, list[str]])
    envelopes: list[Envelope] = field(default_factory=list[Envelope])
    logins: list[tuple[bytes, bytes]] = field(default_factory=list[tuple[bytes, bytes]])

    @property
    def messages(self) -> list[EmailMessage]:
        """The messages as a mail program would read them."""
        return [_read(envelope) for envelope in self.envelopes]

    def settings(self, **values: object) -> MailSettings:
        """Settings that send here, in plain unless told otherwise."""
        given = {
            "environment": "production",
            "smtp_host": "localhost",
            "smtp_port": self.port,
            "smtp_tls": "none",
            "smtp_timeout": "5s",
        }
        return MailSettings.model_validate(given | values)

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take or refuse a sender."""
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self._answer("MAIL", "250 OK")

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take or refuse a recipient."""
        envelope.rcpt_tos.append(address)
        return self._answer("RCPT", "250 OK")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take or refuse a message."""
        answer = self._answer("DATA", "250 OK")
        if answer.startswith("2"):
            self.envelopes.append(envelope)
        return answer

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        """Accept one user."""
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        # handled=False: the server itself answers 535.
        return AuthResult(success=data.password == b"open sesame", handled=False)

    def _answer(self, step: Step, otherwise: str) -> str:
        waiting = self.answers.get(step, [])
        return waiting.pop(0) if waiting else otherwise


@asynccontextmanager
async def post_office(
    *, utf8: bool = True, starttls: ssl.SSLContext | None = None, implicit: ssl.SSLContext | None = None
) -> AsyncGenerator[PostOffice]:
    """Run a server on a free port of the loopback interface."""
    office = PostOffice()
    loop = asyncio.get_running_loop()

    def protocol() -> SMTP:
        return SMTP(
            office,
            hostname="localhost",
            loop=loop,
            enable_SMTPUTF8=utf8,
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=office.authenticate if starttls is not None else None,
        )

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=implicit)
    office.port = server.sockets[0].getsockname()[1]
    try:
        yield office
    finally:
        server.close()
        await server.wait_closed()


def _read(envelope: Envelope) -> EmailMessage:
    assert isinstance(envelope.content, bytes)
    message = message_from_bytes(envelope.content, policy=default)
    assert isinstance(message, EmailMessage)
    return message
