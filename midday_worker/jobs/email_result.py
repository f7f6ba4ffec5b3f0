"""What becomes of an e-mail: sent, or skipped for a reason. Every job that sends one ends here."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from midday_worker import JobContext, Payload
from midday_worker.jobs.address import parse_sender
from midday_worker.jobs.mail import deliver, load_mail_settings
from midday_worker.jobs.message import Email, compose


class SkipReason(StrEnum):
    """Why an e-mail was not sent, though nothing went wrong."""

    USER_DELETED = "user-deleted"
    UNSUBSCRIBED = "unsubscribed"
    TEAM_CANCELLED = "team-cancelled"
    NO_TEAM = "no-team"
    ALREADY_PAID = "already-paid"
    INVITE_ACCEPTED = "invite-accepted"
    INVITE_REVOKED = "invite-revoked"


class EmailResult(Payload):
    """The result of a job that sends an e-mail: with `message_id` if sent, with `reason` if skipped."""

    status: Literal["sent", "skipped"]
    reason: SkipReason | None = None
    message_id: str | None = None
    delivered_by: Literal["smtp", "file"] | None = None


async def send_email(ctx: JobContext, email: Email) -> EmailResult:
    """Compose and deliver an e-mail, and say so in the job's log.

    Raises:
        NonRetryableError: the mail server refuses the recipient or the message for good.
        DeliveryError: it may be accepted at the next attempt.
        ConfigurationError: the mail settings are wrong.
    """
    settings = load_mail_settings()
    message = compose(email, parse_sender(settings.sender), settings.app_url)
    delivery = await deliver(message, settings)
    unsent = delivery.by == "file" and settings.environment != "development"
    ctx.logger.log(
        "WARNING" if unsent else "INFO",
        "{kind} delivered by {by}: {destination}",
        kind=email.kind,
        by=delivery.by,
        destination=delivery.destination,
    )
    return EmailResult(status="sent", message_id=str(message["Message-ID"]), delivered_by=delivery.by)


def skip_email(ctx: JobContext, reason: SkipReason) -> EmailResult:
    """Say in the job's log that its e-mail isn't wanted any more, and return that as the result."""
    ctx.logger.info("skipped: {reason}", reason=reason.value)
    return EmailResult(status="skipped", reason=reason)
