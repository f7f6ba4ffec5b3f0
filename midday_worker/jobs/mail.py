"""The way out: settings, and the mailer that hands a message to an SMTP server or writes it to a file."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import aiosmtplib
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from midday_worker import ConfigurationError, MiddayWorkerError, NonRetryableError, to_milliseconds
from midday_worker.jobs.address import parse_sender

_PERMANENT: Final = 500


def _checked_sender(text: str) -> str:
    parse_sender(text)
    return text


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class MailSettings(BaseSettings):
    """How mail leaves: `MAIL_...` in the environment or in `.env`, beside the worker's own settings.

    Attributes:
        environment: ENVIRONMENT, as the worker's. In development nothing is sent, unless `delivery` says so.
        delivery: "auto" sends by SMTP outside development where `smtp_host` is set, else writes files.
        smtp_tls: "starttls" demands an upgrade, "implicit" begins with TLS, "none" is for a local relay.
        smtp_port: by default what belongs to `smtp_tls`: 587, 465 or 25.
        smtp_timeout: the longest wait for one answer, in milliseconds or as a text such as "10s".
        sender: MAIL_FROM, an address with or without a name.
        directory: where `.eml` files go.
        app_url: what the links in the e-mails begin with.
    """

    model_config = SettingsConfigDict(
        env_prefix="MAIL_",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    environment: Annotated[Literal["development", "staging", "production"], BeforeValidator(_lower)] = Field(
        default="development", validation_alias="ENVIRONMENT"
    )
    delivery: Literal["auto", "smtp", "file"] = "auto"
    smtp_host: str | None = None
    smtp_port: int | None = Field(default=None, ge=1, le=65535)
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_tls: Literal["starttls", "implicit", "none"] = "starttls"
    smtp_timeout: Annotated[int, BeforeValidator(to_milliseconds), Field(ge=1)] = 10_000
    sender: Annotated[str, AfterValidator(_checked_sender)] = Field(
        default="Midday <hello@midday.example>", validation_alias="MAIL_FROM"
    )
    directory: Path = Path(".midday/mail")
    app_url: str = Field(default="http://localhost:3000", pattern=r"^https?://[^\s/]+")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.delivery == "smtp" and self.smtp_host is None:
            raise ValueError('delivery is "smtp", but MAIL_SMTP_HOST is not set')
        if (self.smtp_user is None) != (self.smtp_password is None):
            raise ValueError("MAIL_SMTP_USER and MAIL_SMTP_PASSWORD belong together: set both or neither")
        return self

    @property
    def by_smtp(self) -> bool:
        """Whether messages are sent, not written to files."""
        if self.delivery == "auto":
            return self.environment != "development" and self.smtp_host is not None
        return self.delivery == "smtp"


def load_mail_settings() -> MailSettings:
    """Read the settings from the environment and `.env`.

    Raises:
        ConfigurationError: a value is wrong; the message names its variable, never a secret's value.
    """
    try:
        return MailSettings()
    except ValidationError as error:
        problems = "; ".join(f"{_variable(detail['loc'])}: {detail['msg']}" for detail in error.errors())
        raise ConfigurationError(f"The mail settings are wrong. {problems}") from error


def _variable(location: tuple[int | str, ...]) -> str:
    name = ".".join(map(str, location)).upper()
    return name if not name or name == "ENVIRONMENT" or name.startswith("MAIL_") else f"MAIL_{name}"


class DeliveryError(MiddayWorkerError):
    """The message was not accepted this time: the server is away or busy, or refuses us, not the recipient."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where a message went: `by` "smtp" or "file", and `destination`, the server or the file."""

    by: Literal["smtp", "file"]
    destination: str


async def deliver(message: EmailMessage, settings: MailSettings) -> Delivery:
    """Send a message by SMTP, or write it to a file, as the settings say.

    Raises:
        NonRetryableError: the recipient or the message is refused for good.
        DeliveryError: anything that may be better at the next attempt.
    """
    if settings.by_smtp:
        return await _send(message, settings)
    return await asyncio.to_thread(_write, message, settings.directory)


async def _send(message: EmailMessage, settings: MailSettings) -> Delivery:
    password = settings.smtp_password
    try:
        await aiosmtplib.send(
            message,
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_user,
            password=password.get_secret_value() if password is not None else None,
            timeout=settings.smtp_timeout / 1_000,
            use_tls=settings.smtp_tls == "implicit",
            start_tls=settings.smtp_tls == "starttls",
        )
    except (aiosmtplib.SMTPException, OSError) as error:
        raise refusal(error) from error
    return Delivery("smtp", str(settings.smtp_host))


def refusal(error: Exception) -> NonRetryableError | DeliveryError:
    """Decide whether another attempt can help. Only a 5xx about the recipient or the content is final."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        refused = error.recipients[0]
        if refused.code >= _PERMANENT:
            return NonRetryableError(f"The mail server refuses the recipient: {refused.code} {refused.message}")
        return DeliveryError(f"The mail server defers the recipient: {refused.code} {refused.message}")
    if isinstance(error, aiosmtplib.SMTPDataError) and error.code >= _PERMANENT:
        return NonRetryableError(f"The mail server refuses the message: {error.code} {error.message}")
    if isinstance(error, aiosmtplib.SMTPNotSupported):
        # An address with letters beyond ASCII, and a server that can't have them.
        return NonRetryableError(f"The mail server can't take this message: {error}")
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return DeliveryError(f"The mail server answered {error.code} {error.message}")
    return DeliveryError(f"The mail server can't be reached: {type(error).__name__}: {error}")


def _write(message: EmailMessage, directory: Path) -> Delivery:
    """Write the message under its Message-ID, so that a second attempt replaces the first one's file."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"{message['Message-ID'].strip('<>').partition('@')[0]}.eml"
    unfinished = path.with_suffix(f".{os.getpid()}.part")
    unfinished.write_bytes(message.as_bytes())
    unfinished.replace(path)
    return Delivery("file", str(path))
